// kv.* and the legacy state.*: keys of namespaces. Threads: pure. Source: FLOWS 1.9.
#pragma once

#include <vector>

#include "worker/registry.h"

namespace headrace::worker {

std::vector<TaskType> KvTasks();
std::vector<TaskType> StateTasks();

}  // namespace headrace::worker
