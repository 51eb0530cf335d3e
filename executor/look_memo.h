// What a task that is looked at again has left for its next look (look.cc).
// Threads: pure.
#pragma once

#include "common/model/execution.h"

namespace headrace::executor {

// Null when the attempt begins.
const Value* LookMemo(const model::TaskRun& run);

}  // namespace headrace::executor
