// The word of a GitHub App about itself: a JWT signed with its private key (RS256).
// Units: `now` is wall time; the word holds from a minute before it to nine minutes after.
// Errors: INVALID_ARGUMENT for a key that is none, never with a byte of it. Threads: pure. Source: GITHUB 3.3; OpenSSL.
#pragma once

#include <string>

#include "common/base/time.h"
#include "worker/github/connection.h"

namespace headrace::worker::github {

Result<std::string> MakeAppJwt(const App& app, Timestamp now);

}  // namespace headrace::worker::github
