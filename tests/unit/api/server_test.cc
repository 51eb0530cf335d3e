// The unary calls through a real server and channel.
#include <grpcpp/health_check_service_interface.h>
#include <sys/socket.h>

#include <grpcpp/generic/generic_stub.h>

#include <algorithm>
#include <set>

#include "headrace/api/v1/flow_service.grpc.pb.h"
#include "headrace/api/v1/system_service.grpc.pb.h"
#include "headrace/api/v1/worker_service.grpc.pb.h"
#include "tests/unit/api/rig.h"

namespace headrace::api {
namespace {

using testing::LoopExecution;
using testing::LoopFlow;

class ServerTest : public testing::Rig {
 protected:
  Error ErrorOf(const grpc::Status& status) { return status.ok() ? Error{} : FromGrpcStatus(status); }
  std::unique_ptr<v1::FlowService::Stub> flows() { return v1::FlowService::NewStub(channel); }
};

v1::SubmitExecutionRequest SubmitOf(const std::string& flow) {
  v1::SubmitExecutionRequest request;
  request.set_namespace_("release");
  request.set_flow_id(flow);
  request.set_inputs_json(R"({"version":"1.2.3"})");
  request.set_request_id("r-1");
  return request;
}

TEST_F(ServerTest, AnInvalidFlowIsRefusedWithItsPlaces) {
  engine.build = [](const std::string&) -> Result<scheduler::FlowView> {
    return Fail(Error{Code::kInvalidArgument, "a.yaml is no valid flow", {{"tasks[0].type", "unknown type", 4, 11, "a.yaml"}}});
  };
  grpc::ClientContext context;
  v1::ApplyFlowRequest request;
  v1::ApplyFlowResponse response;
  const Error error = ErrorOf(flows()->ApplyFlow(&context, request, &response));
  EXPECT_EQ(error.code, Code::kInvalidArgument);
  EXPECT_EQ(error.violations.at(0), (Violation{"tasks[0].type", "unknown type", 4, 11, "a.yaml"}));

  grpc::ClientContext asking;
  v1::ValidateFlowRequest question;
  v1::ValidateFlowResponse answer;
  ASSERT_TRUE(flows()->ValidateFlow(&asking, question, &answer).ok());
  EXPECT_FALSE(answer.has_flow());
  EXPECT_EQ(answer.errors(0).location().line(), 4);
}

TEST_F(ServerTest, ValidationAnswersWithEveryErrorHoweverMany) {
  engine.build = [](const std::string&) -> Result<scheduler::FlowView> {
    Error error{Code::kInvalidArgument, "many", {}};
    for (int i = 1; i <= 2000; ++i) error.violations.push_back({"tasks", std::string(100, 'x'), i, 1, "a.yaml"});
    return Fail(error);
  };
  grpc::ClientContext context;
  v1::ValidateFlowRequest request;
  v1::ValidateFlowResponse response;
  ASSERT_TRUE(flows()->ValidateFlow(&context, request, &response).ok());
  EXPECT_EQ(response.errors_size(), 2000);
  grpc::ClientContext applying;
  v1::ApplyFlowRequest apply;
  v1::ApplyFlowResponse applied;
  const Error error = ErrorOf(flows()->ApplyFlow(&applying, apply, &applied));
  EXPECT_EQ(error.code, Code::kInvalidArgument) << error.message;
  EXPECT_NE(error.message.find("of 2000 shown"), std::string::npos);
}

TEST_F(ServerTest, AFlowIsAppliedAndRead) {
  engine.build = [](const std::string&) -> Result<scheduler::FlowView> {
    return scheduler::FlowView{LoopFlow(), FromMicros(5'000'000), true, {{"labels", "is deprecated", 2, 1}}};
  };
  grpc::ClientContext context;
  v1::ApplyFlowRequest request;
  v1::ApplyFlowResponse response;
  ASSERT_TRUE(flows()->ApplyFlow(&context, request, &response).ok());
  EXPECT_TRUE(response.changed());
  EXPECT_EQ(response.flow().revision(), 3);
  EXPECT_EQ(response.flow().created().seconds(), 5);
  EXPECT_EQ(response.warnings(0).message(), "is deprecated");
  grpc::ClientContext reading;
  v1::GetFlowRequest get;
  get.set_namespace_("release");
  get.set_id("poll-it");
  v1::GetFlowResponse got;
  ASSERT_TRUE(flows()->GetFlow(&reading, get, &got).ok());
  EXPECT_EQ(got.flow().tasks_size(), 2);
  grpc::ClientContext missing;
  get.set_id("nope");
  EXPECT_EQ(ErrorOf(flows()->GetFlow(&missing, get, &got)).code, Code::kNotFound);
}

TEST_F(ServerTest, FlowsAreListedPageByPageWithoutDeletedOnes) {
  for (int i = 9; i >= 0; --i) engine.flows.push_back({"ns", "f" + std::to_string(i), 1, "d", "source", {}, i == 4});
  std::vector<std::string> ids;
  v1::ListFlowsRequest request;
  request.set_page_size(4);
  do {
    grpc::ClientContext context;
    v1::ListFlowsResponse response;
    ASSERT_TRUE(flows()->ListFlows(&context, request, &response).ok());
    for (const auto& flow : response.flows()) ids.push_back(flow.id() + flow.source());
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty());
  EXPECT_EQ(ids, (std::vector<std::string>{"f0", "f1", "f2", "f3", "f5", "f6", "f7", "f8", "f9"}));
  grpc::ClientContext context;
  v1::ListFlowRevisionsRequest revisions;
  revisions.set_namespace_("ns");
  revisions.set_id("f1");
  revisions.set_include_source(true);
  v1::ListFlowRevisionsResponse response;
  ASSERT_TRUE(flows()->ListFlowRevisions(&context, revisions, &response).ok());
  EXPECT_EQ(response.revisions(0).source(), "source");
}

TEST_F(ServerTest, ASubmissionIsAnsweredWhenTheEngineAnswers) {
  engine.submit = [](scheduler::SubmitRequest request, scheduler::Engine::SubmitDone done) {
    EXPECT_EQ(request.request_id, "r-1");
    EXPECT_EQ(request.inputs.at("version"), "1.2.3");
    done(scheduler::SubmitReply{ExecutionId("e1"), true, {"input x is not declared"}});
  };
  grpc::ClientContext context;
  v1::SubmitExecutionResponse response;
  ASSERT_TRUE(executions->SubmitExecution(&context, SubmitOf("poll-it"), &response).ok());
  EXPECT_EQ(response.id(), "e1");
  EXPECT_TRUE(response.already_existed());
  EXPECT_EQ(response.warnings(0), "input x is not declared");
}

TEST_F(ServerTest, ABatchKeepsItsOrderAndEachItsOwnOutcome) {
  std::vector<scheduler::Engine::SubmitDone> held;
  engine.submit = [&](const scheduler::SubmitRequest& request, scheduler::Engine::SubmitDone done) {
    if (request.flow_id == "full") return done(Fail(Code::kResourceExhausted, "the mailbox is full"));
    held.push_back(std::move(done));
    if (held.size() < 2) return;
    held[1](scheduler::SubmitReply{ExecutionId("second")});
    held[0](scheduler::SubmitReply{ExecutionId("first")});
  };
  v1::BatchSubmitExecutionsRequest request;
  for (const char* flow : {"a", "full", "", "b"}) *request.add_requests() = SubmitOf(flow);
  grpc::ClientContext context;
  v1::BatchSubmitExecutionsResponse response;
  ASSERT_TRUE(executions->BatchSubmitExecutions(&context, request, &response).ok());
  ASSERT_EQ(response.results_size(), 4);
  EXPECT_EQ(response.results(0).submitted().id(), "first");
  EXPECT_EQ(FromRpcStatus(response.results(1).error()).code, Code::kResourceExhausted);
  EXPECT_EQ(FromRpcStatus(response.results(2).error()).violations.at(0).field, "flow_id");
  EXPECT_EQ(response.results(3).submitted().id(), "second");
  grpc::ClientContext empty;
  EXPECT_EQ(ErrorOf(executions->BatchSubmitExecutions(&empty, {}, &response)).violations.at(0).field, "requests");
}

TEST_F(ServerTest, AnExecutionIsReadWholeOrWithoutTaskRuns) {
  engine.Put({LoopFlow(), LoopExecution("e1")});
  v1::GetExecutionRequest request;
  request.set_id("e1");
  v1::GetExecutionResponse response;
  grpc::ClientContext whole;
  ASSERT_TRUE(executions->GetExecution(&whole, request, &response).ok());
  EXPECT_EQ(response.execution().task_runs_size(), 3);
  request.set_omit_task_runs(true);
  grpc::ClientContext header;
  ASSERT_TRUE(executions->GetExecution(&header, request, &response).ok());
  EXPECT_EQ(response.execution().task_runs_size(), 0);
  for (const auto& [id, code] : {std::pair{"e2", Code::kNotFound}, std::pair{"../etc", Code::kInvalidArgument}}) {
    request.set_id(id);
    grpc::ClientContext context;
    EXPECT_EQ(ErrorOf(executions->GetExecution(&context, request, &response)).code, code) << id;
  }
}

TEST_F(ServerTest, AnExecutionTooLargeForAMessageSaysWhatToDo) {
  model::Execution execution = LoopExecution("e1");
  execution.task_runs[0].outputs["big"] = std::string(5u << 20, 'x');
  engine.Put({LoopFlow(), execution});
  v1::GetExecutionRequest request;
  request.set_id("e1");
  v1::GetExecutionResponse response;
  grpc::ClientContext context;
  const Error error = ErrorOf(executions->GetExecution(&context, request, &response));
  EXPECT_EQ(error.code, Code::kResourceExhausted);
  EXPECT_NE(error.message.find("WatchExecution"), std::string::npos);
}

TEST_F(ServerTest, PagesOfExecutionsBelongToTheirFilter) {
  for (int i = 0; i < 5; ++i) engine.Put({LoopFlow(), LoopExecution("e" + std::to_string(i))});
  v1::ListExecutionsRequest request;
  request.set_page_size(2);
  request.set_namespace_prefix("release");
  request.add_states(v1::STATE_RUNNING);
  request.mutable_created_from()->set_seconds(10);
  std::set<std::string> ids;
  std::string token;
  do {
    request.set_page_token(token);
    grpc::ClientContext context;
    v1::ListExecutionsResponse response;
    ASSERT_TRUE(executions->ListExecutions(&context, request, &response).ok());
    for (const auto& execution : response.executions()) ids.insert(execution.id());
    if (!response.next_page_token().empty()) token = response.next_page_token();
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty());
  EXPECT_EQ(ids.size(), 5u);
  EXPECT_EQ(engine.last_query.states, std::vector{model::State::kRunning});
  EXPECT_EQ(engine.last_query.created_from, FromMicros(10'000'000));
  request.set_page_token(token);
  request.set_namespace_prefix("other");
  grpc::ClientContext context;
  v1::ListExecutionsResponse response;
  EXPECT_EQ(ErrorOf(executions->ListExecutions(&context, request, &response)).violations.at(0).field, "page_token");
}

TEST_F(ServerTest, KillAndRestartAnswerWithTheEngine) {
  v1::KillExecutionRequest kill;
  kill.set_id("e1");
  kill.set_reason("wrong version");
  v1::KillExecutionResponse killed;
  grpc::ClientContext killing;
  EXPECT_TRUE(executions->KillExecution(&killing, kill, &killed).ok());
  EXPECT_EQ(engine.killed, std::vector<std::string>{"e1: wrong version"});
  v1::RestartExecutionRequest restart;
  restart.set_id("e1");
  v1::RestartExecutionResponse restarted;
  grpc::ClientContext restarting;
  EXPECT_EQ(ErrorOf(executions->RestartExecution(&restarting, restart, &restarted)).code, Code::kFailedPrecondition);
}

TEST_F(ServerTest, OperationsReachTheEngine) {
  v1::PauseExecutionRequest pause;
  pause.set_id("e1");
  v1::PauseExecutionResponse paused;
  grpc::ClientContext c1;
  EXPECT_TRUE(executions->PauseExecution(&c1, pause, &paused).ok());
  v1::ResumeExecutionRequest resume;
  resume.set_id("e1");
  resume.set_inputs_json("{\"ok\":true}");
  resume.set_by("alice");
  v1::ResumeExecutionResponse resumed;
  grpc::ClientContext c2;
  EXPECT_TRUE(executions->ResumeExecution(&c2, resume, &resumed).ok());
  v1::ReplayExecutionRequest replay;
  replay.set_id("e1");
  replay.set_task_run_id("r1");
  v1::SubmitExecutionResponse replayed;
  grpc::ClientContext c3;
  EXPECT_TRUE(executions->ReplayExecution(&c3, replay, &replayed).ok());
  EXPECT_EQ(replayed.id(), "replayed");
  v1::MarkTaskRunRequest mark;
  mark.set_id("e1");
  mark.set_task_run_id("r1");
  mark.set_state(v1::STATE_RUNNING);
  v1::MarkTaskRunResponse marked;
  grpc::ClientContext c4;
  EXPECT_EQ(ErrorOf(executions->MarkTaskRun(&c4, mark, &marked)).code, Code::kInvalidArgument);
  mark.set_state(v1::STATE_SUCCESS);
  grpc::ClientContext c5;
  EXPECT_TRUE(executions->MarkTaskRun(&c5, mark, &marked).ok());
  v1::UnqueueExecutionRequest unqueue;
  unqueue.set_id("e1");
  v1::UnqueueExecutionResponse unqueued;
  grpc::ClientContext c6;
  EXPECT_TRUE(executions->UnqueueExecution(&c6, unqueue, &unqueued).ok());
  v1::SetExecutionLabelsRequest labels;
  labels.set_id("e1");
  labels.add_labels()->set_value("no key");
  v1::SetExecutionLabelsResponse labelled;
  grpc::ClientContext c7;
  EXPECT_EQ(ErrorOf(executions->SetExecutionLabels(&c7, labels, &labelled)).code, Code::kInvalidArgument);
  EXPECT_EQ(engine.operations, (std::vector<std::string>{"pause e1", "resume e1 {\"ok\":true} by alice",
                                                         "replay e1 from r1", "mark e1 r1 SUCCESS", "unqueue e1 0"}));
}

TEST_F(ServerTest, ExecutionsAreCountedByFlow) {
  engine.Put({LoopFlow(), LoopExecution("e1")});
  engine.Put({LoopFlow(), LoopExecution("e2")});
  grpc::ClientContext context;
  v1::CountExecutionsRequest request;
  request.set_namespace_("release");
  request.add_states(v1::STATE_RUNNING);
  v1::CountExecutionsResponse response;
  ASSERT_TRUE(executions->CountExecutions(&context, request, &response).ok());
  ASSERT_EQ(response.counts_size(), 1);
  EXPECT_EQ(response.counts(0).namespace_(), "release");
  EXPECT_EQ(response.counts(0).flow_id(), "poll-it");
  EXPECT_EQ(response.counts(0).count(), 2u);
  EXPECT_EQ(engine.last_query.ns, "release");
  EXPECT_EQ(engine.last_query.states, std::vector{model::State::kRunning});
}

TEST_F(ServerTest, WhatHasEndedIsPurgedAndTheRestIsNamed) {
  model::Execution ended = LoopExecution("e1");
  ended.closed = true;
  engine.Put({LoopFlow(), ended});
  engine.Put({LoopFlow(), LoopExecution("e2")});
  engine.Log({ExecutionId("e1"), 0, "poll", 1, FromMicros(1), "INFO", "line"});
  v1::PurgeExecutionsRequest request;
  v1::PurgeExecutionsResponse response;
  const auto purge = [&] {
    grpc::ClientContext context;
    response.Clear();
    return executions->PurgeExecutions(&context, request, &response);
  };
  EXPECT_EQ(purge().error_code(), grpc::INVALID_ARGUMENT);
  for (const char* id : {"e1", "e2", "e3"}) request.add_ids(id);
  ASSERT_TRUE(purge().ok());
  EXPECT_EQ(response.executions(), 1u);
  EXPECT_EQ(response.log_lines(), 1u);
  EXPECT_EQ(response.files(), 1u);
  ASSERT_EQ(response.kept_ids_size(), 1);
  EXPECT_EQ(response.kept_ids(0), "e2");
  request.add_ids("no id!");
  EXPECT_EQ(purge().error_code(), grpc::INVALID_ARGUMENT);
}

TEST_F(ServerTest, LogLinesArePurgedByLevelAndDate) {
  v1::PurgeLogsRequest request;
  request.add_execution_ids("e1");
  request.add_levels(v1::LOG_LEVEL_WARN);
  request.mutable_before()->set_nanos(5'000);
  grpc::ClientContext context;
  v1::PurgeLogsResponse response;
  engine.Log({ExecutionId("e1"), 0, "poll", 1, FromMicros(1), "WARN", "line"});
  ASSERT_TRUE(executions->PurgeLogs(&context, request, &response).ok());
  EXPECT_EQ(response.log_lines(), 1u);
  EXPECT_EQ(engine.last_log_purge.levels, std::vector<std::string>{"WARN"});
  EXPECT_EQ(engine.last_log_purge.before, FromMicros(5));
  EXPECT_FALSE(engine.last_log_purge.from);
}

TEST_F(ServerTest, StatesAreNamedWithoutPrefixes) {
  v1::ChangeExecutionStatusRequest request;
  request.set_id("e1");
  request.set_state(v1::STATE_RUNNING);
  grpc::ClientContext context;
  v1::ChangeExecutionStatusResponse response;
  EXPECT_EQ(executions->ChangeExecutionStatus(&context, request, &response).error_message(),
            "state must be one that ends, such as SUCCESS");
}

TEST_F(ServerTest, WorkersAreListedAndDrained) {
  engine.workers.push_back({.id = WorkerId("w1"), .group = "default", .capacity = 4, .running = 1,
                            .since_heartbeat = std::chrono::milliseconds(1500), .tags = {{"os", "linux"}}});
  const auto stub = v1::WorkerService::NewStub(channel);
  grpc::ClientContext listing;
  v1::ListWorkersResponse workers;
  ASSERT_TRUE(stub->ListWorkers(&listing, {}, &workers).ok());
  EXPECT_EQ(workers.workers(0).since_heartbeat().nanos(), 500'000'000);
  EXPECT_EQ(workers.workers(0).tags().at("os"), "linux");
  v1::DrainWorkerRequest drain;
  drain.set_id("w1");
  v1::DrainWorkerResponse drained;
  grpc::ClientContext draining;
  EXPECT_TRUE(stub->DrainWorker(&draining, drain, &drained).ok());
  EXPECT_EQ(engine.drained, std::vector<std::string>{"w1"});
  drain.set_id("w2");
  grpc::ClientContext unknown;
  EXPECT_NE(ErrorOf(stub->DrainWorker(&unknown, drain, &drained)).message.find("did you mean w1"), std::string::npos);
}

TEST_F(ServerTest, SaysWhatItIs) {
  grpc::ClientContext context;
  v1::GetServerInfoResponse info;
  ASSERT_TRUE(v1::SystemService::NewStub(channel)->GetServerInfo(&context, {}, &info).ok());
  EXPECT_EQ(info.version(), "test");
  EXPECT_EQ(info.worker_endpoint(), "tcp://127.0.0.1:5555");
}

// Health and reflection have no stubs in Debian's packages: their methods are called by name with hand-made bytes.
std::string CallByName(const std::shared_ptr<grpc::Channel>& channel, const std::string& method, const std::string& request) {
  grpc::GenericStub stub(channel);
  grpc::ClientContext context;
  grpc::CompletionQueue queue;
  grpc::Slice slice(request);
  const auto call = stub.PrepareCall(&context, method, &queue);
  call->StartCall(nullptr);
  void* tag = nullptr;
  bool ok = false;
  queue.Next(&tag, &ok);
  call->Write(grpc::ByteBuffer(&slice, 1), nullptr);
  queue.Next(&tag, &ok);
  grpc::ByteBuffer answer;
  call->Read(&answer, nullptr);
  queue.Next(&tag, &ok);
  std::vector<grpc::Slice> slices;
  answer.Dump(&slices);
  std::string bytes;
  for (const grpc::Slice& part : slices) bytes.append(reinterpret_cast<const char*>(part.begin()), part.size());
  context.TryCancel();
  queue.Shutdown();
  while (queue.Next(&tag, &ok)) continue;
  return bytes;
}

TEST_F(ServerTest, HealthIsServing) {
  EXPECT_EQ(CallByName(channel, "/grpc.health.v1.Health/Check", ""), std::string("\x08\x01"));
}

TEST_F(ServerTest, ReflectionListsTheServices) {
  const std::string list_services("\x3a\x01*", 3);
  const std::string names =
      CallByName(channel, "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", list_services);
  for (const char* service : {"FlowService", "ExecutionService", "WorkerService", "SystemService"}) {
    EXPECT_NE(names.find(std::string("headrace.api.v1.") + service), std::string::npos) << service;
  }
}

TEST_F(ServerTest, AMessageOverTheLimitIsRefused) {
  v1::SubmitExecutionRequest request = SubmitOf("poll-it");
  request.set_inputs_json(std::string(5u << 20, ' '));
  grpc::ClientContext context;
  v1::SubmitExecutionResponse response;
  EXPECT_EQ(executions->SubmitExecution(&context, request, &response).error_code(), grpc::RESOURCE_EXHAUSTED);
}

TEST(ServerStart, OnlyLoopbackAddressesAreServed) {
  testing::FakeEngine engine;
  for (const char* address : {"0.0.0.0:0", "10.0.0.1:8082", "[::]:0", "example.com:0"}) {
    ApiOptions options;
    options.address = address;
    const auto server = ApiServer::Start(options, engine);
    ASSERT_FALSE(server) << address;
    EXPECT_NE(server.error().message.find("loopback"), std::string::npos);
  }
  for (const char* address : {":", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:99999"}) {
    ApiOptions options;
    options.address = address;
    const auto server = ApiServer::Start(options, engine);
    ASSERT_FALSE(server) << address;
    EXPECT_NE(server.error().message.find("HOST:PORT"), std::string::npos);
  }
}

TEST(ServerStart, WithoutAnAddressOnlyThisProcessIsServed) {
  testing::FakeEngine engine;
  ApiOptions options;
  options.address = "";
  const auto server = ApiServer::Start(options, engine);
  ASSERT_TRUE(server);
  EXPECT_EQ((*server)->port(), 0);
  const auto stub = v1::SystemService::NewStub((*server)->InProcessChannel());
  grpc::ClientContext context;
  v1::GetServerInfoResponse info;
  EXPECT_TRUE(stub->GetServerInfo(&context, {}, &info).ok());
  EXPECT_EQ(info.version(), "unknown");
}

TEST(ServerStart, APortInUseIsNamedWithARemedy) {
  testing::FakeEngine engine;
  ApiOptions options;
  options.address = "127.0.0.1:0";
  const auto first = ApiServer::Start(options, engine);
  ASSERT_TRUE(first);
  options.address = "127.0.0.1:" + std::to_string((*first)->port());
  const auto second = ApiServer::Start(options, engine);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::kUnavailable);
  EXPECT_NE(second.error().message.find("port " + std::to_string((*first)->port()) + " is in use"), std::string::npos);
}

class CappedServer : public testing::Rig {
 protected:
  CappedServer() : Rig({.unary_cap = std::chrono::milliseconds(1)}) {}
};

TEST_F(CappedServer, AnEngineThatNeverAnswersDoesNotHoldTheCaller) {
  scheduler::Engine::SubmitDone late;
  engine.submit = [&](const scheduler::SubmitRequest&, scheduler::Engine::SubmitDone done) { late = std::move(done); };
  grpc::ClientContext context;
  v1::SubmitExecutionResponse response;
  EXPECT_EQ(executions->SubmitExecution(&context, SubmitOf("poll-it"), &response).error_code(),
            grpc::DEADLINE_EXCEEDED);
  server->Shutdown();
  late(scheduler::SubmitReply{ExecutionId("too-late")});
  EXPECT_EQ(response.id(), "");
}

}  // namespace
}  // namespace headrace::api
