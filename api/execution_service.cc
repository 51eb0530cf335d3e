#include <mutex>
#include <utility>
#include <vector>

#include "api/caller_engine.h"
#include "api/execution_requests.h"
#include "api/page_token.h"
#include "api/services.h"
#include "api/translate.h"
#include "api/unary.h"
#include "common/trace/trace_context.h"
#include "headrace/api/v1/execution_service.grpc.pb.h"

namespace headrace::api {
namespace {

using Context = grpc::CallbackServerContext;
using Reactor = grpc::ServerUnaryReactor;

Result<v1::GetExecutionResponse> Get(scheduler::Engine& engine, const v1::GetExecutionRequest& request) {
  RETURN_IF_ERROR(CheckId(request.id(), "id"));
  v1::GetExecutionResponse response;
  if (request.omit_task_runs()) {
    ASSIGN_OR_RETURN(const model::Execution head, engine.GetExecutionHead(ExecutionId(request.id())));
    HeaderToProto(head, response.mutable_execution());
  } else {
    ASSIGN_OR_RETURN(const scheduler::ExecutionView view, engine.GetExecution(ExecutionId(request.id())));
    ToProto(view.execution, view.flow.get(), response.mutable_execution());
  }
  if (response.ByteSizeLong() > kMessageBytesMax) {
    return Fail(Code::kResourceExhausted, "execution " + request.id() +
                                              " is larger than 4 MiB; WatchExecution with snapshot_only sends it in "
                                              "parts, omit_task_runs leaves them out");
  }
  return response;
}

Result<v1::ListExecutionsResponse> List(scheduler::Engine& engine, const v1::ListExecutionsRequest& request) {
  std::string filter;
  ASSIGN_OR_RETURN(const store::ExecutionQuery query, FromProto(request, &filter));
  ASSIGN_OR_RETURN(const scheduler::ExecutionList list, engine.ListExecutions(query));
  v1::ListExecutionsResponse response;
  for (const model::Execution& execution : list.executions) HeaderToProto(execution, response.add_executions());
  response.set_next_page_token(MakePageToken(filter, list.next_page_token));
  return response;
}

Result<v1::CountExecutionsResponse> Count(scheduler::Engine& engine, const v1::CountExecutionsRequest& request) {
  ASSIGN_OR_RETURN(const store::ExecutionQuery query, FromProto(request));
  ASSIGN_OR_RETURN(const std::vector<store::FlowCount> counts, engine.CountExecutions(query));
  v1::CountExecutionsResponse response;
  for (const store::FlowCount& count : counts) {
    v1::FlowCount* to = response.add_counts();
    to->set_namespace_(count.ns);
    to->set_flow_id(count.flow_id);
    to->set_count(count.count);
  }
  return response;
}

Result<v1::PurgeExecutionsResponse> Purge(scheduler::Engine& engine, const v1::PurgeExecutionsRequest& request) {
  ASSIGN_OR_RETURN(const std::vector<ExecutionId> ids, IdsOf(request.ids(), "ids"));
  ASSIGN_OR_RETURN(const scheduler::PurgeReply purged, engine.PurgeExecutions(ids, !request.keep_files()));
  v1::PurgeExecutionsResponse response;
  response.set_executions(purged.executions);
  response.set_log_lines(purged.logs);
  response.set_files(purged.files);
  for (const ExecutionId& id : purged.kept) response.add_kept_ids(id.str());
  return response;
}

Result<v1::PurgeLogsResponse> Purge(scheduler::Engine& engine, const v1::PurgeLogsRequest& request) {
  ASSIGN_OR_RETURN(const store::LogPurge purge, FromProto(request));
  v1::PurgeLogsResponse response;
  ASSIGN_OR_RETURN(const std::uint64_t lines, engine.PurgeLogs(purge));
  response.set_log_lines(lines);
  return response;
}

Result<model::State> TerminalState(v1::State wanted) {
  ASSIGN_OR_RETURN(const model::State state, FromProto(wanted, "state"));
  if (model::IsTerminal(state)) return state;
  return Fail(Error{Code::kInvalidArgument, "state must be one that ends, such as SUCCESS",
                    {{"state", "must be one that ends, such as SUCCESS"}}});
}

// The answers of a batch, complete when the last one came.
struct Batch {
  explicit Batch(const Unary<v1::BatchSubmitExecutionsResponse>& to, int size) : unary(to), open(size) {
    for (int i = 0; i < size; ++i) response.add_results();
  }
  void Put(int index, const Result<scheduler::SubmitReply>& reply) {
    {
      std::lock_guard lock(mutex);
      ToProto(reply, response.mutable_results(index));
      if (--open > 0) return;
    }
    unary.Reply(std::move(response));
  }

