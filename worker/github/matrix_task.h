// HealthMatrix: which workflows are green on which branches, and what has changed since the last scheduled night.
// Threads: pure. Source: GITHUB 5(f).
#pragma once

#include <vector>

#include "worker/github/github_tasks.h"

namespace headrace::worker::github {

std::vector<TaskType> MatrixTasks(const SharedHub& hub);  // HealthMatrix

}  // namespace headrace::worker::github
