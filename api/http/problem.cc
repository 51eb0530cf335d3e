#include "api/http/problem.h"

#include <spdlog/spdlog.h>

#include "common/model/value.h"

namespace headrace::api::http {
namespace {

constexpr std::size_t kViolationsMax = 200;
constexpr char kRetrySeconds[] = "1";

HttpResponse Make(int status, const std::string& detail, const std::string& request_id, Object more) {
  Object body{
      {"type", "about:blank"}, {"title", std::string(ReasonPhrase(status))}, {"status", status}, {"detail", detail}};
  body["message"] = std::string(ReasonPhrase(status)) + ": " + detail;
  body["requestId"] = request_id;
  for (auto& [key, value] : more) body[key] = std::move(value);
  HttpResponse out{
      .status = status, .content_type = "application/problem+json", .body = ToJson(Value(std::move(body)))};
  if (status == 401) out.headers.push_back({"WWW-Authenticate", "Bearer realm=\"headrace\""});
  return out;
}

Array ViolationsOf(const Error& error) {
  Array out;
  for (const Violation& violation : error.violations) {
    if (out.size() == kViolationsMax) break;
    Object one{{"field", violation.field}, {"message", violation.message}};
    if (violation.line > 0) one["line"] = violation.line;
    if (violation.column > 0) one["column"] = violation.column;
    if (!violation.file.empty()) one["file"] = violation.file;
    out.emplace_back(std::move(one));
  }
  return out;
}

// What may name files, addresses or records of this machine.
bool IsInner(Code code) {
  return code == Code::kUnknown || code == Code::kInternal || code == Code::kDataLoss || code == Code::kUnavailable;
}

}  // namespace

int StatusOf(Code code) {
  switch (code) {
    case Code::kOk:
      return 200;
    case Code::kInvalidArgument:
      return 422;
    case Code::kOutOfRange:
      return 400;
    case Code::kUnauthenticated:
      return 401;
    case Code::kPermissionDenied:
      return 403;
    case Code::kNotFound:
      return 404;
    case Code::kAlreadyExists:
    case Code::kFailedPrecondition:
    case Code::kAborted:
      return 409;
    case Code::kResourceExhausted:
      return 429;
    case Code::kUnimplemented:
      return 501;
    case Code::kUnavailable:
    case Code::kCancelled:
      return 503;
    case Code::kDeadlineExceeded:
      return 504;
    case Code::kUnknown:
    case Code::kInternal:
    case Code::kDataLoss:
      break;
  }
  return 500;
}

HttpResponse Problem(const Error& error, const std::string& request_id) {
  const int status = StatusOf(error.code);
  Object more{{"code", std::string(CodeName(error.code))}};
  std::string detail = error.message;
  if (IsInner(error.code)) {
    spdlog::warn("http {}: {}", request_id, error.ToString());
    detail = error.code == Code::kUnavailable ? "not possible now; try again"
                                              : "the server failed; its log has the reason under the request id";
  } else if (!error.violations.empty()) {
    more["violations"] = ViolationsOf(error);
  }
  HttpResponse out = Make(status, detail, request_id, std::move(more));
  if (status == 429 || status == 503) out.headers.push_back({"Retry-After", kRetrySeconds});
  return out;
}

HttpResponse Problem(int status, std::string detail, const std::string& request_id) {
  return Make(status, detail, request_id, {});
}

HttpResponse TryLater(int status, std::string detail, const std::string& request_id) {
  HttpResponse out = Make(status, detail, request_id, {});
  out.headers.push_back({"Retry-After", kRetrySeconds});
  return out;
}

}  // namespace headrace::api::http
