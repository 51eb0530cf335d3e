// The gRPC server: headrace.api.v1 with health and reflection on one address, and what other schedulers ask.
// Units: messages of at most 4 MiB (of a cluster 8), unary calls of at most 30 s, 1000 streams at once; keepalive 30 s.
// Laws: with TLS every call needs a token of a role that the method asks for (api/access.h); without it only loopback is served,
//   and this machine's own programs may call everything.
// Errors: an address that is not loopback without TLS is INVALID_ARGUMENT; a port in use is UNAVAILABLE naming it and what to
//   do; certificates that cannot be used are INVALID_ARGUMENT.
// Threads: Start and Shutdown by the owner; serving on gRPC's threads and a small pool.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "api/audit_log.h"
#include "api/http/authenticator.h"
#include "common/base/error.h"

namespace grpc {
class Channel;
}
namespace headrace::scheduler {
class Engine;
}

namespace headrace::api {

// PEM texts.
struct ApiTls {
  std::string certificate;
  std::string key;
  std::string client_ca{};  // then clients need a certificate of it, too
  std::shared_ptr<const http::Authenticator> tokens;
};

struct ApiOptions {
  std::string address = "127.0.0.1:8082";  // port 0 takes a free one; empty: nobody can connect but InProcessChannel
  std::string version = "unknown";
  std::chrono::milliseconds unary_cap = std::chrono::seconds(30);
  std::size_t streams_max = 1000;
  std::size_t threads = 4;
  std::size_t waiting_max = 4096;  // unary calls that wait for a thread
  bool peers = false;              // other schedulers may ask this one (api/peer_client.h)
  std::optional<ApiTls> tls{};
  std::shared_ptr<AuditLog> audit{};  // null: nothing is told
  // Told of every call that has ended, also of those refused at the door (grpc_meter.h). May be empty.
  std::function<void(const std::string& method, const std::string& code)> call_ended{};
};

class ApiServer {
 public:
  // Whether these options may be served at all, before anything is begun.
  static Status Check(const ApiOptions& options);
  // REQUIRES: `engine` outlives the server.
  static Result<std::unique_ptr<ApiServer>> Start(const ApiOptions& options, scheduler::Engine& engine);
  virtual ~ApiServer() = default;  // shuts down

  // 0 without an address.
  virtual int port() const = 0;
  // The same services without a port, for clients in this process. REQUIRES: they end before Shutdown.
  virtual std::shared_ptr<grpc::Channel> InProcessChannel() = 0;
  // Open calls and streams end with UNAVAILABLE; returns when none is left. Once is enough.
  virtual void Shutdown() = 0;
};

}  // namespace headrace::api
