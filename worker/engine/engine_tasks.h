// Tasks that ask the engine about executions beside their own; the seam is engine_door.h.
#pragma once

#include <vector>

#include "worker/registry.h"

namespace headrace::worker {

// execution.Count and execution.Resume.
std::vector<TaskType> ExecutionTasks();
// log.Fetch and log.PurgeLogs.
std::vector<TaskType> LogTasks();
// execution.PurgeExecutions and storage.PurgeStorage.
std::vector<TaskType> PurgeTasks();

// trigger.Toggle.
std::vector<TaskType> TriggerTasks();

}  // namespace headrace::worker
