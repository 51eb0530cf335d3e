#include "api/execution_requests.h"

#include <utility>

#include "api/page_token.h"
#include "api/status.h"
#include "api/translate.h"

namespace headrace::api {
namespace {

Error FieldError(std::string field, std::string message) {
  Error error{Code::kInvalidArgument, field + " " + message, {}};
  error.violations.push_back({std::move(field), std::move(message)});
  return error;
}

Result<Object> InputsOf(const std::string& text) {
  if (text.empty()) return Object();
  Result<Value> value = ParseJson(text);
  if (!value) return Fail(FieldError("inputs_json", "must be a JSON object: " + value.error().message));
  if (!value->is_object()) return Fail(FieldError("inputs_json", "must be a JSON object, such as {\"version\": \"1\"}"));
  return std::move(value->as_object());
}

}  // namespace

Result<std::vector<model::Label>> LabelsOf(const google::protobuf::RepeatedPtrField<v1::Label>& labels) {
  std::vector<model::Label> out;
  for (int i = 0; i < labels.size(); ++i) {
    if (labels[i].key().empty()) {
      return Fail(FieldError("labels[" + std::to_string(i) + "].key", "must not be empty"));
    }
    out.emplace_back(labels[i].key(), labels[i].value());
  }
  return out;
}

namespace {

// Those of the system tell where an execution comes from.
Status CheckGivenLabels(const std::vector<model::Label>& labels) {
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (!labels[i].first.starts_with("system.") || labels[i].first == "system.correlationId") continue;
    return Fail(FieldError("labels[" + std::to_string(i) + "].key",
                           "system labels can only be set by headrace itself, offending label: " + labels[i].first));
  }
  return {};
}

}  // namespace

Result<scheduler::SubmitRequest> FromProto(const v1::SubmitExecutionRequest& request) {
  scheduler::SubmitRequest out;
  if (request.namespace_().empty()) return Fail(FieldError("namespace", "must not be empty"));
  if (request.flow_id().empty()) return Fail(FieldError("flow_id", "must not be empty"));
  if (request.revision() < 0) return Fail(FieldError("revision", "must be 0 (the latest) or more"));
  if (request.request_id().size() > kRequestIdBytes) {
    return Fail(FieldError("request_id", "must be at most 200 bytes"));
  }
  out.ns = request.namespace_();
  out.flow_id = request.flow_id();
  out.revision = request.revision();
  out.request_id = request.request_id();
  ASSIGN_OR_RETURN(out.inputs, InputsOf(request.inputs_json()));
  if (request.has_schedule_time()) out.scheduled = FromProto(request.schedule_time());
  ASSIGN_OR_RETURN(out.labels, LabelsOf(request.labels()));
  RETURN_IF_ERROR(CheckGivenLabels(out.labels));
  return out;
}

Result<scheduler::ResumeRequest> FromProto(const v1::ResumeExecutionRequest& request) {
  RETURN_IF_ERROR(CheckId(request.id(), "id"));
  scheduler::ResumeRequest out;
  out.task_run = TaskRunId(request.task_run_id());
  ASSIGN_OR_RETURN(out.inputs, InputsOf(request.inputs_json()));
  out.by = request.by();
  return out;
}

Result<scheduler::ReplayRequest> FromProto(const v1::ReplayExecutionRequest& request) {
  RETURN_IF_ERROR(CheckId(request.id(), "id"));
  if (request.revision() < 0) return Fail(FieldError("revision", "must be 0 (the same) or more"));
  scheduler::ReplayRequest out;
  out.task_run = TaskRunId(request.task_run_id());
  out.revision = request.revision();
  if (!request.inputs_json().empty()) {
    ASSIGN_OR_RETURN(out.inputs, InputsOf(request.inputs_json()));
  }
  return out;
}

