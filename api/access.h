// Who may call which method of the API, once it asks who calls.
// Shapes: a method is "/headrace.api.v1.FlowService/ApplyFlow"; one that is not listed is nobody's.
// Laws: a token that is bound to namespaces calls only what looks at the namespace of what it touches.
// Errors: UNAUTHENTICATED without a known token, PERMISSION_DENIED names the role that is needed.
// Threads: any. Source: DESIGN section 6; FAILURES row 75.
#pragma once

#include <optional>
#include <string_view>

#include "api/http/authenticator.h"

namespace headrace::api {

struct MethodAccess {
  http::Role role = http::Role::kAdmin;
  bool workers = false;     // also those of role worker: what their tasks ask the engine
  bool schedulers = false;  // those of role scheduler, and nobody else
  bool inside = false;      // tokens that are bound to namespaces may, too: what they touch is looked at (caller_engine.h)
  bool in_request = false;  // the token may stand in the request: the service asks for it, not the door
};
std::optional<MethodAccess> AccessOf(std::string_view method);

// `authorization`: the value of that header, "Bearer TOKEN".
Result<http::Principal> WhoCalls(const http::Authenticator& authenticator, std::string_view authorization);
Status MayCall(const http::Principal& principal, std::string_view method);
// Both at once.
Status MayCall(const http::Authenticator& authenticator, std::string_view method, std::string_view authorization);

}  // namespace headrace::api
