// The look of Kestra's http.Trigger: one request, and a condition about its answer.
// Errors: as http.Request's, but that no status code is one. Threads: a slot's. Source: FLOWS 4.4.
#pragma once

#include "worker/registry.h"

namespace headrace::worker {

TaskType HttpTrigger();

}  // namespace headrace::worker