Result<model::Admission> FromProto(const v1::UnqueueExecutionRequest& request) {
  RETURN_IF_ERROR(CheckId(request.id(), "id"));
  switch (request.state()) {
    case v1::STATE_UNSPECIFIED:
    case v1::STATE_RUNNING: return model::Admission::kRun;
    case v1::STATE_CANCELLED: return model::Admission::kCancel;
    case v1::STATE_FAILED: return model::Admission::kFail;
    default: return Fail(FieldError("state", "must be RUNNING, CANCELLED or FAILED"));
  }
}

v1::SubmitExecutionResponse ToProto(const scheduler::SubmitReply& reply) {
  v1::SubmitExecutionResponse out;
  out.set_id(reply.id.str());
  out.set_already_existed(reply.already_existed);
  for (const std::string& warning : reply.warnings) out.add_warnings(MendUtf8(warning));
  return out;
}

void ToProto(const Result<scheduler::SubmitReply>& reply, v1::SubmitResult* out) {
  if (reply) *out->mutable_submitted() = ToProto(*reply);
  else ToRpcStatus(reply.error(), out->mutable_error());
}

namespace {

// What listing and counting ask alike.
template <typename Request>
Result<store::ExecutionQuery> QueryOf(const Request& request) {
  store::ExecutionQuery query;
  query.ns = request.namespace_();
  query.ns_prefix = request.namespace_prefix();
  query.flow_id = request.flow_id();
  for (const int state : request.states()) {
    ASSIGN_OR_RETURN(const model::State parsed, FromProto(static_cast<v1::State>(state), "states"));
    query.states.push_back(parsed);
  }
  if (request.has_created_from()) query.created_from = FromProto(request.created_from());
  if (request.has_created_before()) query.created_before = FromProto(request.created_before());
  return query;
}

}  // namespace

Result<store::ExecutionQuery> FromProto(const v1::CountExecutionsRequest& request) { return QueryOf(request); }

Result<std::vector<ExecutionId>> IdsOf(const google::protobuf::RepeatedPtrField<std::string>& ids, std::string_view field) {
  if (ids.empty() || ids.size() > kBatchMax) return Fail(FieldError(std::string(field), "must hold 1 to 1000 ids"));
  std::vector<ExecutionId> out;
  for (int i = 0; i < ids.size(); ++i) {
    RETURN_IF_ERROR(CheckId(ids[i], std::string(field) + "[" + std::to_string(i) + "]"));
    out.emplace_back(ids[i]);
  }
  return out;
}

Result<store::LogPurge> FromProto(const v1::PurgeLogsRequest& request) {
  store::LogPurge purge;
  ASSIGN_OR_RETURN(purge.executions, IdsOf(request.execution_ids(), "execution_ids"));
  for (const int level : request.levels()) {
    ASSIGN_OR_RETURN(std::string name, LevelName(static_cast<v1::LogLevel>(level)));
    if (name.empty()) return Fail(FieldError("levels", "must be levels such as WARN"));
    purge.levels.push_back(std::move(name));
  }
  if (request.has_from()) purge.from = FromProto(request.from());
  if (request.has_before()) purge.before = FromProto(request.before());
  return purge;
}

Result<store::ExecutionQuery> FromProto(const v1::ListExecutionsRequest& request, std::string* filter) {
  v1::ListExecutionsRequest question = request;
  question.clear_page_size();
  question.clear_page_token();
  *filter = "executions\n" + question.SerializeAsString();
  ASSIGN_OR_RETURN(store::ExecutionQuery query, QueryOf(request));
  for (const v1::Label& label : request.labels()) query.labels.emplace_back(label.key(), label.value());
  if (!request.parent_id().empty()) {
    RETURN_IF_ERROR(CheckId(request.parent_id(), "parent_id"));
    query.parent = ExecutionId(request.parent_id());
  }
  ASSIGN_OR_RETURN(const int size, PageSize(request.page_size()));
  query.limit = static_cast<std::size_t>(size);
  ASSIGN_OR_RETURN(query.page_token, ReadPageToken(*filter, request.page_token()));
  return query;
}

}  // namespace headrace::api
