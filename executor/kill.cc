#include "executor/render.h"
#include "executor/verbs.h"

namespace headrace::executor {

using model::State;
using model::TaskRole;
using model::TaskRunIndex;

namespace {

// Open runs below `ancestor`, children before their parents.
std::vector<TaskRunIndex> OpenBelow(const Step& step, std::optional<TaskRunIndex> ancestor) {
  const std::set<TaskRunIndex>& open = step.books().open;
  std::vector<TaskRunIndex> found;
  const auto oldest = ancestor ? open.upper_bound(*ancestor) : open.begin();
  for (auto it = open.end(); it != oldest;) {
    --it;
    if (IsBelow(step, *it, ancestor)) found.push_back(*it);
  }
  return found;
}

// Tells whoever works on the run to stop; false when nobody does.
bool TellToStop(Step& step, TaskRunIndex index, const std::string& reason) {
  const State state = step.state(index);
  if (IsBetweenLooks(step.live().program(), step.run(index))) return false;
  if (step.run(index).decided || (state != State::kSubmitted && state != State::kRunning)) return false;
  switch (step.task(index).role) {
    case TaskRole::kRunnable: step.Emit(model::CancelTask{step.run(index).fence(), reason}); return true;
    case TaskRole::kExecutable: return KillChildOf(step, index);
    default: return false;
  }
}

}  // namespace

bool IsBelow(const Step& step, TaskRunIndex index, std::optional<TaskRunIndex> ancestor) {
  if (!ancestor) return true;
  std::optional<TaskRunIndex> at = step.run(index).parent;
  while (at && *at > *ancestor) at = step.run(*at).parent;  // parents are older than their children
  return at == ancestor;
}

bool KillChildOf(Step& step, TaskRunIndex index) {
  const Value* child = step.run(index).outputs.if_contains("executionId");
  if (child == nullptr || !child->is_string()) return false;
  step.Emit(model::KillChild{ExecutionId(std::string(child->get_string()))});
  return true;
}

void OnKillRequested(Step& step, const model::KillRequested& event) {
  if (step.execution().state.changes.empty() || step.execution().kill_requested) return;
  const std::string reason = event.reason.empty() ? "The execution is killed" : event.reason;
  if (!event.reason.empty()) step.Log(std::nullopt, "WARN", "Killed: " + event.reason);
  if (model::IsTerminal(step.state())) {
    // Only afterExecution can still be at work; the execution's state is decided.
    if (step.books().open.empty()) return;
    step.Edit().kill_requested = true;
    StopDescendants(step, std::nullopt, reason);
    CloseExecution(step);
    return;
  }
  step.Edit().kill_requested = true;
  if (step.state() == State::kQueued || step.state() == State::kCreated) {
    StopDescendants(step, std::nullopt, reason);
    for (const model::SetTimer& timer : ExecutionTimers(step.flow(), step.execution())) {
      step.Emit(model::ClearTimer{timer.timer});
    }
    step.EnterExecution(State::kKilled);
    CloseExecution(step);
    return;
  }
  step.EnterExecution(State::kKilling);
  for (const TaskRunIndex index : OpenBelow(step, std::nullopt)) {
    const bool unheld = IsBetweenLooks(step.live().program(), step.run(index));
    ClearTimers(step, index);
    // Who is told to stop answers; flowables end with their last child.
    const bool waits = !unheld && TellToStop(step, index, reason);
    const bool has_children = step.books().scopes.contains(index) && step.scope(index).open > 0;
    if (!waits && !has_children) FinishRun(step, index, State::kKilled);
  }
  if (step.scope(std::nullopt).open == 0 && step.killing()) EndExecution(step);
}

void StopDescendants(Step& step, std::optional<TaskRunIndex> ancestor, const std::string& reason) {
  for (const TaskRunIndex index : OpenBelow(step, ancestor)) {
    TellToStop(step, index, reason);
    EndAttempt(step, index, State::kKilled);
    ClearTimers(step, index);
    if (const SteeredType* type = step.program(index).type) type->Ending(step, index);
    step.Enter(index, State::kKilled);
  }
}

}  // namespace headrace::executor
