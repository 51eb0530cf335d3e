#include "cli/client/exec_client.h"

#include <grpcpp/channel.h>

#include <cstdlib>
#include <unordered_map>
#include <utility>

#include "cli/client/call.h"
#include "common/base/clock.h"
#include "common/base/ids.h"
#include "headrace/api/v1/execution_service.grpc.pb.h"
#include "headrace/api/v1/worker_service.grpc.pb.h"

namespace headrace::cli {

constexpr std::chrono::seconds kReconnect(30);
constexpr std::chrono::minutes kSnapshotTimeout(2);
constexpr std::chrono::seconds kLongTimeout(35);  // of purges, and of inputs that ask a subflow(): a server gives up after 30 s

struct ExecClient::Stubs {
  std::unique_ptr<v1::ExecutionService::Stub> executions;
  std::unique_ptr<v1::WorkerService::Stub> workers;
};

ExecClient::ExecClient(std::shared_ptr<const Connection> connection)
    : connection_(std::move(connection)),
      stubs_(std::make_unique<Stubs>(Stubs{v1::ExecutionService::NewStub(connection_->channel()),
                                           v1::WorkerService::NewStub(connection_->channel())})) {}
ExecClient::~ExecClient() = default;

Result<v1::SubmitExecutionResponse> ExecClient::Submit(v1::SubmitExecutionRequest request) {
  if (request.request_id().empty()) {
    Random random = Random::FromSystem();
    request.set_request_id(NewExecutionId(SystemClock().Now(), random, 0).str());
  }
  // Who starts it may be part of a trace, as a step of a CI is.
  const char* const caller = std::getenv("TRACEPARENT");
  return CallUnary(*connection_, *stubs_->executions, &v1::ExecutionService::Stub::SubmitExecution, request, kLongTimeout,
                   caller == nullptr ? "" : caller);
}

Result<ExecClient::Whole> ExecClient::GetWhole(const std::string& id) {
  v1::WatchExecutionRequest request;
  request.set_id(id);
  request.set_snapshot_only(true);
  grpc::ClientContext context;
  Connection::Prepare(context, kSnapshotTimeout);
  const auto reader = stubs_->executions->WatchExecution(&context, request);
  Whole read;
  v1::Execution& whole = read.execution;
  v1::WatchExecutionResponse part;
  while (reader->Read(&part)) {
    if (part.snapshot()) whole.Clear();
    if (part.has_flow()) read.flow = std::move(*part.mutable_flow());
    v1::Execution* header = part.mutable_execution();
    google::protobuf::RepeatedPtrField<v1::TaskRun> runs;
    runs.Swap(whole.mutable_task_runs());
    for (v1::TaskRun& run : *header->mutable_task_runs()) *runs.Add() = std::move(run);
    header->clear_task_runs();
    whole = std::move(*header);
    whole.mutable_task_runs()->Swap(&runs);
  }
  const grpc::Status status = reader->Finish();
  if (!status.ok()) return Fail(connection_->ToError(status));
  std::unordered_map<std::uint32_t, std::string> ids;
  for (const v1::TaskRun& run : whole.task_runs()) ids[run.index()] = run.id();
  for (v1::TaskRun& run : *whole.mutable_task_runs()) {
    if (run.has_parent_index()) run.set_parent_task_run_id(ids[run.parent_index()]);
  }
  return read;
}

Result<v1::Execution> ExecClient::Get(const std::string& id) {
  ASSIGN_OR_RETURN(Whole whole, GetWhole(id));
  return std::move(whole.execution);
}

Result<v1::Execution> ExecClient::GetHead(const std::string& id) {
  v1::GetExecutionRequest request;
  request.set_id(id);
  request.set_omit_task_runs(true);
  ASSIGN_OR_RETURN(v1::GetExecutionResponse response,
                   CallUnary(*connection_, *stubs_->executions, &v1::ExecutionService::Stub::GetExecution, request));
  return std::move(*response.mutable_execution());
}

Result<v1::CountExecutionsResponse> ExecClient::Count(const v1::CountExecutionsRequest& request) {
  return CallUnary(*connection_, *stubs_->executions, &v1::ExecutionService::Stub::CountExecutions, request);
}

Result<v1::PurgeExecutionsResponse> ExecClient::Purge(const v1::PurgeExecutionsRequest& request) {
  return CallUnary(*connection_, *stubs_->executions, &v1::ExecutionService::Stub::PurgeExecutions, request, kLongTimeout);
}

Result<v1::PurgeLogsResponse> ExecClient::PurgeLogs(const v1::PurgeLogsRequest& request) {
  return CallUnary(*connection_, *stubs_->executions, &v1::ExecutionService::Stub::PurgeLogs, request, kLongTimeout);
}

Result<v1::ListExecutionsResponse> ExecClient::List(const v1::ListExecutionsRequest& request) {
  return CallUnary(*connection_, *stubs_->executions, &v1::ExecutionService::Stub::ListExecutions, request);
}

Status ExecClient::FollowLogs(v1::FollowLogsRequest request, const std::function<bool(const v1::LogEntry&)>& line) {
  bool reached = false;
  while (true) {
    grpc::ClientContext context;
    const auto reader = stubs_->executions->FollowLogs(&context, request);
    v1::FollowLogsResponse page;
    while (reader->Read(&page)) {
      reached = true;
      for (const v1::LogEntry& entry : page.entries()) {
        request.set_after_offset(entry.offset());
        if (line(entry)) continue;
        context.TryCancel();
        return {};
      }
    }
    const grpc::Status status = reader->Finish();
    if (status.ok()) return {};
    const bool again = request.follow() && reached && status.error_code() == grpc::UNAVAILABLE;
    if (!again || !connection_->AwaitServer(kReconnect)) return Fail(connection_->ToError(status));
  }
}

Status ExecClient::Kill(const std::string& id, const std::string& reason) {
  v1::KillExecutionRequest request;
  request.set_id(id);
  request.set_reason(reason);
  RETURN_IF_ERROR(CallUnary(*connection_, *stubs_->executions, &v1::ExecutionService::Stub::KillExecution, request));
  return {};
}

Status ExecClient::Restart(const std::string& id) {
  v1::RestartExecutionRequest request;
  request.set_id(id);
  RETURN_IF_ERROR(CallUnary(*connection_, *stubs_->executions, &v1::ExecutionService::Stub::RestartExecution, request));
  return {};
}

Status ExecClient::Pause(const std::string& id) {
  v1::PauseExecutionRequest request;
  request.set_id(id);
  RETURN_IF_ERROR(CallUnary(*connection_, *stubs_->executions, &v1::ExecutionService::Stub::PauseExecution, request));
  return {};
}

Status ExecClient::Resume(const v1::ResumeExecutionRequest& request) {
  RETURN_IF_ERROR(CallUnary(*connection_, *stubs_->executions, &v1::ExecutionService::Stub::ResumeExecution, request));
  return {};
}

Result<v1::SubmitExecutionResponse> ExecClient::Replay(const v1::ReplayExecutionRequest& request) {
  return CallUnary(*connection_, *stubs_->executions, &v1::ExecutionService::Stub::ReplayExecution, request);
}

Status ExecClient::Mark(const v1::MarkTaskRunRequest& request) {
  RETURN_IF_ERROR(CallUnary(*connection_, *stubs_->executions, &v1::ExecutionService::Stub::MarkTaskRun, request));
  return {};
}

Status ExecClient::ChangeStatus(const v1::ChangeExecutionStatusRequest& request) {
  RETURN_IF_ERROR(
      CallUnary(*connection_, *stubs_->executions, &v1::ExecutionService::Stub::ChangeExecutionStatus, request));
  return {};
}

Status ExecClient::SetLabels(const v1::SetExecutionLabelsRequest& request) {
  RETURN_IF_ERROR(
      CallUnary(*connection_, *stubs_->executions, &v1::ExecutionService::Stub::SetExecutionLabels, request));
  return {};
}

Status ExecClient::Unqueue(const v1::UnqueueExecutionRequest& request) {
  RETURN_IF_ERROR(CallUnary(*connection_, *stubs_->executions, &v1::ExecutionService::Stub::UnqueueExecution, request));
  return {};
}

Result<std::string> ExecClient::ResolveId(const std::string& id) {
  if (id != "@latest") return id;
  v1::ListExecutionsRequest request;
  request.set_page_size(1);
  ASSIGN_OR_RETURN(const v1::ListExecutionsResponse response, List(request));
  if (response.executions().empty()) return NotFound("there is no execution yet");
  return response.executions(0).id();
}

Result<std::vector<v1::Worker>> ExecClient::ListWorkers() {
  ASSIGN_OR_RETURN(v1::ListWorkersResponse response,
                   CallUnary(*connection_, *stubs_->workers, &v1::WorkerService::Stub::ListWorkers,
                             v1::ListWorkersRequest()));
  return std::vector<v1::Worker>(response.workers().begin(), response.workers().end());
}

Status ExecClient::DrainWorker(const std::string& id) {
  v1::DrainWorkerRequest request;
  request.set_id(id);
  RETURN_IF_ERROR(CallUnary(*connection_, *stubs_->workers, &v1::WorkerService::Stub::DrainWorker, request));
  return {};
}

Result<v1::ShareResponse> ExecClient::Share(const v1::ShareRequest& request) {
  return CallUnary(*connection_, *stubs_->workers, &v1::WorkerService::Stub::Share, request);
}

}  // namespace headrace::cli
