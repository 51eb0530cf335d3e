// The Queue seam over ZeroMQ: ROUTER at the scheduler, DEALER at the worker; settings as FAILURES.md section 3.1.
// Errors: an address in use or malformed names the address; a non-loopback address is refused until CURVE exists.
#pragma once

#include <memory>
#include <string>

#include "common/queue/queue.h"

namespace headrace::queue {

Result<std::unique_ptr<ServerQueue>> BindZmq(const std::string& endpoint);     // "tcp://127.0.0.1:0" picks a port
Result<std::unique_ptr<ClientQueue>> ConnectZmq(const std::string& endpoint);

struct ZmqOptions {
  // Frames that wait in one direction of one connection, besides the kernel's buffers; then RESOURCE_EXHAUSTED.
  int frames_waiting_max = 4096;
  // A connection is dead after three of these without a sign of life.
  Duration heartbeat = std::chrono::seconds(1);
};
Result<std::unique_ptr<ServerQueue>> BindZmq(const std::string& endpoint, const ZmqOptions& options);
Result<std::unique_ptr<ClientQueue>> ConnectZmq(const std::string& endpoint, const ZmqOptions& options);

}  // namespace headrace::queue
