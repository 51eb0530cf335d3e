#include "api/access.h"

#include <map>
#include <set>

namespace headrace::api {
namespace {

using http::Role;

constexpr std::string_view kPeerCall = "/headrace.wire.v1.PeerService/Call";
constexpr std::string_view kScaler = "/externalscaler.ExternalScaler/";
constexpr std::string_view kOurs = "/headrace.api.v1.";

// Of what lies in namespaces, which is looked at where it is touched (caller_engine.h).
constexpr MethodAccess Inside(Role role, bool workers = false) { return {.role = role, .workers = workers, .inside = true}; }

const std::map<std::string_view, MethodAccess>& Table() {
  static const std::map<std::string_view, MethodAccess> table = {
      {"FlowService/ValidateFlow", Inside(Role::kViewer)},
      {"FlowService/ApplyFlow", Inside(Role::kEditor)},
      {"FlowService/GetFlow", Inside(Role::kViewer)},
      {"FlowService/ListFlows", Inside(Role::kViewer)},
      {"FlowService/ListFlowRevisions", Inside(Role::kViewer)},
      {"ExecutionService/SubmitExecution", Inside(Role::kOperator)},
      {"ExecutionService/BatchSubmitExecutions", Inside(Role::kOperator)},
      {"ExecutionService/StreamSubmitExecutions", Inside(Role::kOperator)},
      {"ExecutionService/GetExecution", Inside(Role::kViewer, true)},
      {"ExecutionService/ListExecutions", Inside(Role::kViewer, true)},
      {"ExecutionService/CountExecutions", Inside(Role::kViewer, true)},
      {"ExecutionService/WatchExecution", Inside(Role::kViewer)},
      {"ExecutionService/FollowLogs", Inside(Role::kViewer, true)},
      {"ExecutionService/KillExecution", Inside(Role::kOperator)},
      {"ExecutionService/RestartExecution", Inside(Role::kOperator)},
      {"ExecutionService/PauseExecution", Inside(Role::kOperator)},
      {"ExecutionService/ResumeExecution", Inside(Role::kOperator, true)},
      {"ExecutionService/ReplayExecution", Inside(Role::kOperator)},
      {"ExecutionService/MarkTaskRun", Inside(Role::kOperator)},
      {"ExecutionService/ChangeExecutionStatus", Inside(Role::kOperator)},
      {"ExecutionService/SetExecutionLabels", Inside(Role::kOperator)},
      {"ExecutionService/UnqueueExecution", Inside(Role::kOperator)},
      {"ExecutionService/PurgeExecutions", Inside(Role::kAdmin, true)},
      {"ExecutionService/PurgeLogs", Inside(Role::kAdmin, true)},
      {"TriggerService/ListTriggers", Inside(Role::kViewer)},
      {"TriggerService/GetTrigger", Inside(Role::kViewer)},
      {"TriggerService/SetTriggerDisabled", Inside(Role::kOperator, true)},
      {"TriggerService/UnlockTrigger", Inside(Role::kOperator)},
      {"TriggerService/ListTriggerDates", Inside(Role::kViewer)},
      {"TriggerService/CreateBackfill", Inside(Role::kOperator)},
      {"TriggerService/PauseBackfill", Inside(Role::kOperator)},
      {"TriggerService/CancelBackfill", Inside(Role::kOperator)},
      {"WorkerService/ListWorkers", {Role::kViewer}},
      {"WorkerService/DrainWorker", {Role::kOperator}},
      {"WorkerService/Share", {Role::kAdmin, true}},
      {"SystemService/GetServerInfo", Inside(Role::kViewer, true)},
      {"SystemService/ListSchedulers", {Role::kViewer}},
  };
  return table;
}

const std::set<std::string_view>& ScalerMethods() {
  static const std::set<std::string_view> methods = {"IsActive", "StreamIsActive", "GetMetricSpec", "GetMetrics"};
  return methods;
}

bool Allows(const MethodAccess& access, Role role) {
  if (access.schedulers || role == Role::kScheduler) return access.schedulers && role == Role::kScheduler;
  return role >= access.role || (role == Role::kWorker && access.workers);
}

}  // namespace

std::optional<MethodAccess> AccessOf(std::string_view method) {
  // What balancers ask, and what tools like grpcurl do.
  if (method.starts_with("/grpc.health.v1.Health/")) return MethodAccess{Role::kPublic};
  if (method.starts_with("/grpc.reflection.v1alpha.ServerReflection/")) return Inside(Role::kViewer);
  if (method == kPeerCall) return MethodAccess{.role = Role::kScheduler, .schedulers = true};
  if (method.starts_with(kScaler) && ScalerMethods().contains(method.substr(kScaler.size()))) {
    return MethodAccess{.role = Role::kViewer, .workers = true, .in_request = true};
  }
  if (!method.starts_with(kOurs)) return std::nullopt;
  const auto found = Table().find(method.substr(kOurs.size()));
  if (found == Table().end()) return std::nullopt;
  return found->second;
}

Result<http::Principal> WhoCalls(const http::Authenticator& authenticator, std::string_view authorization) {
  http::Headers headers;
  if (!authorization.empty()) headers.push_back({"Authorization", std::string(authorization)});
  return authenticator.Authenticate(headers);
}

Status MayCall(const http::Principal& principal, std::string_view method) {
  const auto access = AccessOf(method);
  if (!access) return Fail(Code::kPermissionDenied, "nobody may call " + std::string(method));
  if (access->role == Role::kPublic) return {};
  const std::string whose = "the token of " + principal.name;
  if (!Allows(*access, principal.role)) {
    return Fail(Code::kPermissionDenied, whose + " is of role " + std::string(http::RoleName(principal.role)) + "; this needs " +
                                             std::string(http::RoleName(access->role)));
  }
  if (!principal.bound() || access->inside) return {};
  return Fail(Code::kPermissionDenied, whose + " is bound to namespaces; this needs one that is not");
}

Status MayCall(const http::Authenticator& authenticator, std::string_view method, std::string_view authorization) {
  const auto access = AccessOf(method);
  if (access && access->role == Role::kPublic) return {};
  if (!access) return MayCall(http::Principal{}, method);
  ASSIGN_OR_RETURN(const http::Principal principal, WhoCalls(authenticator, authorization));
  return MayCall(principal, method);
}

}  // namespace headrace::api
