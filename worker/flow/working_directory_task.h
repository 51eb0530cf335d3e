// Tasks that run other tasks inside their own job: flow.WorkingDirectory and templating.TemplatedTask.
// Threads: pure. Source: FLOWS 1.6 and 1.9.
#pragma once

#include <vector>

#include "worker/registry.h"

namespace headrace::worker {

std::vector<TaskType> ComposingTasks();
TaskType TemplatedTask();

}  // namespace headrace::worker
