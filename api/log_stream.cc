#include <utility>

#include "api/execution_requests.h"
#include "api/stream.h"
#include "api/translate.h"

namespace headrace::api {
namespace {

constexpr std::size_t kRowsAtOnce = 500;

// One reader of logs. The end of the execution is looked at before the rows, so that no row before it is missed.
class LogStream final : public PulledStream<v1::FollowLogsResponse> {
 public:
  LogStream(Serving& serving, std::shared_ptr<scheduler::Engine> engine, v1::FollowLogsRequest request)
      : PulledStream(serving), engine_(std::move(engine)), request_(std::move(request)) {}

 protected:
  Result<Step> Next(v1::FollowLogsResponse& out) override {
    if (!opened_) RETURN_IF_ERROR(OpenQuery());
    RETURN_IF_ERROR(SeeState());
    const bool over = terminal_ || !request_.follow();
    if (over && !settled_) {
      settled_ = true;  // what is known was logged before, but may not be kept yet
      RETURN_IF_ERROR(engine_->Settle());
    }
    ASSIGN_OR_RETURN(const store::LogPage page, engine_->ReadLogs(query_));
    for (std::size_t i = 0; i < page.rows.size(); ++i) AddRow(page.rows[i], page.offsets.at(i), out);
    if (!page.offsets.empty()) {
      query_.after = page.offsets.back();
      return Step::kWrite;
    }
    return over ? Step::kEnd : Step::kWait;
  }

 private:
  Status OpenQuery() {
    opened_ = true;
    RETURN_IF_ERROR(CheckId(request_.execution_id(), "execution_id"));
    query_.execution = ExecutionId(request_.execution_id());
    query_.after = request_.after_offset();
    query_.task_id = request_.task_id();
    query_.limit = kRowsAtOnce;
    ASSIGN_OR_RETURN(query_.level_min, LevelName(request_.level_min()));
    ASSIGN_OR_RETURN(const scheduler::ExecutionView view, engine_->GetExecution(query_.execution));
    for (const model::TaskRun& run : view.execution.task_runs) NoteRun(run);
    terminal_ = view.execution.closed;
    if (terminal_ || !request_.follow()) return {};
    const auto wake = [stream = weak()] {
      if (const auto self = stream.lock()) self->Wake();
    };
    watch_ = engine_->WatchLogs(query_.execution, wake);
    // Deltas from here on tell of the end without reading a large execution again.
    ASSIGN_OR_RETURN(state_, engine_->Watch(query_.execution, view.execution.version, wake));
    return {};
  }

  Status SeeState() {
    while (state_ != nullptr && !terminal_) {
      ASSIGN_OR_RETURN(const std::optional<scheduler::WatchUpdate> update, state_->Next());
      if (!update) break;
      for (const model::TaskRun& run : update->task_runs) NoteRun(run);
      terminal_ = update->execution.closed;
    }
    return {};
  }

  void NoteRun(const model::TaskRun& run) {
    if (run_ids_.size() <= run.index) run_ids_.resize(run.index + std::size_t{1});
    run_ids_[run.index] = run.id.str();
  }

  void AddRow(const store::LogRow& row, std::uint64_t offset, v1::FollowLogsResponse& out) const {
    v1::LogEntry* entry = out.add_entries();
    entry->set_offset(offset);
    ToProto(row.at, entry->mutable_time());
    entry->set_level(ParseLevel(row.level));
    entry->set_message(MendUtf8(row.message));
    entry->set_task_id(row.task_id);
    if (row.task_run) {
      entry->set_task_run_index(*row.task_run);
      if (*row.task_run < run_ids_.size()) entry->set_task_run_id(run_ids_[*row.task_run]);
    }
    entry->set_attempt(row.attempt);
  }

  const std::shared_ptr<scheduler::Engine> engine_;
  const v1::FollowLogsRequest request_;
  store::LogQuery query_;
  std::vector<std::string> run_ids_;
  std::shared_ptr<void> watch_;
  std::shared_ptr<scheduler::Subscription> state_;
  bool opened_ = false;
  bool terminal_ = false;
  bool settled_ = false;
};

}  // namespace

grpc::ServerWriteReactor<v1::FollowLogsResponse>* OpenLogs(Serving& serving, std::shared_ptr<scheduler::Engine> engine,
                                                         const v1::FollowLogsRequest& request) {
  return LogStream::Open(std::make_shared<LogStream>(serving, std::move(engine), request));
}

}  // namespace headrace::api
