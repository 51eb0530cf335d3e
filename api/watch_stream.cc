#include <algorithm>
#include <unordered_map>
#include <utility>
#include <vector>

#include "api/execution_requests.h"
#include "api/stream.h"
#include "api/translate.h"

namespace headrace::api {
namespace {

constexpr std::size_t kPartBytes = 1u << 20;

// One watcher. An update larger than a part is sent in several, the cursor standing in the last.
class WatchStream final : public PulledStream<v1::WatchExecutionResponse> {
 public:
  WatchStream(Serving& serving, std::shared_ptr<scheduler::Engine> engine, v1::WatchExecutionRequest request)
      : PulledStream(serving), engine_(std::move(engine)), request_(std::move(request)), id_(request_.id()) {}

 protected:
  Result<Step> Next(v1::WatchExecutionResponse& out) override {
    if (subscription_ == nullptr) {
      ASSIGN_OR_RETURN(const bool over, Subscribe());
      if (over) return Step::kEnd;
    }
    if (!update_) {
      if (request_.snapshot_only() && saw_snapshot_) return Step::kEnd;
      ASSIGN_OR_RETURN(update_, subscription_->Next());
      if (!update_) return request_.until_terminal() && terminal_ ? Step::kEnd : Step::kWait;
      Begin();
    }
    WritePart(out);
    return Step::kWrite;
  }

 private:
  // True when there is nothing to wait for: the caller has seen the end.
  Result<bool> Subscribe() {
    RETURN_IF_ERROR(CheckId(request_.id(), "id"));
    const std::uint64_t after = request_.snapshot_only() ? 0 : request_.cursor();
    if (after > 0 && request_.until_terminal()) {
      ASSIGN_OR_RETURN(const scheduler::ExecutionView view, engine_->GetExecution(id_));
      terminal_ = view.execution.closed;
      if (terminal_ && view.execution.version == after) return true;
    }
    ASSIGN_OR_RETURN(subscription_, engine_->Watch(id_, after, [stream = weak()] {
      if (const auto self = stream.lock()) self->Wake();
    }));
    return false;
  }

  void Begin() {
    next_run_ = 0;
    terminal_ = update_->execution.closed;
    if (!update_->snapshot) return;
    saw_snapshot_ = true;
    parents_.clear();
    if (update_->flow) flow_ = update_->flow;
  }

  void WritePart(v1::WatchExecutionResponse& out) {
    const bool first = next_run_ == 0;
    if (first && update_->snapshot) {
      out.set_snapshot(true);
      if (flow_) ToProto(*flow_, out.mutable_flow());
    }
    HeaderToProto(update_->execution, out.mutable_execution());
    std::size_t bytes = 0;
    for (; next_run_ < update_->task_runs.size() && bytes < kPartBytes; ++next_run_) {
      v1::TaskRun* run = out.mutable_execution()->add_task_runs();
      AddRun(update_->task_runs[next_run_], run);
      bytes += run->ByteSizeLong();
    }
    if (next_run_ < update_->task_runs.size()) {
      out.set_more(true);
      out.mutable_execution()->set_cursor(0);
    } else {
      update_.reset();
    }
  }

  void AddRun(const model::TaskRun& run, v1::TaskRun* out) {
    ToProto(run, flow_.get(), out);
    // Only what has children is worth remembering: a million leaves cost a watcher nothing.
    const bool steers = flow_ && run.task < flow_->arena.size() &&
                        flow_->arena[run.task].role == model::TaskRole::kFlowable;
    if (steers) parents_.insert_or_assign(run.index, run.id.str());
    if (!run.parent) return;
    const auto parent = parents_.find(*run.parent);
    if (parent != parents_.end()) out->set_parent_task_run_id(parent->second);
  }

  const std::shared_ptr<scheduler::Engine> engine_;
  const v1::WatchExecutionRequest request_;
  const ExecutionId id_;
  std::shared_ptr<scheduler::Subscription> subscription_;
  model::FlowPtr flow_;
  std::unordered_map<model::TaskRunIndex, std::string> parents_;
  std::optional<scheduler::WatchUpdate> update_;  // being sent
  std::size_t next_run_ = 0;
  bool saw_snapshot_ = false;
  bool terminal_ = false;
};

}  // namespace

grpc::ServerWriteReactor<v1::WatchExecutionResponse>* OpenWatch(Serving& serving, std::shared_ptr<scheduler::Engine> engine,
                                                                const v1::WatchExecutionRequest& request) {
  return WatchStream::Open(std::make_shared<WatchStream>(serving, std::move(engine), request));
}

}  // namespace headrace::api
