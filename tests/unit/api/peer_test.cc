// A scheduler asks another one: a real client and a real server on loopback.
#include <atomic>
#include <future>
#include <thread>

#include "api/peer_client.h"
#include "api/peer_reply.h"
#include "headrace/api/v1/flow_service.grpc.pb.h"
#include "headrace/api/v1/system_service.grpc.pb.h"
#include "tests/unit/api/certificates.h"
#include "tests/unit/api/rig.h"

namespace headrace::api {
namespace {

constexpr Duration kPatience = std::chrono::seconds(30);
constexpr char kTokens[] = "peer-token-012345678 peer scheduler\nadmin-token-01234567 dan admin\n";

class PeerTest : public ::testing::Test {
 protected:
  PeerTest() {
    engine.peer_call = [](std::string request, scheduler::PeerDone done) { done("got " + request); };
  }

  // HOST:PORT of a server that others may ask.
  std::string Serve(ApiOptions options = {}) {
    options.address = "127.0.0.1:0";
    options.peers = true;
    auto started = ApiServer::Start(options, engine);
    if (!started) {
      ADD_FAILURE() << started.error().ToString();
      return "";
    }
    server = std::move(*started);
    return "127.0.0.1:" + std::to_string(server->port());
  }

  static Result<std::string> Ask(GrpcPeerClient& client, const std::string& address, std::string request, Duration timeout = kPatience) {
    std::promise<Result<std::string>> answer;
    client.Call(address, std::move(request), timeout, [&answer](Result<std::string> reply) { answer.set_value(std::move(reply)); });
    return answer.get_future().get();
  }

  testing::FakeEngine engine;
  std::unique_ptr<ApiServer> server;
};

TEST_F(PeerTest, BytesComeThereAndBack) {
  const std::string address = Serve();
  GrpcPeerClient client({});
  const std::string bytes("\0\xff\x80 text", 8);
  EXPECT_EQ(Ask(client, address, bytes), "got " + bytes);
  engine.peer_call = [](const std::string&, const scheduler::PeerDone& done) { done(std::string()); };
  EXPECT_EQ(Ask(client, address, ""), "");
}

TEST_F(PeerTest, AnErrorComesBackAsItWasSaid) {
  Error said{Code::kInvalidArgument, "inputs \xff are wrong", {}};
  for (int i = 0; i < 2000; ++i) said.violations.push_back({"inputs.a" + std::to_string(i), std::string(100, 'x'), i, 7, "a.yaml"});
  engine.peer_call = [&](const std::string&, const scheduler::PeerDone& done) { done(Fail(said)); };
  const std::string address = Serve();
  GrpcPeerClient client({});
  const auto reply = Ask(client, address, "r");
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error(), said);
  // Also one that gRPC itself might have had.
  said = {Code::kUnavailable, "the store is away", {}};
  EXPECT_EQ(Ask(client, address, "r").error(), said);
}

TEST_F(PeerTest, WhoDoesNotAnswerInTimeIsUnavailable) {
  std::promise<scheduler::PeerDone> asked;
  engine.peer_call = [&](const std::string&, scheduler::PeerDone done) { asked.set_value(std::move(done)); };
  const std::string address = Serve();
  GrpcPeerClient client({});
  const auto reply = Ask(client, address, "r", std::chrono::milliseconds(300));
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, Code::kUnavailable);
  EXPECT_NE(reply.error().message.find(address + " did not answer within 300 ms"), std::string::npos) << reply.error().message;
  asked.get_future().get()("too late");  // and nobody minds
}

TEST_F(PeerTest, WhoIsNotThereIsUnavailable) {
  const std::string address = Serve();
  server.reset();
  GrpcPeerClient client({});
  const auto reply = Ask(client, address, "r");
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, Code::kUnavailable);
  EXPECT_NE(reply.error().message.find(address + " cannot be reached"), std::string::npos) << reply.error().message;
}

