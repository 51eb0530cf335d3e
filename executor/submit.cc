#include <algorithm>

#include "executor/verbs.h"

namespace headrace::executor {

using model::Admission;
using model::State;

namespace {

// What belongs together is found by it: children inherit the one of their root.
void LabelCorrelation(model::Execution& execution) {
  constexpr std::string_view kCorrelation = "system.correlationId";
  if (std::none_of(execution.labels.begin(), execution.labels.end(),
                   [](const model::Label& label) { return label.first == kCorrelation; })) {
    execution.labels.emplace_back(kCorrelation, execution.id.str());
  }
}

// Ended before it began.
void TurnAway(Step& step, State state, const std::string& reason) {
  step.Edit().message = reason;
  step.Log(std::nullopt, state == State::kFailed ? "ERROR" : "WARN", reason);
  step.EnterExecution(state);
  CloseExecution(step);
}

}  // namespace

void OnSubmitted(Step& step, const model::Submitted& event) {
  if (!step.execution().state.changes.empty()) return;
  model::Execution& execution = step.Edit();
  execution.inputs = event.inputs;
  execution.labels = event.labels;
  execution.trigger = event.trigger;
  execution.parent = event.parent;
  execution.scheduled = event.scheduled;
  execution.original_id = event.original_id;
  execution.replay_of = event.replay_of;
  execution.attempt_number = event.attempt_number;
  LabelCorrelation(execution);
  step.EnterExecution(State::kCreated);
  if (event.replay != nullptr) TakeOver(step, *event.replay);
  switch (event.admission) {
    case Admission::kCancel: return TurnAway(step, State::kCancelled, event.reason);
    case Admission::kFail: return TurnAway(step, State::kFailed, event.reason);
    case Admission::kQueue:
      step.Log(std::nullopt, "INFO", event.reason);
      step.EnterExecution(State::kQueued);
      return;
    case Admission::kRun: break;
  }
  if (event.scheduled && *event.scheduled > step.at()) {
    for (const model::SetTimer& timer : ExecutionTimers(step.flow(), step.execution())) step.Emit(timer);
    return;
  }
  BeginExecution(step);
}

void BeginExecution(Step& step) {
  step.EnterExecution(State::kRunning);
  for (const model::SetTimer& timer : ExecutionTimers(step.flow(), step.execution())) step.Emit(timer);
  bool resumed = false;
  while (BeginNextRestarted(step, std::nullopt)) resumed = true;
  if (resumed) return;
  if (!StartNext(step, std::nullopt, step.flow().tasks, ListKind::kMain)) EndMainList(step, std::nullopt);
}

void OnUnqueued(Step& step, const model::Unqueued& event) {
  const State state = step.state();
  if (step.execution().state.changes.empty() || (state != State::kQueued && state != State::kCreated)) return;
  switch (event.admission) {
    case Admission::kRun: return BeginExecution(step);
    case Admission::kCancel:
    case Admission::kFail:
      StopDescendants(step, std::nullopt, "The execution is taken out of the queue");
      step.EnterExecution(event.admission == Admission::kCancel ? State::kCancelled : State::kFailed);
      return CloseExecution(step);
    case Admission::kQueue: return;
  }
}

}  // namespace headrace::executor
