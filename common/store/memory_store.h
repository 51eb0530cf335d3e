// A real store that forgets when the process ends: for `headrace run`, tests and the simulator.
// Threads: as store.h; `done` runs inline.
#pragma once

#include <memory>

#include "common/base/clock.h"
#include "common/store/store.h"

namespace headrace::store {

std::unique_ptr<Store> MakeMemoryStore();
// `clock` says when a request has expired, and outlives the store.
std::unique_ptr<Store> MakeMemoryStore(const Clock& clock);
std::unique_ptr<FlowStore> MakeMemoryFlowStore();
std::unique_ptr<LogStore> MakeMemoryLogStore(LogLimits limits = {});

}  // namespace headrace::store
