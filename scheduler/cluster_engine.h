// The engine of one of several schedulers that share a store: what concerns a partition of another is asked there.
// Errors: as engine.h; UNAVAILABLE when the scheduler that drives the partition cannot be asked, and it is not known then
//   whether it did what was wanted. While nobody drives it a call waits for the next owner, a while.
// Threads: as engine.h.
#pragma once

#include <memory>

#include "scheduler/engine.h"

namespace headrace::scheduler {

// REQUIRES: options.cluster.
Result<std::unique_ptr<Engine>> StartClusterEngine(EngineOptions options);

}  // namespace headrace::scheduler