TEST_F(PeerTest, EightMebibytesGoAndNineAreRefused) {
  const std::string address = Serve();
  GrpcPeerClient client({});
  engine.peer_call = [](std::string request, const scheduler::PeerDone& done) { done(std::to_string(request.size())); };
  EXPECT_EQ(Ask(client, address, std::string(8u << 20, 'x')), std::to_string(8u << 20));
  EXPECT_EQ(Ask(client, address, std::string(9u << 20, 'x')).error().code, Code::kResourceExhausted);
  engine.peer_call = [](const std::string&, const scheduler::PeerDone& done) { done(std::string((8u << 20) - 100, 'y')); };
  EXPECT_EQ(Ask(client, address, "r")->size(), (8u << 20) - 100);
  engine.peer_call = [](const std::string&, const scheduler::PeerDone& done) { done(std::string(9u << 20, 'y')); };
  const auto reply = Ask(client, address, "r");
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, Code::kResourceExhausted);
  // The server keeps the bound itself, whoever asks.
  const auto stub = wire::v1::PeerService::NewStub(grpc::CreateChannel(address, grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  wire::v1::PeerRequest request;
  request.set_body(std::string(9u << 20, 'x'));
  wire::v1::PeerReply answer;
  EXPECT_EQ(stub->Call(&context, request, &answer).error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
}

TEST_F(PeerTest, OneThatIsAloneTakesNoCalls) {
  ApiOptions options;
  options.address = "127.0.0.1:0";
  const auto alone = ApiServer::Start(options, engine);
  ASSERT_TRUE(alone);
  GrpcPeerClient client({});
  const auto reply = Ask(client, "127.0.0.1:" + std::to_string((*alone)->port()), "r");
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, Code::kFailedPrecondition);
}

TEST_F(PeerTest, CallsOfOthersDoNotWaitForThoseOfClients) {
  // The API's only thread waits for what another scheduler would answer.
  std::promise<void> waiting;
  std::promise<void> go;
  engine.build = [&](const std::string&) -> Result<scheduler::FlowView> {
    waiting.set_value();
    go.get_future().wait();
    return Fail(Code::kNotFound, "no");
  };
  const std::string address = Serve({.threads = 1});
  std::thread caller([&] {
    grpc::ClientContext context;
    v1::ApplyFlowResponse response;
    v1::FlowService::NewStub(grpc::CreateChannel(address, grpc::InsecureChannelCredentials()))->ApplyFlow(&context, {}, &response);
  });
  waiting.get_future().wait();
  GrpcPeerClient client({});
  EXPECT_EQ(Ask(client, address, "r"), "got r");
  go.set_value();
  caller.join();
}

TEST_F(PeerTest, EndingFailsWhatIsUnderWay) {
  std::promise<scheduler::PeerDone> asked;
  engine.peer_call = [&](const std::string&, scheduler::PeerDone done) { asked.set_value(std::move(done)); };
  const std::string address = Serve();
  auto client = std::make_unique<GrpcPeerClient>(PeerClientOptions{});
  std::atomic<int> ended{0};
  client->Call(address, "r", kPatience, [&](const Result<std::string>& reply) {
    EXPECT_EQ(reply.error().code, Code::kUnavailable);
    ++ended;
  });
  const scheduler::PeerDone done = asked.get_future().get();
  client.reset();
  EXPECT_EQ(ended, 1);
  done("too late");
}

TEST_F(PeerTest, OneMayEndAsSoonAsItIsAnswered) {
  // gRPC's thread that answers is still at work then, and may hold the last of the channel.
  const std::string address = Serve();
  for (int i = 0; i < 200; ++i) EXPECT_EQ(Ask(*std::make_unique<GrpcPeerClient>(PeerClientOptions{}), address, "r"), "got r");
}

TEST_F(PeerTest, ChannelsAreKeptBoundedAndNotForEver) {
  const std::string address = Serve();
  GrpcPeerClient few({.channels_max = 2});
  for (const char* host : {"127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4"}) Ask(few, host + address.substr(address.rfind(':')), "r");
  EXPECT_EQ(few.channels(), 2U);
  GrpcPeerClient forgetful({.idle = Duration(0)});
  EXPECT_TRUE(Ask(forgetful, address, "r"));
  Ask(forgetful, "localhost" + address.substr(address.rfind(':')), "r");
  EXPECT_EQ(forgetful.channels(), 1U);
}

class PeerTlsTest : public PeerTest {
 protected:
  ApiOptions Guarded(const std::string& names, bool mutual = false) {
    const auto own = authority.Sign(names);
    ApiOptions options;
    options.tls = ApiTls{.certificate = own.certificate, .key = own.key, .client_ca = mutual ? authority.certificate() : "", .tokens = nullptr};
    options.tls->tokens = std::move(*http::ParseTokens(kTokens, "tokens"));
    return options;
  }
  PeerTls Trust(const std::string& token = "peer-token-012345678") const { return {.ca = authority.certificate(), .token = token}; }

  testing::Authority authority;
};

TEST_F(PeerTlsTest, ATokenOfRoleSchedulerIsLetIn) {
  const std::string address = Serve(Guarded("IP:127.0.0.1"));
  GrpcPeerClient client({.tls = Trust()});
  EXPECT_EQ(Ask(client, address, "r"), "got r");
}

TEST_F(PeerTlsTest, OtherTokensAreNotAndTheRemedyIsNamed) {
  const std::string address = Serve(Guarded("IP:127.0.0.1"));
  for (const char* token : {"", "unknown-token-012345", "admin-token-01234567"}) {
    GrpcPeerClient client({.tls = Trust(token)});
    const auto reply = Ask(client, address, "r");
    ASSERT_FALSE(reply) << token;
    EXPECT_EQ(reply.error().code, Code::kFailedPrecondition);
    EXPECT_NE(reply.error().message.find("HEADRACE_PEER_TOKEN"), std::string::npos) << reply.error().message;
    EXPECT_TRUE(*token == 0 || reply.error().message.find(token) == std::string::npos);
  }
}

TEST_F(PeerTlsTest, AStrangersCertificateIsRefusedAndTheRemedyIsNamed) {
  const std::string address = Serve(Guarded("IP:127.0.0.1"));
  PeerTls trust = Trust();
  trust.ca = testing::Authority().certificate();
  GrpcPeerClient client({.tls = trust});
  const auto reply = Ask(client, address, "r");
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, Code::kUnavailable);
  EXPECT_NE(reply.error().message.find("--peer-ca"), std::string::npos) << reply.error().message;
}