  Unary<v1::BatchSubmitExecutionsResponse> unary;
  std::mutex mutex;
  int open;
  v1::BatchSubmitExecutionsResponse response;
};

// The caller may be part of a trace (W3C Trace Context).
void AddCaller(const grpc::CallbackServerContext& context, scheduler::SubmitRequest& submit) {
  const auto given = context.client_metadata().find("traceparent");
  if (given == context.client_metadata().end()) return;
  if (auto label = trace::CallerLabel({given->second.data(), given->second.size()})) submit.labels.push_back(std::move(*label));
}

class ExecutionService final : public v1::ExecutionService::CallbackService {
 public:
  explicit ExecutionService(Serving& serving) : serving_(serving) {}

  Reactor* SubmitExecution(Context* context, const v1::SubmitExecutionRequest* request,
                           v1::SubmitExecutionResponse* response) override {
    Result<scheduler::SubmitRequest> submit = FromProto(*request);
    if (!submit) return Refuse(serving_, context, response, submit.error());
    AddCaller(*context, *submit);
    const Unary<v1::SubmitExecutionResponse> unary(serving_, context, response);
    Engine(context)->Submit(std::move(*submit), Submitted(unary));
    return unary.reactor();
  }

  Reactor* BatchSubmitExecutions(Context* context, const v1::BatchSubmitExecutionsRequest* request,
                                 v1::BatchSubmitExecutionsResponse* response) override {
    const int size = request->requests_size();
    if (size == 0 || size > kBatchMax) {
      return Refuse(serving_, context, response,
                    Error{Code::kInvalidArgument, "a batch of " + std::to_string(size) + " requests",
                          {{"requests", "must hold 1 to 1000 requests; StreamSubmitExecutions takes any number"}}});
    }
    const Unary<v1::BatchSubmitExecutionsResponse> unary(serving_, context, response);
    auto batch = std::make_shared<Batch>(unary, size);
    // gRPC's request is gone once the cap has answered the call.
    const v1::BatchSubmitExecutionsRequest kept = *request;
    const auto engine = Engine(context);
    for (int i = 0; i < size; ++i) {
      Result<scheduler::SubmitRequest> submit = FromProto(kept.requests(i));
      if (!submit) batch->Put(i, Fail(submit.error()));
      else engine->Submit(std::move(*submit), [batch, i](const auto& reply) { batch->Put(i, reply); });
    }
    return unary.reactor();
  }

  grpc::ServerBidiReactor<v1::StreamSubmitExecutionsRequest, v1::StreamSubmitExecutionsResponse>*
  StreamSubmitExecutions(Context* context) override {
    return OpenSubmits(serving_, Engine(context));
  }

  Reactor* GetExecution(Context* context, const v1::GetExecutionRequest* request,
                        v1::GetExecutionResponse* response) override {
    return AnswerOnPool(serving_, context, response,
                        [engine = Engine(context), request = *request] { return Get(*engine, request); });
  }

  Reactor* ListExecutions(Context* context, const v1::ListExecutionsRequest* request,
                          v1::ListExecutionsResponse* response) override {
    return AnswerOnPool(serving_, context, response,
                        [engine = Engine(context), request = *request] { return List(*engine, request); });
  }

  Reactor* CountExecutions(Context* context, const v1::CountExecutionsRequest* request,
                           v1::CountExecutionsResponse* response) override {
    return AnswerOnPool(serving_, context, response,
                        [engine = Engine(context), request = *request] { return Count(*engine, request); });
  }

  Reactor* PurgeExecutions(Context* context, const v1::PurgeExecutionsRequest* request,
                           v1::PurgeExecutionsResponse* response) override {
    return AnswerOnPool(serving_, context, response,
                        [engine = Engine(context), request = *request] { return Purge(*engine, request); });
  }

  Reactor* PurgeLogs(Context* context, const v1::PurgeLogsRequest* request, v1::PurgeLogsResponse* response) override {
    return AnswerOnPool(serving_, context, response,
                        [engine = Engine(context), request = *request] { return Purge(*engine, request); });
  }

  grpc::ServerWriteReactor<v1::WatchExecutionResponse>* WatchExecution(
      Context* context, const v1::WatchExecutionRequest* request) override {
    return OpenWatch(serving_, Engine(context), *request);
  }

  grpc::ServerWriteReactor<v1::FollowLogsResponse>* FollowLogs(Context* context,
                                                               const v1::FollowLogsRequest* request) override {
    return OpenLogs(serving_, Engine(context), *request);
  }

  Reactor* KillExecution(Context* context, const v1::KillExecutionRequest* request,
                         v1::KillExecutionResponse* response) override {
    if (Status valid = CheckId(request->id(), "id"); !valid) return Refuse(serving_, context, response, valid.error());
    const Unary<v1::KillExecutionResponse> unary(serving_, context, response);
    Engine(context)->Kill(ExecutionId(request->id()), request->reason(), Acked(unary));
    return unary.reactor();
  }

  Reactor* RestartExecution(Context* context, const v1::RestartExecutionRequest* request,
                            v1::RestartExecutionResponse* response) override {
    if (Status valid = CheckId(request->id(), "id"); !valid) return Refuse(serving_, context, response, valid.error());
    const Unary<v1::RestartExecutionResponse> unary(serving_, context, response);
    Engine(context)->Restart(ExecutionId(request->id()), Acked(unary));
    return unary.reactor();
  }

