// Restart runs again what failed and the flowables around it; what had reacted to the failure (errors, finally,
// afterExecution) is undone and stays as history. It looks at every run once: people restart, events do not.
#include <algorithm>

#include "common/base/check.h"
#include "executor/flowable/subflow.h"
#include "executor/transitions.h"
#include "executor/verbs.h"

namespace headrace::executor {

using model::State;
using model::TaskRole;
using model::TaskRun;
using model::TaskRunIndex;

namespace {

using Chosen = std::vector<bool>;

// Children of a job that a worker runs as a whole begin with it or not at all.
bool IsNested(const Step& step, const TaskRun& run) {
  return run.parent && step.task(*run.parent).role == TaskRole::kRunnable;
}

// Failed runs whose enclosing runs all failed too: a failure that was tolerated stays.
Chosen ChooseFailed(const Step& step) {
  const auto& runs = step.execution().task_runs;
  Chosen chosen(runs.size());
  for (const TaskRun& run : runs) {
    chosen[run.index] = !run.superseded && StopsList(run.state.current()) &&
                        step.program(run.index).list == ListKind::kMain && (!run.parent || chosen[*run.parent]) &&
                        !IsNested(step, run);
  }
  return chosen;
}

// The run and those around it; nothing if it stands in an errors, finally or afterExecution list, or if its failure was
// tolerated further out.
Chosen ChooseWithAncestors(const Step& step, TaskRunIndex index) {
  Chosen chosen(step.execution().task_runs.size());
  for (std::optional<TaskRunIndex> at = index; at; at = step.run(*at).parent) {
    if (step.program(*at).list != ListKind::kMain || !StopsList(step.state(*at))) return {};
    chosen[*at] = true;
  }
  return chosen;
}

void SupersedeReactions(Step& step, const Chosen& chosen) {
  const auto& runs = step.execution().task_runs;
  for (TaskRunIndex i = 0; i < runs.size(); ++i) {
    const TaskRun& run = runs[i];
    const bool reaction = (step.program(i).list != ListKind::kMain || IsNested(step, run)) &&
                          (!run.parent || chosen[*run.parent]);
    const bool undone = run.parent && runs[*run.parent].superseded;
    if (!run.superseded && (reaction || undone)) step.Edit(i).superseded = true;
  }
}

void MarkRestarted(Step& step, const Chosen& chosen) {
  for (TaskRunIndex i = 0; i < chosen.size(); ++i) {
    if (!chosen[i]) continue;
    TaskRun& run = step.Edit(i);
    CHECK(MayMove(Subject::kTaskRun, run.state.current(), State::kRestarted));
    run.state.Enter(State::kRestarted, std::max(step.at(), run.state.last_changed()));
    ++run.attempt;
    run.message.clear();
  }
}

void LabelRestarted(model::Execution& execution) {
  const model::Label restarted("system.restarted", "true");
  for (model::Label& label : execution.labels) {
    if (label.first == restarted.first) {
      label = restarted;
      return;
    }
  }
  execution.labels.push_back(restarted);
}

// The execution is RESTARTED with the chosen runs; they are still to begin.
void Revive(Step& step, const Chosen& chosen) {
  StopDescendants(step, std::nullopt, "The execution is restarted");  // afterExecution may be at work
  SupersedeReactions(step, chosen);
  MarkRestarted(step, chosen);
  step.RebuildBooks();
  step.EnterExecution(State::kRestarted);
  model::Execution& execution = step.Edit();
  ++execution.attempt_number;
  execution.message.clear();
  execution.outputs.clear();
  execution.kill_requested = false;
  execution.held = false;
  execution.closed = false;
  LabelRestarted(execution);
  if (execution.parent) {
    ++execution.parent->attempt;
    step.Emit(model::ReviveParent{});
  }
}

void GoOn(Step& step) {
  step.EnterExecution(State::kRunning);
  for (const model::SetTimer& timer : ExecutionTimers(step.flow(), step.execution())) step.Emit(timer);
}

// The flow's tasks had not failed but its end had (an output), or nothing had begun.
void ContinueRoot(Step& step) {
  if (step.scope(std::nullopt).children.empty() &&
      StartNext(step, std::nullopt, step.flow().tasks, ListKind::kMain)) {
    return;
  }
  EndMainList(step, std::nullopt);
}

// RUNNING again, with a new attempt.
void ReopenFlowable(Step& step, TaskRunIndex index) {
  step.Enter(index, State::kRunning);
  OpenAttempt(step, index, step.at());
  ArmTimeout(step, index);
}

// Whether the scopes around an ended run still wait in their main lists, so that it can open again in place.
bool ScopesAreOpen(const Step& step, TaskRunIndex index) {
  for (ScopeId at = step.run(index).parent;; at = step.run(*at).parent) {
    if (step.scope(at).phase != ListKind::kMain) return false;
    if (!at) return true;
    if (model::IsTerminal(step.state(*at))) return false;
  }
}

}  // namespace

void BeginRestarted(Step& step, TaskRunIndex index) {
  if (step.task(index).role != TaskRole::kFlowable) {
    if (!RestartChildOf(step, index)) BeginRun(step, index);
    return;
  }
  const bool has_restarted = !step.scope(index).restarted.empty();
  ReopenFlowable(step, index);
  const SteeredType& type = *step.program(index).type;
  if (IsOver(step.run(index))) return;
  if (has_restarted) {
    type.Reopened(step, index);
  } else {
    type.Restart(step, index);
  }
}

bool BeginNextRestarted(Step& step, ScopeId parent) {
  const Scope& scope = step.scope(parent);
  if (scope.restarted.empty()) return false;
  BeginRestarted(step, *scope.restarted.begin());
  return true;
}

void OnRestartRequested(Step& step, const model::RestartRequested& event) {
  const State state = step.state();
  if (!model::IsTerminal(state) || !MayMove(Subject::kExecution, state, State::kRestarted)) return;
  const Chosen chosen = ChooseFailed(step);
  const bool any = std::find(chosen.begin(), chosen.end(), true) != chosen.end();
  if (!any && state != State::kFailed) return;
  Revive(step, chosen);
  if (event.admission == model::Admission::kQueue && any) return step.EnterExecution(State::kQueued);
  GoOn(step);
  if (!any) return ContinueRoot(step);
  while (BeginNextRestarted(step, std::nullopt)) {
  }
}

// A person says how the run ended: it and what is around it are taken up again, and the flow goes on from there.
void OnTaskRunMarked(Step& step, const model::TaskRunMarked& event) {
  if (event.task_run >= step.execution().task_runs.size() || !model::IsTerminal(event.state)) return;
  const TaskRunIndex index = event.task_run;
  const TaskRun& run = step.run(index);
  if (run.superseded || step.program(index).list != ListKind::kMain || IsNested(step, run)) return;
  if (!model::IsTerminal(step.state())) {
    // What waits for people ends as they say.
    if (run.state.current() == State::kPaused && !step.killing()) {
      StopDescendants(step, index, "A person ended the task");
      FinishRun(step, index, event.state);
    }
    return;
  }
  if (!MayMove(Subject::kExecution, step.state(), State::kRestarted) ||
      !MayMove(Subject::kTaskRun, run.state.current(), State::kRestarted)) {
    return;
  }
  Chosen chosen(step.execution().task_runs.size());
  for (std::optional<TaskRunIndex> at = run.parent; at; at = step.run(*at).parent) {
    if (step.program(*at).list != ListKind::kMain || !model::IsTerminal(step.state(*at))) return;
    chosen[*at] = true;
  }
  Revive(step, chosen);
  GoOn(step);
  for (TaskRunIndex i = 0; i < index; ++i) {
    if (chosen[i]) ReopenFlowable(step, i);
  }
  ++step.Edit(index).attempt;
  step.Edit(index).message.clear();
  step.Enter(index, State::kRestarted);
  FinishRun(step, index, event.state);
}

void OnChildRestarted(Step& step, const model::ChildRestarted& event) {
  if (event.task_run >= step.execution().task_runs.size()) return;
  const TaskRunIndex index = event.task_run;
  const TaskRun& run = step.run(index);
  // A run that did not stop its list has been built upon; what its child does now is the child's own affair.
  if (run.superseded || !StopsList(run.state.current()) || ChildOf(run) != event.child ||
      !WaitsForChild(step.task(index)) || step.killing() || step.execution().kill_requested) {
    return;
  }
  if (model::IsTerminal(step.state())) {
    const Chosen chosen = ChooseWithAncestors(step, index);
    if (chosen.empty() || !MayMove(Subject::kExecution, step.state(), State::kRestarted)) return;
    Revive(step, chosen);
    GoOn(step);
    for (TaskRunIndex i = 0; i < index; ++i) {
      if (chosen[i]) ReopenFlowable(step, i);
    }
  } else {
    if (!ScopesAreOpen(step, index)) return;
    TaskRun& reopened = step.Edit(index);
    ++reopened.attempt;
    reopened.message.clear();
    step.Enter(index, State::kRestarted);
  }
  ForgetChildsEnd(step, index);
  AwaitAgain(step, index);
  for (ScopeId at = step.run(index).parent; at; at = step.run(*at).parent) step.program(*at).type->Reopened(step, *at);
}

}  // namespace headrace::executor
