// The HTTP server: one address, a router, and limits for everything.
// Errors: an address that is none or not loopback without tokens is INVALID_ARGUMENT with the remedy; a port in use is
//   UNAVAILABLE naming it.
// Threads: Start and Stop by the owner; handlers run on a small pool and may wait for the engine, nothing else.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "api/audit_log.h"
#include "api/http/authenticator.h"
#include "api/http/limits.h"
#include "api/http/metrics.h"
#include "api/http/router.h"
#include "api/http/tls.h"
#include "common/base/error.h"

namespace headrace::api::http {

struct HttpOptions {
  std::string address = "127.0.0.1:8080";  // port 0 takes a free one
  std::vector<std::string> names{};        // host names that count as this machine's when there are no tokens
  std::shared_ptr<const Authenticator> authenticator{};  // null: loopback only, unless every route is public
  HttpLimits limits{};
  std::shared_ptr<AuditLog> audit{};  // null: nothing is told
  ServerTls tls{};                    // null: in the clear
  std::size_t io_threads = 1;      // bytes
  std::size_t threads = 4;         // handlers
  std::size_t waiting_max = 1024;  // requests that wait for a thread; then 503
};

class HttpServer {
 public:
  // REQUIRES: `metrics` outlives the server.
  static Result<std::unique_ptr<HttpServer>> Start(HttpOptions options, Router router, Metrics& metrics);
  virtual ~HttpServer() = default;  // stops

  virtual int port() const = 0;
  // "127.0.0.1:8080"
  virtual std::string address() const = 0;
  // Takes no new connections, lets answers under way end within `grace`, then closes. Once is enough.
  virtual void Stop(std::chrono::milliseconds grace = std::chrono::seconds(5)) = 0;
};

}  // namespace headrace::api::http
