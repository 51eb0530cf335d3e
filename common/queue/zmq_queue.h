// The Queue seam over ZeroMQ: ROUTER at the scheduler, DEALER at the worker; settings as FAILURES.md section 3.1.
// Errors: an address in use or malformed names the address; a non-loopback address is refused until CURVE exists.
#pragma once

#include <memory>
#include <string>

#include "common/queue/queue.h"

namespace headrace::queue {

Result<std::unique_ptr<ServerQueue>> BindZmq(const std::string& endpoint);     // "tcp://127.0.0.1:0" picks a port
Result<std::unique_ptr<ClientQueue>> ConnectZmq(const std::string& endpoint);

}  // namespace headrace::queue
