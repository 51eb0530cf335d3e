#include "executor/apply.h"

#include "executor/bookkeeping.h"
#include "executor/verbs.h"

namespace headrace::executor {

namespace {

struct Handle {
  Step& step;
  void operator()(const model::Submitted& event) const { OnSubmitted(step, event); }
  void operator()(const model::TaskStarted& event) const { OnTaskStarted(step, event); }
  void operator()(const model::TaskFinished& event) const { OnTaskFinished(step, event); }
  void operator()(const model::TaskLost& event) const { OnTaskLost(step, event); }
  void operator()(const model::TaskWaited& event) const { OnTaskWaited(step, event); }
  void operator()(const model::TaskWoken& event) const { OnTaskWoken(step, event); }
  void operator()(const model::TimerFired& event) const { OnTimerFired(step, event); }
  void operator()(const model::ChildStarted& event) const { OnChildStarted(step, event); }
  void operator()(const model::ChildRejected& event) const { OnChildRejected(step, event); }
  void operator()(const model::ChildEnded& event) const { OnChildEnded(step, event); }
  void operator()(const model::ChildRestarted& event) const { OnChildRestarted(step, event); }
  void operator()(const model::KillRequested& event) const { OnKillRequested(step, event); }
  void operator()(const model::RestartRequested& event) const { OnRestartRequested(step, event); }
  void operator()(const model::Unqueued& event) const { OnUnqueued(step, event); }
  void operator()(const model::PauseRequested&) const { OnPauseRequested(step); }
  void operator()(const model::ResumeRequested& event) const { OnResumeRequested(step, event); }
  void operator()(const model::TaskRunMarked& event) const { OnTaskRunMarked(step, event); }
  void operator()(const model::StatusChanged& event) const { OnStatusChanged(step, event); }
  void operator()(const model::LabelsSet& event) const { OnLabelsSet(step, event); }
  void operator()(const model::Replayed&) const { OnReplayed(step); }
};

tl::unexpected<Error> Corrupt(const model::Execution& execution, std::size_t run, std::string_view why) {
  return Fail(Code::kDataLoss, "execution " + execution.id.str() + ": task run " + std::to_string(run) + " " +
                                   std::string(why));
}

Status Check(const Program& program, const model::Execution& execution) {
  for (std::size_t i = 0; i < execution.task_runs.size(); ++i) {
    const model::TaskRun& run = execution.task_runs[i];
    if (run.index != i) return Corrupt(execution, i, "carries another index");
    if (run.task >= program.flow().arena.size()) return Corrupt(execution, i, "is of a task that the flow lacks");
    if (run.state.changes.empty()) return Corrupt(execution, i, "has no state");
    if (run.parent && *run.parent >= i) return Corrupt(execution, i, "is older than its parent");
    const model::Task& task = program.flow().task(run.task);
    if (task.parent.has_value() != run.parent.has_value() ||
        (run.parent && execution.task_runs[*run.parent].task != *task.parent)) {
      return Corrupt(execution, i, "does not stand where its task stands in the flow");
    }
    if (!run.superseded && run.parent && execution.task_runs[*run.parent].superseded) {
      return Corrupt(execution, i, "counts although its parent is undone");
    }
  }
  return {};
}

}  // namespace

LiveExecution::LiveExecution(std::shared_ptr<const Program> program, ExecutionId id)
    : program_(std::move(program)), books_(std::make_unique<Bookkeeping>(*program_)) {
  execution_.id = std::move(id);
  execution_.ns = program_->flow().ns;
  execution_.flow_id = program_->flow().id;
  execution_.flow_revision = program_->flow().revision;
}

LiveExecution::~LiveExecution() = default;

Result<std::unique_ptr<LiveExecution>> LiveExecution::Restore(std::shared_ptr<const Program> program,
                                                              model::Execution execution) {
  RETURN_IF_ERROR(Check(*program, execution));
  auto live = std::make_unique<LiveExecution>(std::move(program), execution.id);
  *live->books_ = Bookkeeping::Rebuild(*live->program_, execution);
  live->execution_ = std::move(execution);
  return live;
}

bool LiveExecution::ended() const { return execution_.closed; }

bool LiveExecution::only_waits() const { return books_->in_flight == 0 && !execution_.state.changes.empty(); }

std::vector<model::TaskRunIndex> LiveExecution::InFlight() const {
  std::vector<model::TaskRunIndex> found;
  for (const model::TaskRunIndex index : books_->open) {
    if (IsWithWorker(*program_, execution_.task_runs[index])) found.push_back(index);
  }
  return found;
}

std::optional<model::TaskRunIndex> LiveExecution::Resumable(std::optional<model::TaskRunIndex> named) const {
  for (const model::TaskRunIndex index : books_->open) {
    if (named && *named != index) continue;
    const model::TaskRun& run = execution_.task_runs[index];
    const SteeredType* type = program_->task(run.task).type;
    if (run.state.current() == model::State::kPaused && type != nullptr && type->resumable()) return index;
  }
  return std::nullopt;
}

std::vector<model::SetTimer> LiveExecution::ArmedTimers() const {
  std::vector<model::SetTimer> timers = ExecutionTimers(program_->flow(), execution_);
  for (const model::TaskRunIndex index : books_->open) {
    for (model::SetTimer& timer : TimersOf(*program_, execution_.task_runs[index])) timers.push_back(timer);
  }
  return timers;
}

Applied Apply(LiveExecution& live, const model::Event& event) {
  Step step(live, event);
  std::visit(Handle{step}, event.body);
  Settle(step);
  return step.Take();
}

}  // namespace headrace::executor
