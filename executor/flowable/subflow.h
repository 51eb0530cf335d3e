// What the executor knows about a run that waits for another execution (Subflow).
// Shapes: the child's id is kept in the run's outputs, from the moment it is asked for.
// Threads: as Step.
#pragma once

#include <optional>

#include "executor/step.h"

namespace headrace::executor {

std::optional<ExecutionId> ChildOf(const model::TaskRun& run);
bool WaitsForChild(const model::Task& task);
// The run's outcome by its child's, as transmitFailed says.
model::State TransmittedState(const model::Task& task, model::State child);
// Restarts the same child if it had failed; false when a new child is due. REQUIRES: the run is RESTARTED.
bool RestartChildOf(Step& step, model::TaskRunIndex index);
// The outputs go back to naming the child alone.
void ForgetChildsEnd(Step& step, model::TaskRunIndex index);
// RESTARTED to RUNNING, for a child that runs again.
void AwaitAgain(Step& step, model::TaskRunIndex index);

}  // namespace headrace::executor
