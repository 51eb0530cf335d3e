#include "executor/step.h"

#include <algorithm>
#include <deque>

#include "common/base/check.h"
#include "common/model/for_each_item.h"
#include "executor/transitions.h"

namespace headrace::executor {

using model::State;
using model::TaskRun;
using model::TaskRunIndex;

namespace {

// Posters' clocks may differ: a history never runs backwards.
void Append(model::StateHistory& history, State state, Timestamp when) {
  history.Enter(state, history.changes.empty() ? when : std::max(when, history.last_changed()));
}

}  // namespace

Step::Step(LiveExecution& live, const model::Event& event)
    : live_(live), at_(event.at), answers_(event.answers), runs_before_(live.execution_.task_runs.size()) {}

// Saved once, and only where an undo can become necessary: the cost follows the change.
model::Execution& Step::Edit() {
  if (live_.program_->asks() && !head_before_) {
    std::deque<TaskRun> runs;
    runs.swap(live_.execution_.task_runs);
    head_before_ = live_.execution_;
    runs.swap(live_.execution_.task_runs);
  }
  execution_changed_ = true;
  return live_.execution_;
}

void Step::Save(ScopeId id) {
  if (live_.program_->asks() && !heads_before_.contains(id)) heads_before_[id] = live_.books_->at(id);
}

void Step::Save(TaskRunIndex index) {
  if (live_.program_->asks() && index < runs_before_) before_.try_emplace(index, live_.execution_.task_runs[index]);
}

TaskRun& Step::Edit(TaskRunIndex index) {
  Save(index);
  if (changed_.empty() || changed_.back() != index) changed_.push_back(index);
  return live_.execution_.task_runs[index];
}

TaskRunIndex Step::Create(model::TaskIndex task, ScopeId parent, std::optional<std::string> value,
                          std::optional<std::int32_t> iteration) {
  const auto index = static_cast<TaskRunIndex>(execution().task_runs.size());
  TaskRun& run = live_.execution_.task_runs.emplace_back();
  run.index = index;
  run.id = DeriveTaskRunId(execution().id, index);
  run.task = task;
  run.parent = parent;
  run.value = std::move(value);
  run.iteration = iteration;
  run.state.Enter(State::kCreated, at_);
  changed_.push_back(index);
  Save(parent);
  books().Add(live_.program(), run);
  return index;
}

TaskRunIndex Step::Adopt(TaskRun run) {
  const auto index = static_cast<TaskRunIndex>(execution().task_runs.size());
  run.index = index;
  run.id = DeriveTaskRunId(execution().id, index);
  live_.execution_.task_runs.push_back(std::move(run));
  changed_.push_back(index);
  return index;
}

void Step::Enter(TaskRunIndex index, State state, std::optional<Timestamp> when) {
  TaskRun& run = Edit(index);
  const State from = run.state.current();
  CHECK(MayMove(Subject::kTaskRun, from, state));
  CHECK(!run.superseded);
  Append(run.state, state, std::min(when.value_or(at_), at_));
  books().Moved(live_.program(), run, from, state);
  if (model::IsTerminal(state)) run.decided.reset();
}

void Step::Decide(TaskRunIndex index, State outcome) { books().Decide(live_.program(), Edit(index), outcome); }

void Step::SetLook(TaskRunIndex index, std::optional<Timestamp> due) {
  books().SetLook(live_.program(), Edit(index), due);
}

void Step::EnterExecution(State state) {
  model::Execution& execution = Edit();
  CHECK(execution.state.changes.empty() ? state == State::kCreated
                                        : MayMove(Subject::kExecution, execution.state.current(), state));
  Append(execution.state, state, at_);
}

void Step::SupersedeChildren(TaskRunIndex parent) {
  wide_ = true;
  const std::vector<TaskRunIndex> children = std::move(scope(parent).children);
  for (const TaskRunIndex child : children) {
    if (books().scopes.contains(child)) SupersedeChildren(child);
    Edit(child).superseded = true;
    books().Remove(live_.program(), run(child));
  }
  Scope& emptied = scope(parent);
  emptied.children.clear();
  emptied.phase = ListKind::kMain;
  emptied.next = 0;
}

void Step::Forget(TaskRunIndex index) {
  TaskRun& run = Edit(index);
  CHECK(run.superseded);
  TaskRun rest{.index = run.index, .task = run.task, .parent = run.parent, .superseded = true};
  rest.state.Enter(run.state.current(), run.state.last_changed());
  run = std::move(rest);
}

void Step::RebuildBooks() {
  wide_ = true;
  books() = Bookkeeping::Rebuild(live_.program(), execution());
}

void Step::Log(std::optional<TaskRunIndex> run, std::string_view level, std::string message) {
  if (run) run = model::ShownRun(flow(), execution(), *run);
  Emit(model::EmitLog{run, std::string(level), std::move(message)});
}

void Step::QueueEnded(TaskRunIndex index) {
  ended_.push_back(index);
  ++scope(run(index).parent).unsettled;
}

std::optional<TaskRunIndex> Step::NextEnded() {
  // A run may have been undone since, and its scope with it.
  while (next_ended_ < ended_.size() && run(ended_[next_ended_]).superseded) ++next_ended_;
  if (next_ended_ == ended_.size()) return std::nullopt;
  const TaskRunIndex index = ended_[next_ended_++];
  --scope(run(index).parent).unsettled;
  return index;
}

const model::Answer* Step::Ask(model::Lookup lookup) const {
  const auto answer = answers_.find(lookup.key());
  if (answer != answers_.end()) return &answer->second;
  needs_.push_back(std::move(lookup));
  return nullptr;
}

void Step::Undo() {
  model::Execution& execution = live_.execution_;
  if (!wide_) UndoBooks();
  execution.task_runs.resize(runs_before_);
  for (auto& [index, run] : before_) execution.task_runs[index] = std::move(run);
  if (head_before_) {
    head_before_->task_runs.swap(execution.task_runs);
    execution = std::move(*head_before_);
  }
  if (wide_) RebuildBooks();
}

// Run by run, the newest first: a loop whose every round asks costs each round what it changes.
void Step::UndoBooks() {
  const auto& runs = execution().task_runs;
  for (std::size_t index = runs.size(); index-- > runs_before_;) books().TakeBack(live_.program(), runs[index]);
  for (const auto& [index, then] : before_) books().Return(live_.program(), runs[index], then);
  for (const auto& [id, head] : heads_before_) {
    if (!id || books().scopes.contains(*id)) static_cast<ScopeHead&>(books().at(id)) = head;
  }
}

Applied Step::Take() {
  if (!needs_.empty()) {
    Undo();
    return {.delta = {}, .commands = {}, .needs = std::move(needs_)};
  }
  std::sort(changed_.begin(), changed_.end());
  changed_.erase(std::unique(changed_.begin(), changed_.end()), changed_.end());
  Applied applied;
  applied.delta.task_runs = std::move(changed_);
  applied.delta.execution = execution_changed_;
  applied.commands = std::move(commands_);
  if (!applied.delta.empty()) ++live_.execution_.version;
  return applied;
}

}  // namespace headrace::executor
