#include <algorithm>

#include "common/base/check.h"
#include "executor/transitions.h"
#include "executor/verbs.h"

namespace headrace::executor {

using model::Attempt;
using model::State;
using model::TaskRun;
using model::TaskRunIndex;

State Tolerated(const model::Task& task, State outcome) {
  if (outcome == State::kFailed && task.allow_failure) outcome = State::kWarning;
  if (outcome == State::kWarning && task.allow_warning) outcome = State::kSuccess;
  return outcome;
}

void OpenAttempt(Step& step, TaskRunIndex index, Timestamp when) {
  Attempt& attempt = step.Edit(index).attempts.emplace_back();
  attempt.state.Enter(State::kCreated, when);
  attempt.state.Enter(State::kRunning, when);
}

void EndAttempt(Step& step, TaskRunIndex index, State state, std::optional<Timestamp> started) {
  TaskRun& run = step.Edit(index);
  if (run.attempts.empty() || model::IsTerminal(run.attempts.back().state.current())) {
    run.attempts.emplace_back().state.Enter(State::kCreated, started.value_or(step.at()));
    if (started) run.attempts.back().state.Enter(State::kRunning, *started);
  }
  model::StateHistory& history = run.attempts.back().state;
  CHECK(MayMove(Subject::kAttempt, history.current(), state));
  history.Enter(state, std::max(step.at(), history.last_changed()));
}

void FinishRun(Step& step, TaskRunIndex index, State outcome) {
  EndAttempt(step, index, outcome);
  ClearTimers(step, index);
  step.Enter(index, outcome);
  step.QueueEnded(index);
}

void EndRun(Step& step, TaskRunIndex index, State outcome) {
  const model::Task& task = step.task(index);
  const State state = step.state(index);
  if (task.role == model::TaskRole::kFlowable && step.scope(index).open > 0) {
    StopDescendants(step, index, step.run(index).message);
  }
  const bool begun = state == State::kRunning || state == State::kPaused;
  const bool has_more = !ListOf(step.flow(), &task, ListKind::kErrors).empty() ||
                        !ListOf(step.flow(), &task, ListKind::kFinally).empty();
  if (step.killing() || !begun || !has_more) return FinishRun(step, index, Tolerated(task, outcome));
  ClearTimers(step, index);
  if (state == State::kPaused) step.Enter(index, State::kRunning);
  step.Decide(index, outcome);
  EndList(step, index);
}

void SucceedRun(Step& step, TaskRunIndex index) {
  const model::Task& task = step.task(index);
  const bool retried = task.retry && task.retry->warning_on_retry && AttemptsMade(step.run(index)) > 1;
  EndRun(step, index, retried ? State::kWarning : State::kSuccess);
}

void FailRun(Step& step, TaskRunIndex index, std::string message, bool log) {
  if (log) step.Log(index, "ERROR", message);
  step.Edit(index).message = std::move(message);
  if (!step.killing() && RetryRun(step, index)) return;
  EndRun(step, index, State::kFailed);
}

void FailForGood(Step& step, TaskRunIndex index, std::string message) {
  step.Log(index, "ERROR", message);
  step.Edit(index).message = std::move(message);
  EndRun(step, index, State::kFailed);
}

}  // namespace headrace::executor
