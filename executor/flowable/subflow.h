// What the executor knows about a run that waits for another execution (Subflow, a batch of a ForEachItem).
// Shapes: the child's id is kept in the run's outputs, from the moment it is asked for.
// Threads: as Step.
#pragma once

#include <optional>
#include <vector>

#include "executor/step.h"

namespace headrace::executor {

// Which flow to start, with what, and how to take its end.
std::vector<model::PropertySpec> ChildFlowProperties();
// Asks for the child; the run fails if a property does not come to anything. REQUIRES: the run is SUBMITTED.
void StartSubflow(Step& step, model::TaskRunIndex self);
std::optional<ExecutionId> ChildOf(const model::TaskRun& run);
bool WaitsForChild(const model::Task& task);
bool TransmitsFailure(const model::Task& task);
// The run's outcome by its child's, as transmitFailed says.
model::State TransmittedState(const model::Task& task, model::State child);
// Restarts the same child if it had failed; false when a new child is due. REQUIRES: the run is RESTARTED.
bool RestartChildOf(Step& step, model::TaskRunIndex index);
// The outputs go back to naming the child alone.
void ForgetChildsEnd(Step& step, model::TaskRunIndex index);
// RESTARTED to RUNNING, for a child that runs again.
void AwaitAgain(Step& step, model::TaskRunIndex index);

}  // namespace headrace::executor
