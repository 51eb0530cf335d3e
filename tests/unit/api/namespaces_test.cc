// A token that is bound to namespaces: every method of the API, asked about what lies in another one, gives nothing and does nothing.
#include <google/protobuf/descriptor.h>
#include <google/protobuf/dynamic_message.h>
#include <grpcpp/generic/generic_stub.h>

#include <algorithm>
#include <future>
#include <map>
#include <mutex>
#include <thread>

#include "externalscaler/externalscaler.pb.h"
#include "headrace/api/v1/flow_service.pb.h"
#include "headrace/api/v1/system_service.pb.h"
#include "headrace/api/v1/trigger_service.grpc.pb.h"
#include "headrace/api/v1/worker_service.pb.h"
#include "headrace/wire/v1/peer.grpc.pb.h"
#include "tests/unit/api/certificates.h"
#include "tests/unit/api/rig.h"

namespace headrace::api {
namespace {

namespace protobuf = google::protobuf;

constexpr char kBound[] = "bound-token-01234567";
constexpr char kUnbound[] = "free-token-012345678";
constexpr char kTokens[] =
    "bound-token-01234567 ann admin team,lab\n"
    "free-token-012345678 zoe admin\n";
// In what lies in namespace `release`, and nowhere else.
constexpr char kCanary[] = "poll-it";

// How each method answers whoever is bound elsewhere. A method that is not here fails the test: decide, and look at what it touches.
enum class Answer { kDenied, kNotFound, kEmpty, kFree };
const std::map<std::string, Answer>& Decisions() {
  static const std::map<std::string, Answer> decisions = {
      {"FlowService/ValidateFlow", Answer::kDenied},
      {"FlowService/ApplyFlow", Answer::kDenied},
      {"FlowService/GetFlow", Answer::kDenied},
      {"FlowService/ListFlows", Answer::kEmpty},
      {"FlowService/ListFlowRevisions", Answer::kDenied},
      {"ExecutionService/SubmitExecution", Answer::kDenied},
      {"ExecutionService/BatchSubmitExecutions", Answer::kEmpty},   // each with its error
      {"ExecutionService/StreamSubmitExecutions", Answer::kEmpty},  // likewise
      {"ExecutionService/GetExecution", Answer::kNotFound},
      {"ExecutionService/ListExecutions", Answer::kEmpty},
      {"ExecutionService/CountExecutions", Answer::kEmpty},
      {"ExecutionService/WatchExecution", Answer::kNotFound},
      {"ExecutionService/FollowLogs", Answer::kNotFound},
      {"ExecutionService/KillExecution", Answer::kNotFound},
      {"ExecutionService/RestartExecution", Answer::kNotFound},
      {"ExecutionService/PauseExecution", Answer::kNotFound},
      {"ExecutionService/ResumeExecution", Answer::kNotFound},
      {"ExecutionService/ReplayExecution", Answer::kNotFound},
      {"ExecutionService/MarkTaskRun", Answer::kNotFound},
      {"ExecutionService/ChangeExecutionStatus", Answer::kNotFound},
      {"ExecutionService/SetExecutionLabels", Answer::kNotFound},
      {"ExecutionService/UnqueueExecution", Answer::kNotFound},
      {"ExecutionService/PurgeExecutions", Answer::kEmpty},
      {"ExecutionService/PurgeLogs", Answer::kEmpty},
      {"TriggerService/ListTriggers", Answer::kDenied},
      {"TriggerService/GetTrigger", Answer::kDenied},
      {"TriggerService/SetTriggerDisabled", Answer::kDenied},
      {"TriggerService/UnlockTrigger", Answer::kDenied},
      {"TriggerService/ListTriggerDates", Answer::kDenied},
      {"TriggerService/CreateBackfill", Answer::kDenied},
      {"TriggerService/PauseBackfill", Answer::kDenied},
      {"TriggerService/CancelBackfill", Answer::kDenied},
      {"WorkerService/ListWorkers", Answer::kDenied},
      {"WorkerService/DrainWorker", Answer::kDenied},
      {"WorkerService/Share", Answer::kDenied},
      {"SystemService/GetServerInfo", Answer::kFree},
      {"SystemService/ListSchedulers", Answer::kDenied},
      {"PeerService/Call", Answer::kDenied},
      {"ExternalScaler/IsActive", Answer::kDenied},
      {"ExternalScaler/StreamIsActive", Answer::kDenied},
      {"ExternalScaler/GetMetricSpec", Answer::kDenied},
      {"ExternalScaler/GetMetrics", Answer::kDenied}};
  return decisions;
}

std::vector<const protobuf::MethodDescriptor*> AllMethods() {
  std::vector<const protobuf::MethodDescriptor*> methods;
  for (const protobuf::FileDescriptor* file :
       {v1::SubmitExecutionRequest::descriptor()->file(), v1::ApplyFlowRequest::descriptor()->file(), v1::GetServerInfoRequest::descriptor()->file(),
        v1::GetTriggerRequest::descriptor()->file(), v1::ShareRequest::descriptor()->file(), wire::v1::PeerRequest::descriptor()->file(),
        externalscaler::ScaledObjectRef::descriptor()->file()}) {
    for (int s = 0; s < file->service_count(); ++s) {
      for (int m = 0; m < file->service(s)->method_count(); ++m) methods.push_back(file->service(s)->method(m));
    }
  }
  return methods;
}

// What names the other namespace, its flow, its trigger and its execution, wherever a field is for that.
std::string TextFor(const protobuf::FieldDescriptor& field) {
  const std::string& name = field.name();
  const bool of_flow = field.containing_type()->FindFieldByName("namespace") != nullptr;
  if (name == "namespace") return "release";
  if (name == "flow_id") return kCanary;
  if (name == "trigger_id") return "nightly";
  if (name == "id" && of_flow) return kCanary;
  if (name == "id" && field.containing_type()->name() == "DrainWorkerRequest") return "w1";
  if (name == "id" || name == "execution_id" || name == "ids" || name == "execution_ids") return "theirs";
  if (name == "source") return "release";
  return "";
}

void Fill(protobuf::Message& message) {
  const auto* reflection = message.GetReflection();
  for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
    const auto* field = message.GetDescriptor()->field(i);
    if (field->is_map()) continue;
    if (field->type() == protobuf::FieldDescriptor::TYPE_STRING) {
      const std::string text = TextFor(*field);
      if (text.empty()) continue;
      if (field->is_repeated()) reflection->AddString(&message, field, text);
      else reflection->SetString(&message, field, text);
    } else if (field->name() == "request" || field->name() == "name" || field->name() == "backfill" || field->name() == "start") {
      Fill(*reflection->MutableMessage(&message, field));
    } else if (field->name() == "requests" || field->name() == "put") {
      Fill(*reflection->AddMessage(&message, field));
    } else if (field->name() == "state" && !field->is_repeated()) {
      reflection->SetEnumValue(&message, field, message.GetDescriptor()->name() == "UnqueueExecutionRequest" ? v1::STATE_RUNNING : v1::STATE_SUCCESS);
    }
  }
}

std::string BytesOf(const protobuf::MethodDescriptor& method) {
  protobuf::DynamicMessageFactory factory;
  const std::unique_ptr<protobuf::Message> request(factory.GetPrototype(method.input_type())->New());
  Fill(*request);
  return request->SerializeAsString();
}

class Lines final : public AuditLog {
 public:
  void Tell(AuditLine line) override {
    const std::lock_guard lock(mutex_);
    lines_.push_back(std::move(line));
  }
  std::vector<AuditLine> Take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(lines_, {});
  }

