// jq programs over values; the one home of libjq.
// Errors: INVALID_ARGUMENT with jq's own message; RESOURCE_EXHAUSTED past `results_max`.
// Threads: any; one interpreter a call.
#pragma once

#include <string_view>

#include "common/base/error.h"
#include "common/model/value.h"

namespace headrace::expr {

// All results of `program` for `input`.
Result<Array> RunJq(std::string_view program, const Value& input, std::size_t results_max);

}  // namespace headrace::expr
