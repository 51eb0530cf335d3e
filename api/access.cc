#include "api/access.h"

#include <map>

namespace headrace::api {
namespace {

using http::Role;

constexpr std::string_view kOurs = "/headrace.api.v1.";

const std::map<std::string_view, MethodAccess>& Table() {
  static const std::map<std::string_view, MethodAccess> table = {
      {"FlowService/ValidateFlow", {Role::kViewer}},
      {"FlowService/ApplyFlow", {Role::kEditor}},
      {"FlowService/GetFlow", {Role::kViewer}},
      {"FlowService/ListFlows", {Role::kViewer}},
      {"FlowService/ListFlowRevisions", {Role::kViewer}},
      {"ExecutionService/SubmitExecution", {Role::kOperator}},
      {"ExecutionService/BatchSubmitExecutions", {Role::kOperator}},
      {"ExecutionService/StreamSubmitExecutions", {Role::kOperator}},
      {"ExecutionService/GetExecution", {Role::kViewer, true}},
      {"ExecutionService/ListExecutions", {Role::kViewer, true}},
      {"ExecutionService/CountExecutions", {Role::kViewer, true}},
      {"ExecutionService/WatchExecution", {Role::kViewer}},
      {"ExecutionService/FollowLogs", {Role::kViewer, true}},
      {"ExecutionService/KillExecution", {Role::kOperator}},
      {"ExecutionService/RestartExecution", {Role::kOperator}},
      {"ExecutionService/PauseExecution", {Role::kOperator}},
      {"ExecutionService/ResumeExecution", {Role::kOperator, true}},
      {"ExecutionService/ReplayExecution", {Role::kOperator}},
      {"ExecutionService/MarkTaskRun", {Role::kOperator}},
      {"ExecutionService/ChangeExecutionStatus", {Role::kOperator}},
      {"ExecutionService/SetExecutionLabels", {Role::kOperator}},
      {"ExecutionService/UnqueueExecution", {Role::kOperator}},
      {"ExecutionService/PurgeExecutions", {Role::kAdmin, true}},
      {"ExecutionService/PurgeLogs", {Role::kAdmin, true}},
      {"TriggerService/ListTriggers", {Role::kViewer}},
      {"TriggerService/GetTrigger", {Role::kViewer}},
      {"TriggerService/SetTriggerDisabled", {Role::kOperator, true}},
      {"TriggerService/UnlockTrigger", {Role::kOperator}},
      {"TriggerService/ListTriggerDates", {Role::kViewer}},
      {"TriggerService/CreateBackfill", {Role::kOperator}},
      {"TriggerService/PauseBackfill", {Role::kOperator}},
      {"TriggerService/CancelBackfill", {Role::kOperator}},
      {"WorkerService/ListWorkers", {Role::kViewer}},
      {"WorkerService/DrainWorker", {Role::kOperator}},
      {"WorkerService/Share", {Role::kAdmin, true}},
      {"SystemService/GetServerInfo", {Role::kViewer, true}},
  };
  return table;
}

}  // namespace

std::optional<MethodAccess> AccessOf(std::string_view method) {
  // What balancers ask, and what tools like grpcurl do.
  if (method.starts_with("/grpc.health.v1.Health/")) return MethodAccess{Role::kPublic};
  if (method.starts_with("/grpc.reflection.v1alpha.ServerReflection/")) return MethodAccess{Role::kViewer};
  if (!method.starts_with(kOurs)) return std::nullopt;
  const auto found = Table().find(method.substr(kOurs.size()));
  if (found == Table().end()) return std::nullopt;
  return found->second;
}

Status MayCall(const http::Authenticator& authenticator, std::string_view method, std::string_view authorization) {
  const auto access = AccessOf(method);
  if (!access) return Fail(Code::kPermissionDenied, "nobody may call " + std::string(method));
  if (access->role == Role::kPublic) return {};
  http::Headers headers;
  if (!authorization.empty()) headers.push_back({"Authorization", std::string(authorization)});
  ASSIGN_OR_RETURN(const http::Principal principal, authenticator.Authenticate(headers));
  if (principal.role >= access->role || (principal.role == Role::kWorker && access->workers)) return {};
  return Fail(Code::kPermissionDenied, "the token of " + principal.name + " is of role " + std::string(http::RoleName(principal.role)) + "; this needs " +
                                           std::string(http::RoleName(access->role)));
}

}  // namespace headrace::api