 private:
  std::mutex mutex_;
  std::vector<AuditLine> lines_;
};

struct Answered {
  grpc::Status status;
  std::string bytes;  // of all messages
};

class NamespacesTest : public ::testing::Test {
 protected:
  NamespacesTest() {
    const auto own = authority.Sign("IP:127.0.0.1");
    ApiOptions options;
    options.address = "127.0.0.1:0";
    options.peers = true;
    options.audit = audit;
    options.tls = ApiTls{.certificate = own.certificate, .key = own.key, .tokens = nullptr};
    options.tls->tokens = std::move(*http::ParseTokens(kTokens, "tokens"));
    FillEngine();
    server = std::move(*ApiServer::Start(options, engine));
    grpc::SslCredentialsOptions ssl;
    ssl.pem_root_certs = authority.certificate();
    channel = grpc::CreateChannel("127.0.0.1:" + std::to_string(server->port()), grpc::SslCredentials(ssl));
    executions = v1::ExecutionService::NewStub(channel);
  }
  ~NamespacesTest() override {
    if (server) server->Shutdown();
  }

  void FillEngine() {
    engine.build = [](const std::string& source) -> Result<scheduler::FlowView> {
      auto flow = std::make_shared<model::Flow>(*testing::LoopFlow());
      flow->ns = source;
      return scheduler::FlowView{flow, FromMicros(1'000'000), true};
    };
    engine.submit = [this](scheduler::SubmitRequest request, const scheduler::Engine::SubmitDone& done) {
      submitted.push_back(request.ns);
      done(scheduler::SubmitReply{ExecutionId("new"), false, {}});
    };
    engine.flows = {{"release", "poll-it", 1, "d", "source", {}}, {"team.a", "ours", 1, "d", "source", {}}};
    for (const char* ns : {"release", "team.a"}) {
      model::Trigger trigger;
      trigger.name = {ns, *ns == 'r' ? kCanary : "ours", "nightly"};
      engine.trigger_door.rows.push_back(trigger);
    }
    scheduler::ExecutionView theirs{testing::LoopFlow(), testing::LoopExecution("theirs")};
    theirs.execution.closed = true;
    engine.Put(theirs);
    scheduler::ExecutionView ours = theirs;
    ours.flow = nullptr;
    ours.execution.id = ExecutionId("ours");
    ours.execution.ns = "team.a";
    ours.execution.flow_id = "ours";
    engine.Put(ours);
    for (const char* id : {"theirs", "ours"}) {
      store::LogRow row;
      row.execution = ExecutionId(id);
      row.message = *id == 't' ? kCanary : "of ours";
      row.level = "INFO";
      engine.Log(row);
    }
    engine.workers = {{.id = WorkerId("w1"), .host = kCanary}};
    engine.schedulers = {{.id = kCanary}};
    engine.sample.queues = {{.group = "", .waiting = 1}};
    engine.peer_call = [this](const std::string&, const scheduler::PeerDone& done) {
      submitted.emplace_back("peer");
      done(std::string(kCanary));
    };
  }

