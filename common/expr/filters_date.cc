#include "common/expr/builtin.h"

namespace headrace::expr {

std::span<const Builtin> DateFilters() { return {}; }
std::span<const Builtin> DateFunctions() { return {}; }

}  // namespace headrace::expr
