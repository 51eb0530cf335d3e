// Who may call which method of the API, once it asks who calls.
// Shapes: a method is "/headrace.api.v1.FlowService/ApplyFlow"; one that is not listed is nobody's.
// Errors: UNAUTHENTICATED without a known token, PERMISSION_DENIED names the role that is needed.
// Threads: any. Source: DESIGN section 6; FAILURES row 75.
#pragma once

#include <optional>
#include <string_view>

#include "api/http/authenticator.h"

namespace headrace::api {

struct MethodAccess {
  http::Role role = http::Role::kAdmin;
  bool workers = false;  // also those of role worker: what their tasks ask the engine
};
std::optional<MethodAccess> AccessOf(std::string_view method);

// `authorization`: the value of that header, "Bearer TOKEN".
Status MayCall(const http::Authenticator& authenticator, std::string_view method, std::string_view authorization);

}  // namespace headrace::api
