// KEDA asks how many workers a group wants: as its own proto says, with a token in the trigger's metadata, and counted.
#include <chrono>
#include <map>
#include <mutex>
#include <thread>

#include "api/grpc_meter.h"
#include "externalscaler/externalscaler.grpc.pb.h"
#include "headrace/api/v1/flow_service.grpc.pb.h"
#include "tests/unit/api/certificates.h"
#include "tests/unit/api/rig.h"

namespace headrace::api {
namespace {

namespace keda = externalscaler;
using Metadata = std::map<std::string, std::string>;

class ScalerTest : public ::testing::Test {
 protected:
  ScalerTest() {
    engine.sample.queues = {{.group = "", .waiting = 1}, {.group = "build", .waiting = 5, .running = 3}, {.group = "idle"}};
  }
  ~ScalerTest() override {
    if (server) server->Shutdown();
  }

  void Serve(bool guarded = false) {
    ApiOptions options;
    options.address = "127.0.0.1:0";
    options.call_ended = [this](const std::string& method, const std::string& code) {
      const std::lock_guard lock(mutex);
      ++ended[method + " " + code];
    };
    auto credentials = grpc::InsecureChannelCredentials();
    if (guarded) {
      const auto own = authority.Sign("IP:127.0.0.1");
      options.tls = ApiTls{.certificate = own.certificate, .key = own.key, .tokens = nullptr};
      options.tls->tokens = std::move(*http::ParseTokens(
          "viewer-token-0123456 ann viewer\nworker-token-0123456 pool worker\npeer-token-012345678 peer scheduler\n", "tokens"));
      grpc::SslCredentialsOptions ssl;
      ssl.pem_root_certs = authority.certificate();
      credentials = grpc::SslCredentials(ssl);
    }
    auto started = ApiServer::Start(options, engine);
    ASSERT_TRUE(started.has_value()) << started.error().ToString();
    server = std::move(*started);
    channel = grpc::CreateChannel("127.0.0.1:" + std::to_string(server->port()), credentials);
    stub = keda::ExternalScaler::NewStub(channel);
  }

