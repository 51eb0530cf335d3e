// What both ends over ZeroMQ share: the context, a socket with the settings of the protocol, the wake-up, sending.
// Errors: as queue.h. Threads: one owner, but for WakeSignal::Raise. For zmq_*.cc only.
// Source: FAILURES 3.1; zmq_setsockopt(3).
#pragma once

#include <zmq.h>

#include <atomic>
#include <memory>
#include <string>

#include "common/base/error.h"
#include "common/base/time.h"
#include "common/queue/zmq_queue.h"

namespace headrace::queue {

struct TerminateContext {
  void operator()(void* context) const { zmq_ctx_term(context); }
};
struct CloseSocket {
  void operator()(void* socket) const { zmq_close(socket); }
};
using ContextPtr = std::unique_ptr<void, TerminateContext>;
using SocketPtr = std::unique_ptr<void, CloseSocket>;

// The text of the last ZeroMQ error.
std::string ZmqErrorText();

Result<ContextPtr> MakeContext();
// A ROUTER or DEALER with every setting, not yet bound or connected to the endpoint.
Result<SocketPtr> MakeSocket(void* context, int type, const std::string& endpoint, const ZmqOptions& options);

// Lets any thread end the owner's wait.
class WakeSignal {
 public:
  static Result<WakeSignal> Make();
  WakeSignal(WakeSignal&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  WakeSignal& operator=(WakeSignal&&) = delete;
  ~WakeSignal();

  void Raise();
  // Waits for the signal, something at a socket (`monitor` may be null) or the timeout; takes the signal.
  void Wait(void* socket, void* monitor, Duration timeout);
  // Takes the signal if there is one.
  void Take();
  int descriptor() const { return descriptor_; }

 private:
  explicit WakeSignal(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
  // Raised and not yet taken: then another system call tells nothing new.
  std::atomic<bool> raised_{false};
};

// "tcp://127.0.0.1:5555" in the form ZeroMQ takes. Errors: INVALID_ARGUMENT for what is no endpoint,
// PERMISSION_DENIED for an address that others can reach unless there are keys.
Result<std::string> CheckEndpoint(const std::string& endpoint, bool has_keys);

}  // namespace headrace::queue
