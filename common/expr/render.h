// RenderDeep as a part of a render that already has a budget.
#pragma once

#include "common/expr/budget.h"
#include "common/expr/template.h"

namespace headrace::expr {

struct DeepRender {
  const Value& context;
  Environment& environment;
  Budget& budget;
  bool typed = false;
};

Result<Value> RenderDeep(const Value& value, const DeepRender& how);

}  // namespace headrace::expr
