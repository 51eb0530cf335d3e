// An execution as Kestra's execution JSON.
// Shapes: REST.md "Execution JSON": nulls are left out, dates are ISO-8601 in UTC with offset, durations ISO-8601 once ended.
//   `taskRunList` is what counts, as in Kestra: of a loop the present iteration. Earlier iterations and what a restart
//   undid stand under our own key `taskRunHistory`. Also ours: `message`, `due` and `deadline`, and of an execution `cursor`.
// Threads: pure.
#pragma once

#include <string>

#include "common/model/value.h"

namespace headrace::api {

namespace v1 {
class Execution;
}

Object ExecutionObject(const v1::Execution& execution);
// Compact, one line without its end.
std::string ExecutionJson(const v1::Execution& execution);

}  // namespace headrace::api
