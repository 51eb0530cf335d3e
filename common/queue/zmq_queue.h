// The Queue seam over ZeroMQ: ROUTER at the scheduler, DEALER at the worker; settings as FAILURES.md section 3.1.
// Shapes: with keys both ends know each other and what they say is encrypted (CURVE); a server with keys lets in nobody
//   without. A key that is taken out of the authorized ones is heard no more, on connections that it has, too.
// Errors: an address in use or malformed names the address; one that others can reach needs keys, PERMISSION_DENIED.
//   A client whose key is refused, or that meets another server than it expects, says so in the log within seconds, and
//   goes on trying.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "common/queue/curve_keys.h"
#include "common/queue/queue.h"

namespace headrace::queue {

Result<std::unique_ptr<ServerQueue>> BindZmq(const std::string& endpoint);     // "tcp://127.0.0.1:0" picks a port
Result<std::unique_ptr<ClientQueue>> ConnectZmq(const std::string& endpoint);

struct ZmqOptions {
  // Frames that wait in one direction of one connection, besides the kernel's buffers; then RESOURCE_EXHAUSTED.
  int frames_waiting_max = 4096;
  // A connection is dead after three of these without a sign of life.
  Duration heartbeat = std::chrono::seconds(1);
  std::optional<ServerKeys> server_keys{};  // for BindZmq
  std::optional<ClientKeys> client_keys{};  // for ConnectZmq
};
Result<std::unique_ptr<ServerQueue>> BindZmq(const std::string& endpoint, const ZmqOptions& options);
Result<std::unique_ptr<ClientQueue>> ConnectZmq(const std::string& endpoint, const ZmqOptions& options);

}  // namespace headrace::queue