  Answered Call(const protobuf::MethodDescriptor& method, const char* token) {
    grpc::GenericStub stub(channel);
    grpc::ClientContext context;
    context.AddMetadata("authorization", std::string("Bearer ") + token);
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
    grpc::CompletionQueue queue;
    const auto call = stub.PrepareCall(&context, "/" + method.service()->full_name() + "/" + method.name(), &queue);
    void* tag = nullptr;
    bool ok = false;
    const grpc::Slice slice(BytesOf(method));
    Answered answered;
    call->StartCall(nullptr);
    queue.Next(&tag, &ok);
    call->WriteLast(grpc::ByteBuffer(&slice, 1), {}, nullptr);
    queue.Next(&tag, &ok);
    for (ok = true; ok;) {
      grpc::ByteBuffer message;
      call->Read(&message, nullptr);
      queue.Next(&tag, &ok);
      std::vector<grpc::Slice> slices;
      if (ok && message.Dump(&slices).ok()) {
        for (const grpc::Slice& part : slices) answered.bytes.append(reinterpret_cast<const char*>(part.begin()), part.size());
        if (method.name() == "WatchExecution") break;  // it has no end
      }
    }
    if (ok) context.TryCancel();  // there is more
    call->Finish(&answered.status, nullptr);
    queue.Next(&tag, &ok);
    queue.Shutdown();
    while (queue.Next(&tag, &ok)) continue;
    return answered;
  }
  static std::string NameOf(const protobuf::MethodDescriptor& method) { return method.service()->name() + "/" + method.name(); }

  std::vector<std::string> Changes() {
    std::vector<std::string> all = submitted;
    all.insert(all.end(), engine.killed.begin(), engine.killed.end());
    all.insert(all.end(), engine.operations.begin(), engine.operations.end());
    all.insert(all.end(), engine.drained.begin(), engine.drained.end());
    for (const std::string& noted : engine.trigger_door.noted) {
      if (!noted.starts_with("list")) all.push_back(noted);
    }
    if (!engine.executions.contains("theirs")) all.emplace_back("purged");
    if (std::none_of(engine.logs.begin(), engine.logs.end(), [](const auto& row) { return row.execution.str() == "theirs"; })) all.emplace_back("logs purged");
    return all;
  }

