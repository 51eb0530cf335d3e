// Values of the model to messages of headrace.api.v1, and requests to what the engine takes.
// Shapes: _json fields are compact JSON, empty for null and for an empty object; texts that are no UTF-8 are mended.
// Errors: INVALID_ARGUMENT names the request's field.
// Threads: pure.
#pragma once

#include <string>
#include <string_view>

#include "api/mend_utf8.h"
#include "common/model/execution.h"
#include "common/model/flow.h"
#include "headrace/api/v1/error.pb.h"
#include "headrace/api/v1/execution.pb.h"
#include "headrace/api/v1/flow.pb.h"
#include "headrace/api/v1/log.pb.h"
#include "headrace/api/v1/state.pb.h"

namespace headrace::api {

// ---- executions (translate.cc) ----
v1::State ToProto(model::State state);
void ToProto(Timestamp at, google::protobuf::Timestamp* out);
void ToProto(const model::StateHistory& history, v1::StateHistory* out);
// `flow` names the task; null leaves the names empty. The parent's id is for the caller, who knows the others.
void ToProto(const model::TaskRun& run, const model::Flow* flow, v1::TaskRun* out);
// Its own fields, without task runs.
void HeaderToProto(const model::Execution& execution, v1::Execution* out);
// The whole.
void ToProto(const model::Execution& execution, const model::Flow* flow, v1::Execution* out);

// ---- flows (translate_flow.cc) ----
void ToProto(const model::Flow& flow, v1::Flow* out);
void ToProto(const Violation& violation, v1::Violation* out);

// ---- requests (translate_request.cc); unspecified is not allowed ----
Result<model::State> FromProto(v1::State state, std::string_view field);
Timestamp FromProto(const google::protobuf::Timestamp& at);
// "WARN"; empty for unspecified.
Result<std::string> LevelName(v1::LogLevel level);
v1::LogLevel ParseLevel(std::string_view name);
// INVALID_ARGUMENT unless the text is 1 to 64 letters, digits, '-' or '_'.
Status CheckId(std::string_view id, std::string_view field);

}  // namespace headrace::api
