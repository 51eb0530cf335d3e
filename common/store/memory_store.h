// A real store that forgets when the process ends: for `headrace run`, tests and the simulator.
// Threads: as store.h; `done` runs inline.
#pragma once

#include <memory>

#include "common/store/store.h"

namespace headrace::store {

std::unique_ptr<Store> MakeMemoryStore();
std::unique_ptr<FlowStore> MakeMemoryFlowStore();
std::unique_ptr<LogStore> MakeMemoryLogStore();

}  // namespace headrace::store
