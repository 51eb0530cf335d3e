#include "executor/flowable/subflow.h"
#include "executor/verbs.h"

namespace headrace::executor {

using model::State;
using model::TaskRun;
using model::TaskRunIndex;

namespace {

// The run that waits for this child, if it still does.
bool Awaits(const Step& step, TaskRunIndex index, const ExecutionId& child) {
  if (index >= step.execution().task_runs.size()) return false;
  const TaskRun& run = step.run(index);
  const State state = run.state.current();
  return !run.superseded && (state == State::kSubmitted || state == State::kRunning) && ChildOf(run) == child;
}

// A child that is retried as a new execution: the run waits for that one from now on.
void TakeReplacement(Step& step, const model::ChildStarted& event) {
  if (event.task_run >= step.execution().task_runs.size()) return;
  const TaskRun& run = step.run(event.task_run);
  const std::optional<ExecutionId> child = ChildOf(run);
  if (child && *child != event.child && Awaits(step, run.index, *child) && run.attempt == event.attempt) {
    step.Edit(run.index).outputs["executionId"] = event.child.str();
  }
}

}  // namespace

void OnChildStarted(Step& step, const model::ChildStarted& event) {
  TakeReplacement(step, event);
  if (!Awaits(step, event.task_run, event.child) || step.run(event.task_run).attempt != event.attempt ||
      step.state(event.task_run) != State::kSubmitted) {
    return;
  }
  step.Enter(event.task_run, State::kRunning);
  if (!WaitsForChild(step.task(event.task_run))) return SucceedRun(step, event.task_run);
  const SteeredType* owner = step.program(event.task_run).owner;
  if (owner != nullptr && !step.killing()) owner->ChildBegan(step, *step.run(event.task_run).parent);
}

void OnChildRejected(Step& step, const model::ChildRejected& event) {
  if (event.task_run >= step.execution().task_runs.size()) return;
  const std::optional<ExecutionId> child = ChildOf(step.run(event.task_run));
  if (!child || !Awaits(step, event.task_run, *child) || step.run(event.task_run).attempt != event.attempt) return;
  step.Edit(event.task_run).outputs.clear();
  FailRun(step, event.task_run, event.message);
}

void OnChildEnded(Step& step, const model::ChildEnded& event) {
  // A child that was restarted by itself is one attempt ahead until its parent hears of it.
  if (!Awaits(step, event.task_run, event.child) || event.attempt < step.run(event.task_run).attempt) return;
  const TaskRunIndex index = event.task_run;
  if (step.state(index) == State::kSubmitted) step.Enter(index, State::kRunning);
  TaskRun& run = step.Edit(index);
  run.outputs["state"] = model::StateName(event.state);
  run.outputs["outputs"] = event.outputs;
  const State outcome = TransmittedState(step.task(index), event.state);
  if (outcome == State::kFailed) {
    FailRun(step, index, "The subflow's execution " + event.child.str() + " ended FAILED");
  } else if (outcome == State::kSuccess) {
    SucceedRun(step, index);
  } else {
    EndRun(step, index, outcome);
  }
}

}  // namespace headrace::executor
