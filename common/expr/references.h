// What a syntax tree names of its context.
// Shapes: over-reports rather than under-reports: a variable set only in one branch of an `if` also counts as a path.
// Threads: pure.
#pragma once

#include "common/expr/ast.h"
#include "common/expr/template.h"

namespace headrace::expr {

References CollectReferences(const Program& program);

}  // namespace headrace::expr
