// What the tasks of this folder read from their properties alike.
// Errors: as TaskContext's; a text that is no instant, state or level names the property.
// Threads: the task's.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "worker/engine_door.h"
#include "worker/task_runner.h"

namespace headrace::worker {

// FAILED_PRECONDITION naming the option when this worker was given no way to the engine.
Result<EngineDoor*> Door(const TaskContext& context);

// "2026-01-31T00:00:00Z", with any offset and a zone in brackets behind it.
Result<std::optional<Timestamp>> Instant(TaskContext& context, std::string_view property);
Result<std::vector<model::State>> States(TaskContext& context, std::string_view property);

// The properties namespace, flowId, startDate and endDate as Kestra's purge tasks read them: a namespace without a flow
// means those below it too; both dates are included.
Result<ExecutionFilter> PurgeFilter(TaskContext& context);
// Whether the namespaces and the flow of the filter hold this name.
bool Holds(const ExecutionFilter& filter, std::string_view ns, std::string_view flow_id);

// The execution that namespace, flowId and executionId name: without executionId the task's own.
Result<ExecutionId> NamedExecution(TaskContext& context, EngineDoor& door);

}  // namespace headrace::worker