  template <typename Request, typename Response>
  grpc::Status Ask(grpc::Status (v1::ExecutionService::Stub::*method)(grpc::ClientContext*, const Request&, Response*), const Request& request, Response& response,
                   const char* token = kBound) {
    grpc::ClientContext context;
    context.AddMetadata("authorization", std::string("Bearer ") + token);
    return (executions.get()->*method)(&context, request, &response);
  }

  testing::Authority authority;
  std::shared_ptr<Lines> audit = std::make_shared<Lines>();
  testing::FakeEngine engine;
  std::vector<std::string> submitted;
  std::unique_ptr<ApiServer> server;
  std::shared_ptr<grpc::Channel> channel;
  std::unique_ptr<v1::ExecutionService::Stub> executions;
};

TEST_F(NamespacesTest, EveryMethodIsDecidedAndGivesNothingOfAnother) {
  for (const auto* method : AllMethods()) {
    const std::string name = NameOf(*method);
    const auto decided = Decisions().find(name);
    ASSERT_NE(decided, Decisions().end()) << name << " is new: what does a token of another namespace get?";
    const Answered answered = Call(*method, kBound);
    const grpc::StatusCode wanted = decided->second == Answer::kDenied     ? grpc::StatusCode::PERMISSION_DENIED
                                    : decided->second == Answer::kNotFound ? grpc::StatusCode::NOT_FOUND
                                                                           : grpc::StatusCode::OK;
    EXPECT_EQ(answered.status.error_code(), wanted) << name << ": " << answered.status.error_message();
    EXPECT_EQ(answered.bytes.find(kCanary), std::string::npos) << name;
    if (wanted == grpc::StatusCode::NOT_FOUND) {
      EXPECT_EQ(answered.status.error_message(), "there is no execution theirs") << name;
    }
  }
  EXPECT_EQ(Changes(), std::vector<std::string>());
}

// What the test above asks for is there: whoever is not bound gets it, or changes it.
TEST_F(NamespacesTest, WhoIsNotBoundGetsWhatTheOthersDoNot) {
  for (const auto* method : AllMethods()) {
    const std::string name = NameOf(*method);
    if (name.starts_with("PeerService") || name.starts_with("ExternalScaler")) continue;
    const Answer decided = Decisions().at(name);
    const Answered answered = Call(*method, kUnbound);
    const grpc::StatusCode code = answered.status.error_code();
    EXPECT_NE(code, grpc::StatusCode::PERMISSION_DENIED) << name;
    EXPECT_NE(code, grpc::StatusCode::NOT_FOUND) << name << ": " << answered.status.error_message();
    EXPECT_NE(code, grpc::StatusCode::INVALID_ARGUMENT) << name << ": " << answered.status.error_message();
    if (decided == Answer::kEmpty && name.find("List") != std::string::npos) {
      EXPECT_NE(answered.bytes.find(kCanary), std::string::npos) << name;
    }
    if (name == "ExecutionService/PurgeExecutions") engine.Put({testing::LoopFlow(), testing::LoopExecution("theirs")});
  }
  EXPECT_GT(Changes().size(), 12U);
}

TEST_F(NamespacesTest, OnesOwnAndWhatLiesBelowIsThere) {
  v1::GetExecutionRequest get;
  get.set_id("ours");
  v1::GetExecutionResponse got;
  EXPECT_TRUE(Ask(&v1::ExecutionService::Stub::GetExecution, get, got).ok());
  v1::KillExecutionRequest kill;
  kill.set_id("ours");
  v1::KillExecutionResponse killed;
  EXPECT_TRUE(Ask(&v1::ExecutionService::Stub::KillExecution, kill, killed).ok());
  v1::SubmitExecutionRequest submit;
  submit.set_flow_id("x");
  v1::SubmitExecutionResponse reply;
  for (const char* ns : {"team", "team.a", "lab.b.c"}) {
    submit.set_namespace_(ns);
    EXPECT_TRUE(Ask(&v1::ExecutionService::Stub::SubmitExecution, submit, reply).ok()) << ns;
  }
  for (const char* ns : {"teams", "tea", "", "a.team", "TEAM", "team ", "lab-b"}) {
    submit.set_namespace_(ns);
    EXPECT_FALSE(Ask(&v1::ExecutionService::Stub::SubmitExecution, submit, reply).ok()) << ns;
  }
  EXPECT_EQ(submitted.size(), 3U);
}

