#include "api/status.h"

#include <grpcpp/support/status.h>

#include <algorithm>
#include <cstddef>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "headrace/api/v1/error.pb.h"

namespace headrace::api {
namespace {

constexpr std::size_t kDetailBytes = 5 << 10;
constexpr std::size_t kMessageBytes = 1 << 10;
constexpr std::size_t kViolationOverhead = 32;
constexpr int kRetrySeconds = 1;

// At most `bytes` of valid text.
std::string Cut(const std::string& text, std::size_t bytes) {
  if (text.size() <= bytes) return text;
  std::size_t end = bytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return text.substr(0, end) + "…";
}

void AddViolations(const Error& error, google::rpc::Status* out) {
  google::rpc::BadRequest request;
  v1::SourceLocations places;
  std::size_t bytes = 0;
  for (const Violation& violation : error.violations) {
    const std::string message = Cut(violation.message, kMessageBytes);
    bytes += violation.field.size() + message.size() + violation.file.size() + kViolationOverhead;
    if (bytes > kDetailBytes) break;
    auto* field = request.add_field_violations();
    field->set_field(violation.field);
    field->set_description(message);
    v1::SourceLocation* place = places.add_locations();
    place->set_file(violation.file);
    place->set_line(violation.line);
    place->set_column(violation.column);
  }
  out->add_details()->PackFrom(request);
  out->add_details()->PackFrom(places);
}

}  // namespace

std::string ReasonOf(const Error& error) {
  if (error.code == Code::kInvalidArgument) {
    for (const Violation& violation : error.violations) {
      if (violation.line > 0) return "FLOW_INVALID";
      if (violation.field.starts_with("inputs.")) return "INPUTS_INVALID";
    }
  }
  return std::string(CodeName(error.code));
}

void ToRpcStatus(const Error& error, google::rpc::Status* out) {
  const Code code = error.code == Code::kOk ? Code::kUnknown : error.code;
  out->set_code(static_cast<int>(code));
  out->set_message(Cut(error.message, kMessageBytes));
  google::rpc::ErrorInfo info;
  info.set_reason(ReasonOf(error));
  info.set_domain(kErrorDomain);
  if (!error.violations.empty()) {
    (*info.mutable_metadata())["violations"] = std::to_string(error.violations.size());
  }
  out->add_details()->PackFrom(info);
  if (!error.violations.empty()) AddViolations(error, out);
  if (code == Code::kResourceExhausted || code == Code::kUnavailable) {
    google::rpc::RetryInfo retry;
    retry.mutable_retry_delay()->set_seconds(kRetrySeconds);
    out->add_details()->PackFrom(retry);
  }
}

grpc::Status ToGrpcStatus(const Error& error) {
  google::rpc::Status status;
  ToRpcStatus(error, &status);
  return {static_cast<grpc::StatusCode>(status.code()), status.message(), status.SerializeAsString()};
}

Error FromRpcStatus(const google::rpc::Status& status) {
  const bool known = status.code() > 0 && status.code() <= static_cast<int>(Code::kUnauthenticated);
  Error error{known ? static_cast<Code>(status.code()) : Code::kUnknown, status.message(), {}};
  google::rpc::ErrorInfo info;
  google::rpc::BadRequest request;
  v1::SourceLocations places;
  for (const auto& detail : status.details()) {
    if (!detail.UnpackTo(&info) && !detail.UnpackTo(&request)) detail.UnpackTo(&places);
  }
  for (int i = 0; i < request.field_violations_size(); ++i) {
    const auto& field = request.field_violations(i);
    Violation violation{field.field(), field.description()};
    if (i < places.locations_size()) {
      violation.line = places.locations(i).line();
      violation.column = places.locations(i).column();
      violation.file = places.locations(i).file();
    }
    error.violations.push_back(std::move(violation));
  }
  const auto total = info.metadata().find("violations");
  const std::string shown = std::to_string(error.violations.size());
  if (total != info.metadata().end() && total->second != shown) {
    error.message += " (" + shown + " of " + total->second + " shown)";
  }
  return error;
}

Error FromGrpcStatus(const grpc::Status& status) {
  google::rpc::Status rich;
  const std::string details = status.error_details();
  if (!details.empty() && rich.ParseFromString(details) && rich.code() == status.error_code()) return FromRpcStatus(rich);
  rich.Clear();
  rich.set_code(status.error_code());
  rich.set_message(status.error_message());
  return FromRpcStatus(rich);
}

}  // namespace headrace::api
