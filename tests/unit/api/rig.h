// A server over a FakeEngine and a channel to it, on a free loopback port.
#pragma once

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "api/server.h"
#include "api/status.h"
#include "headrace/api/v1/execution_service.grpc.pb.h"
#include "tests/unit/api/fake_engine.h"

namespace headrace::api::testing {

class Rig : public ::testing::Test {
 protected:
  explicit Rig(ApiOptions options = {}) {
    options.address = "127.0.0.1:0";
    options.version = "test";
    auto started = ApiServer::Start(options, engine);
    if (!started) {
      ADD_FAILURE() << started.error().ToString();
      return;
    }
    server = std::move(*started);
    channel = grpc::CreateChannel("127.0.0.1:" + std::to_string(server->port()), grpc::InsecureChannelCredentials());
    executions = v1::ExecutionService::NewStub(channel);
  }

  FakeEngine engine;
  std::unique_ptr<ApiServer> server;
  std::shared_ptr<grpc::Channel> channel;
  std::unique_ptr<v1::ExecutionService::Stub> executions;
};

}  // namespace headrace::api::testing