// The pages between are read until there is one, and no token names what lies between.
TEST_F(NamespacesTest, AListLeavesOutOthersAndItsPagesEndAtOnesOwn) {
  for (int i = 0; i < 40; ++i) {
    scheduler::ExecutionView view{nullptr, testing::LoopExecution("a" + std::to_string(100 + i))};
    view.execution.ns = i % 4 == 0 ? "lab" : "release";
    engine.Put(view);
  }
  std::vector<std::string> ids;
  v1::ListExecutionsRequest list;
  list.set_page_size(4);
  do {
    v1::ListExecutionsResponse page;
    ASSERT_TRUE(Ask(&v1::ExecutionService::Stub::ListExecutions, list, page).ok());
    for (const auto& execution : page.executions()) ids.push_back(execution.id());
    list.set_page_token(page.next_page_token());
  } while (!list.page_token().empty() && ids.size() < 100);
  EXPECT_EQ(ids, (std::vector<std::string>{"a100", "a104", "a108", "a112", "a116", "a120", "a124", "a128", "a132", "a136", "ours"}));
}

// A task of one's own flow would read it, whatever namespace it lies in.
TEST_F(NamespacesTest, NoInputNamesAFileOfAnother) {
  v1::SubmitExecutionRequest submit;
  submit.set_namespace_("team.a");
  submit.set_flow_id("ours");
  v1::SubmitExecutionResponse reply;
  const auto code = [&](const std::string& json) {
    submit.set_inputs_json(json);
    return Ask(&v1::ExecutionService::Stub::SubmitExecution, submit, reply).error_code();
  };
  for (const char* refused :
       {R"({"f":"nsfile://release/a"})", R"({"f":"kestra:///release/_files/a"})", R"({"f":"kestra:///release/x/executions/e/tasks/t/r/1-1/f"})",
        R"({"f":"kestra:///team/_files/../../release/_files/a"})", R"({"f":"kestra:///teams/_files/a"})", R"({"f":"nsfile://teams/a"})",
        R"({"f":"kestra:///lab/executions/e/f"})", R"({"f":["a",{"b":"see kestra:///release/_kv/k"}]})", R"({"f":{"nsfile://release/a":1}})",
        R"({"f":"kestra:///team/_files/a kestra:///release/_files/a"})", R"({"f":"{\"a\":\"kestra:\\/\\/\\/release\\/_files\"}"})",
        R"({"f":"\"\\u006bestra:///release/_files/a\""})", R"({"f":"\"\\x6bestra:///rel\\\n  ease/_files/a\""})"}) {
    EXPECT_EQ(code(refused), grpc::StatusCode::PERMISSION_DENIED) << refused;
  }
  EXPECT_TRUE(submitted.empty());
  auto lines = audit->Take();
  ASSERT_EQ(lines.size(), 13U);
  EXPECT_EQ(lines[0].ns + " " + lines[0].outcome, "release PERMISSION_DENIED");
  EXPECT_TRUE(lines[0].denied);
  for (const char* fine : {R"({"f":"nsfile:///a"})", R"({"f":"nsfile://team/a"})", R"({"f":"kestra:///team/a/flow/executions/e/f"})", R"({"f":"kestra:///_inputs/u/f"})",
                           R"({"f":"a kestra:/// URI or C:\\temp"})", R"({"f":"kestra:///lab/_files/a","g":1})"}) {
    EXPECT_EQ(code(fine), grpc::StatusCode::OK) << fine;
  }
  submit.set_inputs_json(R"({"f":"nsfile://release/a"})");
  EXPECT_TRUE(Ask(&v1::ExecutionService::Stub::SubmitExecution, submit, reply, kUnbound).ok());
}

// What is asked of the engine may be answered when the server and all that it was made of is gone.
TEST_F(NamespacesTest, AnAnswerThatComesAfterTheEndIsTold) {
  scheduler::Engine::SubmitDone late;
  std::promise<void> asked;
  engine.submit = [&](const scheduler::SubmitRequest&, const scheduler::Engine::SubmitDone& done) {
    late = done;
    asked.set_value();
  };
  v1::SubmitExecutionRequest submit;
  submit.set_namespace_("team");
  submit.set_flow_id("x");
  std::thread caller([&] {
    v1::SubmitExecutionResponse reply;
    EXPECT_FALSE(Ask(&v1::ExecutionService::Stub::SubmitExecution, submit, reply).ok());
  });
  asked.get_future().wait();
  server->Shutdown();
  caller.join();
  server.reset();
  const std::weak_ptr<Lines> log = audit;
  audit.reset();
  ASSERT_FALSE(log.expired()) << "the answer has it";
  late(scheduler::SubmitReply{ExecutionId("late"), false, {}});
  late = nullptr;
  EXPECT_TRUE(log.expired());
}

TEST_F(NamespacesTest, WhoseARequestIdIsIsNotTold) {
  engine.submit = [](const scheduler::SubmitRequest&, const scheduler::Engine::SubmitDone& done) { done(Fail(Code::kAlreadyExists, "used for another: theirs")); };
  v1::SubmitExecutionRequest submit;
  submit.set_namespace_("team");
  submit.set_flow_id("x");
  v1::SubmitExecutionResponse reply;
  const grpc::Status status = Ask(&v1::ExecutionService::Stub::SubmitExecution, submit, reply);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::ALREADY_EXISTS);
  EXPECT_EQ(status.error_message().find("theirs"), std::string::npos) << status.error_message();
}

