// Flow outputs: a rendered value as the type that the flow declares for it.
// Errors: INVALID_ARGUMENT naming the output and why the value does not fit.
// Threads: pure. Source: FLOWS 1.2 (end of flow) and 1.4 (types).
#pragma once

#include "common/base/error.h"
#include "common/flow/inputs.h"
#include "common/model/flow.h"

namespace headrace::flow {

// An output without a type keeps its value. A null is null where `required` is false, else an error.
Result<Value> TypeOutput(const model::OutputSpec& spec, const Value& rendered, const InputSeams& seams = {});

}  // namespace headrace::flow
