// What people do to an execution beside killing and restarting it.
#include <algorithm>

#include "executor/transitions.h"
#include "executor/verbs.h"

namespace headrace::executor {

using model::State;
using model::TaskRunIndex;

namespace {

bool IsSystem(const model::Label& label) { return label.first.starts_with("system."); }

// Runs that were created while the execution was held.
void BeginHeld(Step& step) {
  const std::set<TaskRunIndex> open = step.books().open;
  for (const TaskRunIndex index : open) {
    if (step.state(index) == State::kCreated && !step.run(index).superseded) BeginCreated(step, index);
  }
}

}  // namespace

void OnPauseRequested(Step& step) {
  const State state = step.state();
  const bool runs = state == State::kRunning || state == State::kPaused || state == State::kRetrying;
  if (step.execution().state.changes.empty() || !runs || step.execution().held) return;
  step.Edit().held = true;
}

void OnResumeRequested(Step& step, const model::ResumeRequested& event) {
  if (step.execution().state.changes.empty() || model::IsTerminal(step.state()) || step.killing()) return;
  if (step.execution().held && !event.task_run) {
    step.Edit().held = false;
    BeginHeld(step);
    return;
  }
  const std::optional<TaskRunIndex> paused = step.live().Resumable(event.task_run);
  if (paused) step.program(*paused).type->Resume(step, *paused, event);
}

void OnStatusChanged(Step& step, const model::StatusChanged& event) {
  const State state = step.state();
  if (step.execution().state.changes.empty() || !model::IsTerminal(state) || !model::IsTerminal(event.state) ||
      state == event.state || !step.live().ended() || !MayMove(Subject::kExecution, state, event.state)) {
    return;
  }
  step.EnterExecution(event.state);
}

void OnLabelsSet(Step& step, const model::LabelsSet& event) {
  if (step.execution().state.changes.empty()) return;
  std::vector<model::Label> labels = event.labels;
  std::erase_if(labels, IsSystem);
  for (const model::Label& label : step.execution().labels) {
    if (IsSystem(label)) labels.push_back(label);
  }
  if (labels != step.execution().labels) step.Edit().labels = std::move(labels);
}

void OnReplayed(Step& step) {
  if (step.execution().state.changes.empty()) return;
  const model::Label mark{"system.replayed", "true"};
  const auto& labels = step.execution().labels;
  if (std::find(labels.begin(), labels.end(), mark) == labels.end()) step.Edit().labels.push_back(mark);
}

}  // namespace headrace::executor
