// The tasks without a process: log, return, outputs, fail, assert, sleep.
// Threads: pure. Source: FLOWS 1.9.
#pragma once

#include <vector>

#include "worker/registry.h"

namespace headrace::worker {

std::vector<TaskType> CoreTasks();

}  // namespace headrace::worker
