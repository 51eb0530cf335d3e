// Conditions of triggers: about a date, about the execution that a flow trigger sees, or any expression.
// Shapes: conditions as written in a flow; their expressions see `context`. Type names may be aliases.
// Errors: an expression that does not render, or a condition about what is not there (an execution, at a schedule).
// Threads: pure but for the environment. Source: FLOWS 4.5.
#pragma once

#include <optional>

#include "common/expr/environment.h"
#include "common/expr/zone.h"
#include "common/model/execution.h"

namespace headrace::scheduler {

struct ConditionSubject {
  const Value& context;
  expr::Environment& environment;
  const expr::Zone& zone;                       // of dates, and of times that name none
  Timestamp date{};                             // trigger.date, or now
  const model::Flow& flow;                      // the trigger's
  const model::Execution* execution = nullptr;  // the one that a flow trigger looks at
};

// All of them hold.
Result<bool> Hold(const Array& conditions, const ConditionSubject& subject);

}  // namespace headrace::scheduler
