// One HTTP request and its answer, over libcurl; the only home of it.
// Shapes: bodies of requests are text or parts; an answer's body goes to a sink or into the answer, up to a cap.
// Units: bytes on the wire after decompression. Errors: UNAVAILABLE naming the URI and the reason when nothing was sent,
//   ABORTED when it may have been; PERMISSION_DENIED for an address that is not allowed; CANCELLED; RESOURCE_EXHAUSTED past
//   the cap; FAILED_PRECONDITION for a status that means failure: "Failed http request with response code '404' and body: …".
// Threads: any; CallHttp blocks its caller until the end or the token's.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/error.h"
#include "common/base/time.h"
#include "worker/cancel_token.h"
#include "worker/files/beneath.h"

namespace headrace::worker {

struct HttpPart {
  std::string name;
  std::string text{};
  std::string file_name{};
  std::optional<UniqueFd> file{};  // instead of the text
};

struct HttpRequest {
  std::string method = "GET";
  std::string uri;
  std::vector<std::pair<std::string, std::string>> headers{};
  std::optional<std::string> body{};
  std::vector<HttpPart> parts{};  // of multipart/form-data; instead of the body
  bool follow_redirects = true;
  bool verify_tls = true;
  Duration connect_timeout = std::chrono::seconds(10);
  Duration idle_timeout = std::chrono::minutes(5);  // without a byte
  Duration timeout{};                               // of the whole; zero: none
  std::string user{};
  std::string password{};
  std::string bearer{};
  std::string proxy{};        // scheme://host:port
  std::string proxy_login{};  // user:password
  std::vector<std::string> allow{};  // networks besides the public ones
  std::string unix_socket{};  // instead of a network
  bool allow_failed = false;
  std::vector<int> allowed_codes{};
};

struct HttpAnswer {
  int code = 0;
  std::vector<std::pair<std::string, std::string>> headers{};
  std::string body{};
  std::uint64_t bytes = 0;  // of the body, wherever it went

  // The first of this name, whatever its case.
  std::string_view Header(std::string_view name) const;
};

using HttpSink = std::function<Status(std::string_view)>;

// `body_max` bounds what a sink gets, too.
Result<HttpAnswer> CallHttp(const HttpRequest& request, CancelToken& cancel, std::uint64_t body_max,
                            const HttpSink& sink = nullptr);

}  // namespace headrace::worker