  Reactor* PauseExecution(Context* context, const v1::PauseExecutionRequest* request,
                          v1::PauseExecutionResponse* response) override {
    if (Status valid = CheckId(request->id(), "id"); !valid) return Refuse(serving_, context, response, valid.error());
    const Unary<v1::PauseExecutionResponse> unary(serving_, context, response);
    Engine(context)->Pause(ExecutionId(request->id()), Acked(unary));
    return unary.reactor();
  }

  Reactor* ResumeExecution(Context* context, const v1::ResumeExecutionRequest* request,
                           v1::ResumeExecutionResponse* response) override {
    Result<scheduler::ResumeRequest> resume = FromProto(*request);
    if (!resume) return Refuse(serving_, context, response, resume.error());
    const Unary<v1::ResumeExecutionResponse> unary(serving_, context, response);
    Engine(context)->Resume(ExecutionId(request->id()), std::move(*resume), Acked(unary));
    return unary.reactor();
  }

  Reactor* ReplayExecution(Context* context, const v1::ReplayExecutionRequest* request,
                           v1::SubmitExecutionResponse* response) override {
    Result<scheduler::ReplayRequest> replay = FromProto(*request);
    if (!replay) return Refuse(serving_, context, response, replay.error());
    const Unary<v1::SubmitExecutionResponse> unary(serving_, context, response);
    Engine(context)->Replay(ExecutionId(request->id()), std::move(*replay), Submitted(unary));
    return unary.reactor();
  }

  Reactor* MarkTaskRun(Context* context, const v1::MarkTaskRunRequest* request,
                       v1::MarkTaskRunResponse* response) override {
    if (Status valid = CheckId(request->id(), "id"); !valid) return Refuse(serving_, context, response, valid.error());
    const Result<model::State> state = TerminalState(request->state());
    if (!state) return Refuse(serving_, context, response, state.error());
    const Unary<v1::MarkTaskRunResponse> unary(serving_, context, response);
    Engine(context)->MarkTaskRun(ExecutionId(request->id()), TaskRunId(request->task_run_id()), *state, Acked(unary));
    return unary.reactor();
  }

  Reactor* ChangeExecutionStatus(Context* context, const v1::ChangeExecutionStatusRequest* request,
                                 v1::ChangeExecutionStatusResponse* response) override {
    if (Status valid = CheckId(request->id(), "id"); !valid) return Refuse(serving_, context, response, valid.error());
    const Result<model::State> state = TerminalState(request->state());
    if (!state) return Refuse(serving_, context, response, state.error());
    const Unary<v1::ChangeExecutionStatusResponse> unary(serving_, context, response);
    Engine(context)->ChangeStatus(ExecutionId(request->id()), *state, Acked(unary));
    return unary.reactor();
  }

  Reactor* SetExecutionLabels(Context* context, const v1::SetExecutionLabelsRequest* request,
                              v1::SetExecutionLabelsResponse* response) override {
    if (Status valid = CheckId(request->id(), "id"); !valid) return Refuse(serving_, context, response, valid.error());
    Result<std::vector<model::Label>> labels = LabelsOf(request->labels());
    if (!labels) return Refuse(serving_, context, response, labels.error());
    const Unary<v1::SetExecutionLabelsResponse> unary(serving_, context, response);
    Engine(context)->SetLabels(ExecutionId(request->id()), std::move(*labels), Acked(unary));
    return unary.reactor();
  }

  Reactor* UnqueueExecution(Context* context, const v1::UnqueueExecutionRequest* request,
                            v1::UnqueueExecutionResponse* response) override {
    const Result<model::Admission> admission = FromProto(*request);
    if (!admission) return Refuse(serving_, context, response, admission.error());
    const Unary<v1::UnqueueExecutionResponse> unary(serving_, context, response);
    Engine(context)->Unqueue(ExecutionId(request->id()), *admission, Acked(unary));
    return unary.reactor();
  }

 private:
  std::shared_ptr<scheduler::Engine> Engine(const Context* context) const { return EngineFor(serving_, *context); }

  static scheduler::Engine::SubmitDone Submitted(const Unary<v1::SubmitExecutionResponse>& unary) {
    return [unary](const Result<scheduler::SubmitReply>& reply) {
      if (reply) unary.Reply(ToProto(*reply));
      else unary.Reply(Fail(reply.error()));
    };
  }

  template <typename Response>
  static std::function<void(Status)> Acked(const Unary<Response>& unary) {
    return [unary](const Status& status) {
      if (status) unary.Reply(Response());
      else unary.Reply(Fail(status.error()));
    };
  }

  Serving& serving_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeExecutionService(Serving& serving) {
  return std::make_unique<ExecutionService>(serving);
}

}  // namespace headrace::api
