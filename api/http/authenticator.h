// The seam of who calls, and the one that reads bearer tokens out of a file.
// Shapes: a line "TOKEN NAME ROLE" of worker, viewer, operator, editor, admin; TOKEN is the token itself (16 characters or
// more) or
//   "sha256:HEX" of it; '#' begins a comment. Only digests are kept.
// Errors: INVALID_ARGUMENT names file and line; UNAUTHENTICATED says no more than that.
// Threads: Authenticate from any.
#pragma once

#include <memory>
#include <string>

#include "api/http/message.h"
#include "common/base/error.h"

namespace headrace::api::http {

class Authenticator {
 public:
  virtual ~Authenticator() = default;
  virtual Result<Principal> Authenticate(const Headers& headers) const = 0;
};

Result<std::unique_ptr<Authenticator>> ParseTokens(const std::string& text, const std::string& file);
// Refuses a file that others than its owner may change.
Result<std::unique_ptr<Authenticator>> ReadTokenFile(const std::string& file);

}  // namespace headrace::api::http
