// jq programs over values; the one home of libjq.
// Errors: INVALID_ARGUMENT with jq's own message; RESOURCE_EXHAUSTED past `nodes_max` values of results, 256 levels, or
//   `time_left`: jq has no budget of its own, so this guard alone looks at a clock.
// Threads: any; a run has a thread of its own.
#pragma once

#include <chrono>
#include <string_view>

#include "common/base/error.h"
#include "common/model/value.h"

namespace headrace::expr {

// All results of `program` for `input`. What it took is taken from `time_left`.
Result<Array> RunJq(std::string_view program, const Value& input, std::size_t nodes_max,
                    std::chrono::nanoseconds& time_left);

}  // namespace headrace::expr
