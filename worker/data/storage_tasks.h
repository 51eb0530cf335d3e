// storage.* and namespace.*: files of executions and of namespaces. Threads: pure. Source: FLOWS 1.9.
#pragma once

#include <vector>

#include "worker/registry.h"

namespace headrace::worker {

std::vector<TaskType> StorageTasks();
// What is left of `from`, to the end of `to`.
Status AppendFile(ScratchFile& to, int from);
std::vector<TaskType> ItemTasks();
std::vector<TaskType> NamespaceTasks();

}  // namespace headrace::worker
