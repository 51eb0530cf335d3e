// Every method of the API has a rule, what has none is nobody's, and the rules say what they are meant to.
#include "api/access.h"

#include <google/protobuf/descriptor.h>
#include <gtest/gtest.h>

#include "externalscaler/externalscaler.pb.h"
#include "headrace/api/v1/execution_service.pb.h"
#include "headrace/api/v1/flow_service.pb.h"
#include "headrace/api/v1/system_service.pb.h"
#include "headrace/api/v1/trigger_service.pb.h"
#include "headrace/api/v1/worker_service.pb.h"
#include "headrace/wire/v1/peer.grpc.pb.h"

namespace headrace::api {
namespace {

using http::Role;

std::vector<std::string> AllMethods() {
  std::vector<std::string> methods;
  for (const google::protobuf::FileDescriptor* file :
       {v1::SubmitExecutionRequest::descriptor()->file(), v1::ApplyFlowRequest::descriptor()->file(), v1::GetServerInfoRequest::descriptor()->file(),
        v1::GetTriggerRequest::descriptor()->file(), v1::ShareRequest::descriptor()->file()}) {
    for (int s = 0; s < file->service_count(); ++s) {
      const auto* service = file->service(s);
      for (int m = 0; m < service->method_count(); ++m) methods.push_back("/" + service->full_name() + "/" + service->method(m)->name());
    }
  }
  return methods;
}

std::unique_ptr<http::Authenticator> Tokens() {
  return std::move(*http::ParseTokens("worker-token-0123456 pool worker\npeer-token-012345678 peer scheduler\nviewer-token-0123456 ann viewer\noperator-token-01234 ben operator\n"
                                      "editor-token-0123456 cid editor\nadmin-token-01234567 dan admin\n",
                                      "tokens"));
}

Code CodeOf(std::string_view method, std::string_view authorization) {
  static const auto tokens = Tokens();
  const Status may = MayCall(*tokens, method, authorization);
  return may ? Code::kOk : may.error().code;
}

TEST(Access, EveryMethodHasARuleAndNoneIsForEverybody) {
  const std::vector<std::string> methods = AllMethods();
  ASSERT_GT(methods.size(), 30U);
  for (const std::string& method : methods) {
    const auto access = AccessOf(method);
    ASSERT_TRUE(access) << method << " has no rule: add it to api/access.cc";
    EXPECT_GE(access->role, Role::kViewer) << method;
    EXPECT_EQ(CodeOf(method, ""), Code::kUnauthenticated) << method;
    EXPECT_EQ(CodeOf(method, "Bearer unknown-token-012345"), Code::kUnauthenticated) << method;
    EXPECT_EQ(CodeOf(method, "Bearer admin-token-01234567"), Code::kOk) << method;
    EXPECT_EQ(CodeOf(method, "Bearer peer-token-012345678"), Code::kPermissionDenied) << method;
  }
}

TEST(Access, WhatSchedulersAskEachOtherIsTheirsAlone) {
  const auto* service = wire::v1::PeerRequest::descriptor()->file()->service(0);
  ASSERT_EQ(service->method_count(), 1);
  const std::string method = "/" + service->full_name() + "/" + service->method(0)->name();
  EXPECT_EQ(CodeOf(method, "Bearer peer-token-012345678"), Code::kOk);
  EXPECT_EQ(CodeOf(method, ""), Code::kUnauthenticated);
  for (const char* token : {"worker-token-0123456", "viewer-token-0123456", "operator-token-01234", "editor-token-0123456", "admin-token-01234567"}) {
    EXPECT_EQ(CodeOf(method, std::string("Bearer ") + token), Code::kPermissionDenied) << token;
  }
  EXPECT_EQ(CodeOf("/headrace.wire.v1.PeerService/Other", "Bearer peer-token-012345678"), Code::kPermissionDenied);
}

TEST(Access, OfTheScalerViewersAndWorkersMayAskEverything) {
  const auto* service = externalscaler::ScaledObjectRef::descriptor()->file()->service(0);
  ASSERT_EQ(service->method_count(), 4);
  for (int i = 0; i < service->method_count(); ++i) {
    const std::string method = "/" + service->full_name() + "/" + service->method(i)->name();
    EXPECT_TRUE(AccessOf(method)->in_request) << method;
    EXPECT_EQ(CodeOf(method, "Bearer viewer-token-0123456"), Code::kOk) << method;
    EXPECT_EQ(CodeOf(method, "Bearer worker-token-0123456"), Code::kOk) << method;
    EXPECT_EQ(CodeOf(method, "Bearer peer-token-012345678"), Code::kPermissionDenied) << method;
    EXPECT_EQ(CodeOf(method, ""), Code::kUnauthenticated) << method;
  }
  EXPECT_EQ(CodeOf("/externalscaler.ExternalScaler/Other", "Bearer admin-token-01234567"), Code::kPermissionDenied);
  EXPECT_FALSE(AccessOf("/headrace.api.v1.FlowService/GetFlow")->in_request);
}

TEST(Access, WhatIsNotListedIsNobodys) {
  for (const char* method : {"", "/", "/headrace.api.v1.FlowService/DropEverything", "/headrace.api.v1.FlowService", "/other.Service/GetFlow",
                             "/headrace.api.v1.flowservice/getflow", "/headrace.api.v1.FlowService/GetFlow/"}) {
    EXPECT_EQ(CodeOf(method, "Bearer admin-token-01234567"), Code::kPermissionDenied) << method;
  }
}

TEST(Access, RolesMayWhatTheyAreFor) {
  const std::string base = "/headrace.api.v1.";
  const std::vector<std::pair<std::string, std::vector<std::string>>> allowed = {
      {"FlowService/GetFlow", {"viewer-token-0123456", "operator-token-01234", "editor-token-0123456"}},
      {"ExecutionService/SubmitExecution", {"operator-token-01234", "editor-token-0123456"}},
      {"ExecutionService/KillExecution", {"operator-token-01234", "editor-token-0123456"}},
      {"FlowService/ApplyFlow", {"editor-token-0123456"}},
      {"WorkerService/Share", {"worker-token-0123456"}},
      {"ExecutionService/PurgeExecutions", {"worker-token-0123456"}},
      {"ExecutionService/GetExecution", {"worker-token-0123456", "viewer-token-0123456", "operator-token-01234", "editor-token-0123456"}}};
  for (const auto& [method, tokens] : allowed) {
    for (const char* token : {"worker-token-0123456", "viewer-token-0123456", "operator-token-01234", "editor-token-0123456"}) {
      const bool may = std::find(tokens.begin(), tokens.end(), token) != tokens.end();
      EXPECT_EQ(CodeOf(base + method, std::string("Bearer ") + token), may ? Code::kOk : Code::kPermissionDenied) << method << " " << token;
    }
  }
}

TEST(Access, HealthIsEverybodysAndReflectionIsAViewers) {
  EXPECT_EQ(CodeOf("/grpc.health.v1.Health/Check", ""), Code::kOk);
  EXPECT_EQ(CodeOf("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", ""), Code::kUnauthenticated);
  EXPECT_EQ(CodeOf("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", "Bearer viewer-token-0123456"), Code::kOk);
  EXPECT_EQ(CodeOf("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", "Bearer peer-token-012345678"), Code::kPermissionDenied);
}

}  // namespace
}  // namespace headrace::api
