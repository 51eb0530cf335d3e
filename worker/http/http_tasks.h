// http.Request and http.Download. Threads: pure. Source: FLOWS 1.9.
#pragma once

#include <vector>

#include "worker/registry.h"

namespace headrace::worker {

std::vector<TaskType> HttpTasks();

}  // namespace headrace::worker
