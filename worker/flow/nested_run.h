// Runs one task inside another's job, on its thread and in its working directory.
// Errors: outcomes. A child's timeout is FAILED "Timeout after …"; the job's cancel reaches the child, which is KILLED.
// Threads: the slot's.
#pragma once

#include <memory>

#include "worker/task_runner.h"

namespace headrace::worker {

// `variables` is what the child's expressions see.
TaskOutcome RunNested(TaskContext& outer, std::shared_ptr<const wire::TaskSpec> spec, Object variables);

}  // namespace headrace::worker