TEST_F(NamespacesTest, WhatIsNotThereNamesNoNeighbour) {
  engine.trigger_door.missing = NotFound("Unable to find flow 'team'.'x'; did you mean release/poll-it?");
  const auto triggers = v1::TriggerService::NewStub(channel);
  const auto with = [&](const auto& ask) {
    grpc::ClientContext context;
    context.AddMetadata("authorization", std::string("Bearer ") + kBound);
    return ask(context);
  };
  v1::GetTriggerRequest get;
  get.mutable_name()->set_namespace_("team");
  get.mutable_name()->set_flow_id("x");
  get.mutable_name()->set_trigger_id("y");
  v1::GetTriggerResponse got;
  grpc::Status status = with([&](grpc::ClientContext& context) { return triggers->GetTrigger(&context, get, &got); });
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(status.error_message(), "there is no trigger " + (model::TriggerName{"team", "x", "y"}).str());
  v1::ListTriggersRequest list;
  list.set_namespace_prefix("team");
  list.set_flow_id("x");
  v1::ListTriggersResponse listed;
  status = with([&](grpc::ClientContext& context) { return triggers->ListTriggers(&context, list, &listed); });
  EXPECT_EQ(status.error_message(), "there is no flow 'team'.'x'");
}

TEST_F(NamespacesTest, ChangesAndRefusalsAreToldAndReadingIsNot) {
  v1::GetExecutionRequest get;
  get.set_id("ours");
  v1::GetExecutionResponse got;
  ASSERT_TRUE(Ask(&v1::ExecutionService::Stub::GetExecution, get, got).ok());
  EXPECT_TRUE(audit->Take().empty());

  get.set_id("theirs");
  ASSERT_FALSE(Ask(&v1::ExecutionService::Stub::GetExecution, get, got).ok());
  auto lines = audit->Take();
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0].who + " " + lines[0].role + " " + lines[0].method + " " + lines[0].ns + " " + lines[0].flow + " " + lines[0].object + " " + lines[0].outcome,
            "ann admin ExecutionService/GetExecution release poll-it theirs NOT_FOUND");
  EXPECT_TRUE(lines[0].denied);
  EXPECT_TRUE(lines[0].peer.starts_with("ipv4:127.0.0.1:")) << lines[0].peer;

  v1::KillExecutionRequest kill;
  kill.set_id("theirs");
  v1::KillExecutionResponse killed;
  ASSERT_TRUE(Ask(&v1::ExecutionService::Stub::KillExecution, kill, killed, kUnbound).ok());
  lines = audit->Take();
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0].who + " " + lines[0].method + " " + lines[0].ns + " " + lines[0].object + " " + lines[0].outcome,
            "zoe ExecutionService/KillExecution release theirs OK");
  EXPECT_FALSE(lines[0].denied);

  ASSERT_FALSE(Ask(&v1::ExecutionService::Stub::KillExecution, kill, killed, "unknown-token-012345").ok());
  lines = audit->Take();
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0].who + "|" + lines[0].method + "|" + lines[0].outcome, "|ExecutionService/KillExecution|UNAUTHENTICATED");
}

}  // namespace
}  // namespace headrace::api
