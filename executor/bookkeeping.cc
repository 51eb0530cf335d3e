#include "executor/bookkeeping.h"

#include <algorithm>

#include "executor/steered_type.h"

namespace headrace::executor {

using model::State;
using model::TaskRole;

State Scope::Outcome() const {
  if (killed > 0) return State::kKilled;
  if (failed > 0) return State::kFailed;
  if (cancelled > 0) return State::kCancelled;
  return warned > 0 ? State::kWarning : State::kSuccess;
}

namespace {

bool HoldsChildren(const model::Task& task) { return task.role == TaskRole::kFlowable || !task.groups.empty(); }

}  // namespace

bool IsBetweenLooks(const Program& program, const model::TaskRun& run) {
  return run.due.has_value() && run.state.current() == State::kRunning &&
         program.flow().task(run.task).role == TaskRole::kRunnable;
}

bool IsWithWorker(const Program& program, const model::TaskRun& run) {
  const State state = run.state.current();
  return (state == State::kSubmitted || (state == State::kRunning && !run.due)) && !run.decided &&
         program.flow().task(run.task).role == TaskRole::kRunnable;
}

Bookkeeping::Bookkeeping(const Program& program) : runs_of_task(program.flow().arena.size()) {}

Bookkeeping Bookkeeping::Rebuild(const Program& program, const model::Execution& execution) {
  Bookkeeping books(program);
  for (const model::TaskRun& run : execution.task_runs) {
    if (!run.superseded) books.Add(program, run);
  }
  return books;
}

void Bookkeeping::Add(const Program& program, const model::TaskRun& run) {
  const TaskProgram& task = program.task(run.task);
  Scope& scope = at(run.parent);
  scope.children.push_back(run.index);
  if (task.list != scope.phase) {
    scope.phase = task.list;
    scope.next = 0;
  }
  const SteeredType* owner = run.parent ? task.owner : nullptr;
  if (owner != nullptr && owner->by_value() && task.list == ListKind::kMain) {
    if (task.position == 0) ++scope.next;
  } else {
    scope.next = std::max(scope.next, task.position + 1);
  }
  if (HoldsChildren(program.flow().task(run.task))) scopes.try_emplace(run.index);
  runs_of_task[run.task].insert(run.index);
  const auto outer = run.parent ? loop_keys.find(*run.parent) : loop_keys.end();
  if (run.value || outer != loop_keys.end()) {
    std::string key = outer == loop_keys.end() ? std::string() : outer->second;
    if (run.value) key += *run.value + '\0';
    by_loop_key[run.task][key] = run.index;
    loop_keys[run.index] = std::move(key);
  }
  Count(program, run, run.state.current(), 1);
}

bool Bookkeeping::operator==(const Bookkeeping& other) const {
  return root == other.root && scopes == other.scopes && runs_of_task == other.runs_of_task && open == other.open &&
         in_flight == other.in_flight && in_children == other.in_children && retrying == other.retrying &&
         paused == other.paused;
}

void Bookkeeping::Moved(const Program& program, const model::TaskRun& run, State from, State to) {
  Count(program, run, from, -1);
  Count(program, run, to, 1);
}

void Bookkeeping::Decide(const Program& program, model::TaskRun& run, State outcome) {
  Count(program, run, run.state.current(), -1);
  run.decided = outcome;
  Count(program, run, run.state.current(), 1);
}

void Bookkeeping::SetLook(const Program& program, model::TaskRun& run, std::optional<Timestamp> due) {
  Count(program, run, run.state.current(), -1);
  run.due = due;
  Count(program, run, run.state.current(), 1);
}

void Bookkeeping::TakeBack(const Program& program, const model::TaskRun& run) {
  Remove(program, run);
  at(run.parent).children.pop_back();
}

void Bookkeeping::Return(const Program& program, const model::TaskRun& now, const model::TaskRun& then) {
  Count(program, now, now.state.current(), -1);
  Count(program, then, then.state.current(), 1);
}

void Bookkeeping::Remove(const Program& program, const model::TaskRun& run) {
  Count(program, run, run.state.current(), -1);
  runs_of_task[run.task].erase(run.index);
  scopes.erase(run.index);
  places_of_values.erase(run.index);
  if (const auto key = loop_keys.find(run.index); key != loop_keys.end()) {
    auto& runs = by_loop_key[run.task];
    if (const auto at = runs.find(key->second); at != runs.end() && at->second == run.index) runs.erase(at);
    loop_keys.erase(key);
  }
  open.erase(run.index);
}

void Bookkeeping::Count(const Program& program, const model::TaskRun& run, State state, int by) {
  const auto add = [by](std::uint32_t& counter) { counter += static_cast<std::uint32_t>(by); };
  Scope& scope = at(run.parent);
  if (model::IsTerminal(state)) {
    if (program.task(run.task).list != ListKind::kMain) return;
    if (state == State::kFailed) add(scope.failed);
    if (state == State::kKilled) add(scope.killed);
    if (state == State::kCancelled) add(scope.cancelled);
    if (state == State::kWarning) add(scope.warned);
    if (model::IsTerminalNoFail(state)) add(scope.passed);
    return;
  }
  add(scope.open);
  const auto keep = [&](std::set<model::TaskRunIndex>& runs) {
    if (by > 0) {
      runs.insert(run.index);
    } else {
      runs.erase(run.index);
    }
  };
  keep(open);
  if (state == State::kRestarted) keep(scope.restarted);
  if (state == State::kSubmitted) add(scope.submitted);
  const TaskRole role = program.flow().task(run.task).role;
  const bool at_work = state == State::kSubmitted || state == State::kRunning;
  const bool between_looks = state == State::kRunning && run.due.has_value();
  if (at_work && role == TaskRole::kRunnable && !run.decided && !between_looks) add(in_flight);
  if (at_work && role == TaskRole::kExecutable) add(in_children);
  if (state == State::kRetrying) add(retrying);
  if (state == State::kPaused) add(paused);
}

}  // namespace headrace::executor
