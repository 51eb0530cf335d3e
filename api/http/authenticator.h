// The seam of who calls, and the one that reads bearer tokens out of a file.
// Shapes: a line "TOKEN NAME ROLE [NAMESPACE,NAMESPACE]" of worker, scheduler, viewer, operator, editor, admin; TOKEN is the token
//   itself (16 characters or more) or "sha256:HEX" of it; '#' begins a comment. Only digests are kept.
// Errors: INVALID_ARGUMENT names file and line; UNAUTHENTICATED says no more than that. A file that has become wrong is logged every
//   ten seconds, and what it said before holds; one that has become empty is right and knows nobody.
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
  // Whether it would still say the same of who was authenticated before.
  virtual bool Holds(const Principal& principal) const = 0;
};

Result<std::unique_ptr<Authenticator>> ParseTokens(const std::string& text, const std::string& file);
// Read again when it has changed, which is looked at once a second. Refuses a file that others than its owner may change, and one
// that may be half written: its last line has an end.
Result<std::unique_ptr<Authenticator>> OpenTokenFile(const std::string& file);

}  // namespace headrace::api::http
