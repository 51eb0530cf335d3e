// The outcome of a task that is a polling trigger's look. Threads: values.
#pragma once

#include "common/model/look_answer.h"
#include "worker/task_runner.h"

namespace headrace::worker {

inline TaskOutcome LookOutcome(model::LookAnswer answer) { return TaskOutcome::Success(model::ToOutputs(std::move(answer))); }

}  // namespace headrace::worker
