// Errors as application/problem+json: what went wrong for the caller, and nothing of this process's insides.
// Shapes: {type, title, status, detail, code, requestId, violations: [{field, message, line, column, file}]}, and
// `message`,
//   which Kestra's clients read. The texts of INTERNAL, UNKNOWN, DATA_LOSS and UNAVAILABLE go to the log instead.
// Threads: pure. Source: RFC 9457; UX section 8; REST "Errors".
#pragma once

#include <string>

#include "api/http/message.h"
#include "common/base/error.h"

namespace headrace::api::http {

int StatusOf(Code code);
// A failure of the engine's or of a request's contents.
HttpResponse Problem(const Error& error, const std::string& request_id);
// One of HTTP's own, with a detail that is ours to tell.
HttpResponse Problem(int status, std::string detail, const std::string& request_id);
// The same with Retry-After.
HttpResponse TryLater(int status, std::string detail, const std::string& request_id);

}  // namespace headrace::api::http