  static keda::ScaledObjectRef RefOf(const Metadata& metadata) {
    keda::ScaledObjectRef ref;
    ref.set_name("worker-build");
    ref.set_namespace_("flows");
    for (const auto& [key, value] : metadata) (*ref.mutable_scalermetadata())[key] = value;
    return ref;
  }
  // "true", "false" or the code.
  std::string Active(const Metadata& metadata, const std::string& header = "") {
    grpc::ClientContext context;
    if (!header.empty()) context.AddMetadata("authorization", header);
    keda::IsActiveResponse response;
    const grpc::Status status = stub->IsActive(&context, RefOf(metadata), &response);
    if (!status.ok()) return CountedCode(status.error_code());
    return response.result() ? "true" : "false";
  }
  Result<double> Depth(const Metadata& metadata) {
    grpc::ClientContext context;
    keda::GetMetricsRequest request;
    *request.mutable_scaledobjectref() = RefOf(metadata);
    request.set_metricname("headrace-queue-depth");
    keda::GetMetricsResponse response;
    const grpc::Status status = stub->GetMetrics(&context, request, &response);
    if (!status.ok()) return Fail(FromGrpcStatus(status));
    EXPECT_EQ(response.metricvalues_size(), 1);
    EXPECT_EQ(static_cast<double>(response.metricvalues(0).metricvalue()), response.metricvalues(0).metricvaluefloat());
    return response.metricvalues(0).metricvaluefloat();
  }
  // When it is told; a call is counted when its end is on its way.
  void AwaitEnded(const std::string& what) {
    while (true) {
      {
        const std::lock_guard lock(mutex);
        if (ended[what] > 0) return;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  }

  testing::Authority authority;
  testing::FakeEngine engine;
  std::mutex mutex;
  std::map<std::string, int> ended;
  std::unique_ptr<ApiServer> server;
  std::shared_ptr<grpc::Channel> channel;
  std::unique_ptr<keda::ExternalScaler::Stub> stub;
};

TEST_F(ScalerTest, WhatWaitsAndWhatRunsOfAGroupCounts) {
  Serve();
  EXPECT_EQ(Depth({{"group", "build"}}), 8.0);
  EXPECT_EQ(Depth({{"group", "build"}, {"count", "waiting"}}), 5.0);
  EXPECT_EQ(Depth({}), 1.0) << "of tasks that name no group";
  EXPECT_EQ(Depth({{"group", "nobody-knows"}}), 0.0);
  EXPECT_EQ(Active({{"group", "build"}}), "true");
  EXPECT_EQ(Active({{"group", "idle"}}), "false");
}

TEST_F(ScalerTest, TheTargetIsThatOfTheTrigger) {
  Serve();
  const auto ask = [&](const Metadata& metadata, keda::GetMetricSpecResponse& response) {
    grpc::ClientContext context;
    return stub->GetMetricSpec(&context, RefOf(metadata), &response);
  };
  keda::GetMetricSpecResponse response;
  ASSERT_TRUE(ask({{"group", "build"}, {"targetDepth", "7.5"}}, response).ok());
  ASSERT_EQ(response.metricspecs_size(), 1);
  EXPECT_EQ(response.metricspecs(0).metricname(), "headrace-queue-depth");
  EXPECT_EQ(response.metricspecs(0).targetsizefloat(), 7.5);
  EXPECT_EQ(response.metricspecs(0).targetsize(), 7);
  ASSERT_TRUE(ask({{"targetDepth", "0.5"}}, response).ok());
  EXPECT_EQ(response.metricspecs(0).targetsize(), 1) << "nothing divides by it";
  for (const char* wrong : {"0", "-1", "many", "3 tasks", "inf", "nan"}) {
    const grpc::Status status = ask({{"targetDepth", wrong}}, response);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << wrong;
    EXPECT_NE(status.error_message().find("targetDepth is '" + std::string(wrong)), std::string::npos) << status.error_message();
  }
  EXPECT_EQ(Active({{"count", "some"}}), "INVALID_ARGUMENT");
}

TEST_F(ScalerTest, WhatIsNotKnownIsAnErrorAndNotNothing) {
  engine.queues_unknown = Error{Code::kUnavailable, "scheduler s2 does not tell", {}};
  Serve();
  const auto depth = Depth({{"group", "build"}});
  ASSERT_FALSE(depth);
  EXPECT_EQ(depth.error().code, Code::kUnavailable);
}

TEST_F(ScalerTest, AStreamSaysAtOnceAndWheneverItChanges) {
  Serve();
  grpc::ClientContext context;
  const auto stream = stub->StreamIsActive(&context, RefOf({{"group", "idle"}}));
  keda::IsActiveResponse response;
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_FALSE(response.result());
  {
    const std::lock_guard lock(engine.mutex);
    engine.sample.queues = {{.group = "idle", .waiting = 1}};
  }
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_TRUE(response.result());
  context.TryCancel();
  EXPECT_FALSE(stream->Read(&response));
  AwaitEnded("externalscaler.ExternalScaler/StreamIsActive CANCELLED");
}

TEST_F(ScalerTest, ATokenMayStandInTheMetadataOfTheTrigger) {
  Serve(true);
  for (const char* token : {"worker-token-0123456", "viewer-token-0123456"}) {
    EXPECT_EQ(Active({{"group", "build"}, {"tokenFromEnv", token}}), "true") << token;
    EXPECT_EQ(Active({{"group", "build"}}, std::string("Bearer ") + token), "true") << token;
  }
  EXPECT_EQ(Active({{"group", "build"}}), "UNAUTHENTICATED");
  EXPECT_EQ(Active({{"tokenFromEnv", "unknown-token-012345"}}), "UNAUTHENTICATED");
  EXPECT_EQ(Active({{"tokenFromEnv", "peer-token-012345678"}}), "PERMISSION_DENIED");
  EXPECT_EQ(Active({{"tokenFromEnv", "worker-token-0123456"}}, "Bearer unknown-token-012345"), "UNAUTHENTICATED") << "the header counts";
  grpc::ClientContext context;
  const auto stream = stub->StreamIsActive(&context, RefOf({{"group", "build"}}));
  keda::IsActiveResponse response;
  EXPECT_FALSE(stream->Read(&response));
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::UNAUTHENTICATED);
}

TEST_F(ScalerTest, NoOtherServiceTakesATokenOutOfARequest) {
  Serve(true);
  const auto flows = v1::FlowService::NewStub(channel);
  grpc::ClientContext context;
  v1::ListFlowsResponse response;
  EXPECT_EQ(flows->ListFlows(&context, {}, &response).error_code(), grpc::StatusCode::UNAUTHENTICATED);
  AwaitEnded("headrace.api.v1.FlowService/ListFlows UNAUTHENTICATED");
}

TEST_F(ScalerTest, CallsAreCountedByMethodAndCode) {
  Serve();
  EXPECT_EQ(Active({{"group", "build"}}), "true");
  EXPECT_EQ(Active({{"count", "some"}}), "INVALID_ARGUMENT");
  AwaitEnded("externalscaler.ExternalScaler/IsActive OK");
  AwaitEnded("externalscaler.ExternalScaler/IsActive INVALID_ARGUMENT");
}

TEST(GrpcMeter, NoLabelIsWhatACallerMadeUp) {
  EXPECT_EQ(CountedMethod("/headrace.api.v1.FlowService/ApplyFlow"), "headrace.api.v1.FlowService/ApplyFlow");
  EXPECT_EQ(CountedMethod("/headrace.wire.v1.PeerService/Call"), "headrace.wire.v1.PeerService/Call");
  EXPECT_EQ(CountedMethod("/grpc.health.v1.Health/anything"), "grpc.health.v1.Health");
  EXPECT_EQ(CountedMethod("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"), "grpc.reflection.v1alpha.ServerReflection");
  for (const char* method : {"", "/", "nothing", "/headrace.api.v1.FlowService/Drop", "/externalscaler.ExternalScaler/x", "/a/b"}) {
    EXPECT_EQ(CountedMethod(method), "other") << method;
  }
  EXPECT_EQ(CountedCode(0), "OK");
  EXPECT_EQ(CountedCode(16), "UNAUTHENTICATED");
  EXPECT_EQ(CountedCode(99), "UNKNOWN");
}

}  // namespace
}  // namespace headrace::api
