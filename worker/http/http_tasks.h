// http.Request, http.Download and http.SseRequest. Threads: pure. Source: FLOWS 1.9.
#pragma once

#include <vector>

#include "worker/http_client/http_client.h"
#include "worker/registry.h"

namespace headrace::worker {

std::vector<TaskType> HttpTasks();
// The request that the task's properties describe.
Result<HttpRequest> PlanTask(TaskContext& context);

}  // namespace headrace::worker