TEST_F(PeerTlsTest, ACertificateOfAServiceIsTakenUnderItsName) {
  const std::string address = Serve(Guarded("DNS:headrace.flows.svc"));
  PeerTls trust = Trust();
  GrpcPeerClient by_host({.tls = trust});
  EXPECT_EQ(Ask(by_host, address, "r").error().code, Code::kUnavailable);
  trust.name = "headrace.flows.svc";
  GrpcPeerClient by_name({.tls = trust});
  EXPECT_EQ(Ask(by_name, address, "r"), "got r");
}

TEST_F(PeerTlsTest, OurOwnCertificateIsShownWhereItIsAskedFor) {
  const std::string address = Serve(Guarded("IP:127.0.0.1", true));
  PeerTls trust = Trust();
  GrpcPeerClient without({.tls = trust});
  EXPECT_EQ(Ask(without, address, "r").error().code, Code::kUnavailable);
  const auto own = authority.Sign("IP:127.0.0.1");
  trust.certificate = own.certificate;
  trust.key = own.key;
  GrpcPeerClient with({.tls = trust});
  EXPECT_EQ(Ask(with, address, "r"), "got r");
}

TEST_F(PeerTlsTest, WithoutTlsNobodyIsReachedWhoHasIt) {
  const std::string address = Serve(Guarded("IP:127.0.0.1"));
  GrpcPeerClient client({});
  EXPECT_EQ(Ask(client, address, "r").error().code, Code::kUnavailable);
}

TEST_F(PeerTest, SchedulersAreListed) {
  engine.schedulers = {{"a-1-00", "10.0.0.1:8082", "tcp://10.0.0.1:5570", "0.1", 128, true}, {"b-2-00", "10.0.0.2:8082", "tcp://10.0.0.2:5570", "0.1", 128, false}};
  const std::string address = Serve();
  const auto stub = v1::SystemService::NewStub(grpc::CreateChannel(address, grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  v1::ListSchedulersResponse response;
  ASSERT_TRUE(stub->ListSchedulers(&context, {}, &response).ok());
  ASSERT_EQ(response.schedulers_size(), 2);
  EXPECT_EQ(response.schedulers(0).worker_endpoint(), "tcp://10.0.0.1:5570");
  EXPECT_EQ(response.schedulers(1).partitions(), 128U);
  EXPECT_EQ(response.schedulers(0).self(), true);
}

}  // namespace
}  // namespace headrace::api
