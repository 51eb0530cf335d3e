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

// Failed runs whose enclosing runs all failed too: a failure that was tolerated stays.
Chosen ChooseFailed(const Step& step) {
  const auto& runs = step.execution().task_runs;
  Chosen chosen(runs.size());
  for (const TaskRun& run : runs) {
    chosen[run.index] = !run.superseded && StopsList(run.state.current()) &&
                        step.program(run.index).list == ListKind::kMain && (!run.parent || chosen[*run.parent]);
  }
  return chosen;
}

// The run and those around it; nothing if it stands in an errors, finally or afterExecution list.
Chosen ChooseWithAncestors(const Step& step, TaskRunIndex index) {
  Chosen chosen(step.execution().task_runs.size());
  for (std::optional<TaskRunIndex> at = index; at; at = step.run(*at).parent) {
    if (step.program(*at).list != ListKind::kMain) return {};
    chosen[*at] = true;
  }
  return chosen;
}

void SupersedeReactions(Step& step, const Chosen& chosen) {
  const auto& runs = step.execution().task_runs;
  for (TaskRunIndex i = 0; i < runs.size(); ++i) {
    const TaskRun& run = runs[i];
    const bool reaction =
        step.program(i).list != ListKind::kMain && (!run.parent || chosen[*run.parent]);
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

// The execution is RUNNING again with the chosen runs RESTARTED; they are still to begin.
void Revive(Step& step, const Chosen& chosen) {
  StopDescendants(step, std::nullopt, "The execution is restarted");  // afterExecution may be at work
  SupersedeReactions(step, chosen);
  MarkRestarted(step, chosen);
  step.RebuildBooks();
  step.EnterExecution(State::kRestarted);
  step.EnterExecution(State::kRunning);
  model::Execution& execution = step.Edit();
  ++execution.attempt_number;
  execution.message.clear();
  execution.outputs.clear();
  execution.kill_requested = false;
  LabelRestarted(execution);
  if (execution.parent) {
    ++execution.parent->attempt;
    step.Emit(model::ReviveParent{});
  }
}

void ReopenFlowable(Step& step, TaskRunIndex index, bool child_restarts) {
  step.Enter(index, State::kRunning);
  OpenAttempt(step, index, step.at());
  ArmTimeout(step, index);
  if (model::IsTerminal(step.state(index))) return;
  if (child_restarts) {
    step.program(index).type->Reopened(step, index);
  } else {
    step.program(index).type->Restart(step, index);
  }
}

void BeginChosen(Step& step, const Chosen& chosen) {
  Chosen has_chosen_child(chosen.size());
  for (TaskRunIndex i = 0; i < chosen.size(); ++i) {
    if (chosen[i] && step.run(i).parent) has_chosen_child[*step.run(i).parent] = true;
  }
  for (TaskRunIndex i = 0; i < chosen.size(); ++i) {
    // A loop that restarts as a whole has undone its children.
    if (!chosen[i] || step.run(i).superseded || step.state(i) != State::kRestarted) continue;
    if (const ScopeId parent = step.run(i).parent; parent && model::IsTerminal(step.state(*parent))) {
      step.Enter(i, State::kKilled);  // its flowable failed again at once
      continue;
    }
    if (step.task(i).role == TaskRole::kFlowable) {
      ReopenFlowable(step, i, has_chosen_child[i]);
    } else if (!RestartChildOf(step, i)) {
      BeginRun(step, i);
    }
  }
}

// The flow's tasks had not failed but its end had (an output), or nothing had begun.
void ContinueRoot(Step& step) {
  if (step.scope(std::nullopt).children.empty() &&
      StartNext(step, std::nullopt, step.flow().tasks, ListKind::kMain)) {
    return;
  }
  EndMainList(step, std::nullopt);
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

void OnRestartRequested(Step& step) {
  const State state = step.state();
  if (!model::IsTerminal(state) || !MayMove(Subject::kExecution, state, State::kRestarted)) return;
  const Chosen chosen = ChooseFailed(step);
  const bool any = std::find(chosen.begin(), chosen.end(), true) != chosen.end();
  if (!any && state != State::kFailed) return;
  Revive(step, chosen);
  if (any) {
    BeginChosen(step, chosen);
  } else {
    ContinueRoot(step);
  }
}

void OnChildRestarted(Step& step, const model::ChildRestarted& event) {
  if (event.task_run >= step.execution().task_runs.size()) return;
  const TaskRunIndex index = event.task_run;
  const TaskRun& run = step.run(index);
  if (run.superseded || !model::IsTerminal(run.state.current()) || ChildOf(run) != event.child ||
      !WaitsForChild(step.task(index)) || step.killing() || step.execution().kill_requested) {
    return;
  }
  if (model::IsTerminal(step.state())) {
    const Chosen chosen = ChooseWithAncestors(step, index);
    if (chosen.empty() || !MayMove(Subject::kExecution, step.state(), State::kRestarted)) return;
    Revive(step, chosen);
    for (TaskRunIndex i = 0; i < index; ++i) {
      if (chosen[i]) ReopenFlowable(step, i, /*child_restarts=*/true);
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
}

}  // namespace headrace::executor
