// One Apply on its way: the event's time, what has changed so far, and the commands so far.
// Every write to an execution goes through here, so that the tables are obeyed, the books kept and the delta complete.
// Threads: lives on the stack of Apply.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "executor/apply.h"
#include "executor/bookkeeping.h"
#include "executor/steered_type.h"
#include "executor/task_program.h"

namespace headrace::executor {

class Step {
 public:
  // `event` outlives the step.
  Step(LiveExecution& live, const model::Event& event);

  Timestamp at() const { return at_; }
  const LiveExecution& live() const { return live_; }
  const model::Flow& flow() const { return live_.program_->flow(); }
  const model::Execution& execution() const { return live_.execution_; }
  model::State state() const { return execution().state.current(); }
  bool killing() const { return state() == model::State::kKilling; }
  const model::TaskRun& run(model::TaskRunIndex index) const { return execution().task_runs[index]; }
  model::State state(model::TaskRunIndex index) const { return run(index).state.current(); }
  const model::Task& task(model::TaskRunIndex index) const { return flow().task(run(index).task); }
  const TaskProgram& program(model::TaskRunIndex index) const { return live_.program_->task(run(index).task); }
  Bookkeeping& books() { return *live_.books_; }
  const Bookkeeping& books() const { return *live_.books_; }
  Scope& scope(ScopeId id) {
    Save(id);
    return live_.books_->at(id);
  }
  const Scope& scope(ScopeId id) const { return live_.books_->at(id); }

  // The execution and a run, to be changed in all but their state.
  model::Execution& Edit();
  model::TaskRun& Edit(model::TaskRunIndex index);
  model::TaskRunIndex Create(model::TaskIndex task, ScopeId parent, std::optional<std::string> value,
                             std::optional<std::int32_t> iteration);
  // A run of another execution becomes one of this, under an index and id of its own. The books are the caller's.
  model::TaskRunIndex Adopt(model::TaskRun run);
  // REQUIRES: the table allows it. `when` is the event's time unless a worker's report knows better.
  void Enter(model::TaskRunIndex index, model::State state, std::optional<Timestamp> when = std::nullopt);
  void EnterExecution(model::State state);
  // The run will end so, once its own errors and finally are over.
  void Decide(model::TaskRunIndex index, model::State outcome);
  // A runnable task that is RUNNING waits until then, or is given to a worker again (nothing).
  void SetLook(model::TaskRunIndex index, std::optional<Timestamp> due);
  // Undoes every child of the scope, and theirs: they stay as history and count no more.
  void SupersedeChildren(model::TaskRunIndex parent);
  // Of a superseded run only its place and its last state stay; it has no id any more and is shown to nobody.
  void Forget(model::TaskRunIndex index);
  // After wide changes that did not go through Enter (a restart).
  void RebuildBooks();

  // ---- questions of expressions (Environment::Call)
  // The answer that the event brought, or nothing: then it is noted as a need and all that is done will be undone.
  const model::Answer* Ask(model::Lookup lookup) const;

  void Emit(model::Command command) { commands_.push_back(std::move(command)); }
  void Log(std::optional<model::TaskRunIndex> run, std::string_view level, std::string message);

  // Runs that ended and whose scope has not reacted yet; a queue, so that long lists need no deep stack.
  void QueueEnded(model::TaskRunIndex index);
  std::optional<model::TaskRunIndex> NextEnded();

  // What changed: call once, at the end.
  Applied Take();

 private:
  void Undo();
  void UndoBooks();
  void Save(model::TaskRunIndex index);
  void Save(ScopeId id);

  LiveExecution& live_;
  Timestamp at_;
  std::vector<model::TaskRunIndex> changed_;
  bool execution_changed_ = false;
  std::vector<model::Command> commands_;
  std::vector<model::TaskRunIndex> ended_;
  std::size_t next_ended_ = 0;
  // Of flows whose expressions may ask: what stood before the step.
  const std::map<std::string, model::Answer>& answers_;
  mutable std::vector<model::Lookup> needs_;
  std::size_t runs_before_;
  std::optional<model::Execution> head_before_;  // without task runs
  std::map<model::TaskRunIndex, model::TaskRun> before_;
  std::map<ScopeId, ScopeHead> heads_before_;
  bool wide_ = false;  // the books changed otherwise than run by run
};

// Has ended, or will when its own errors and finally are over: nothing more begins in its main list.
inline bool IsOver(const model::TaskRun& run) { return model::IsTerminal(run.state.current()) || run.decided; }

}  // namespace headrace::executor
