// http.Request, http.Download, http.SseRequest and http.Trigger. Threads: pure. Source: FLOWS 1.9.
#pragma once

#include <vector>

#include "worker/http_client/http_client.h"
#include "worker/registry.h"

namespace headrace::worker {

std::vector<TaskType> HttpTasks();
// The request that the task's properties describe.
Result<HttpRequest> PlanTask(TaskContext& context);
// Sends it; the outputs of http.Request. `allow_failed`: a status that says so is an answer, too, whatever the options say.
Result<Object> CallAsTask(TaskContext& context, bool allow_failed);
std::vector<model::PropertySpec> HttpProperties();
std::vector<model::PropertySpec> HttpOutputs();

}  // namespace headrace::worker
