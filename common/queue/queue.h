// The Queue seam: frames of bytes between one scheduler and its workers. Sending proves nothing: every step of
// the worker protocol is acknowledged by the application (docs/protocol.md).
// Shapes: one frame is one message, at most kFrameBytesMax; a peer is a name of a connection, not of a worker,
//   and a new connection is a new peer.
// Errors: Send to a peer that is gone is UNAVAILABLE; to one that is too slow RESOURCE_EXHAUSTED; a frame that is too
//   large is INVALID_ARGUMENT; nothing blocks.
// Threads: one owner thread for everything except Wake, which any thread may call.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/base/error.h"
#include "common/base/time.h"

namespace headrace::queue {

inline constexpr std::size_t kFrameBytesMax = 8 * 1024 * 1024;

struct Frame {
  std::string peer;
  std::string bytes;
};

// The scheduler's end.
class ServerQueue {
 public:
  virtual ~ServerQueue() = default;
  virtual Status Send(const std::string& peer, std::string bytes) = 0;
  // Appends up to `most` frames that have arrived; waits up to `timeout` for the first one or for Wake.
  virtual void Receive(std::vector<Frame>& out, std::size_t most, Duration timeout) = 0;
  virtual void Wake() = 0;
  // What workers connect to, with the port that was really bound: "tcp://127.0.0.1:41234".
  virtual std::string endpoint() const = 0;
  // Parts of messages beyond the first that peers sent against the protocol, dropped. Owner thread.
  virtual std::uint64_t parts_dropped() const { return 0; }
};

// The worker's end of one connection; reconnects by itself.
class ClientQueue {
 public:
  virtual ~ClientQueue() = default;
  virtual Status Send(std::string bytes) = 0;
  // As the server's; also comes back when the connection came or went since the last call, so that a refused frame can be
  // tried again.
  virtual void Receive(std::vector<std::string>& out, std::size_t most, Duration timeout) = 0;
  virtual void Wake() = 0;
  // For who waits on several: one of these becomes readable when Receive has something to do, a Wake included. They count
  // after a Receive without waiting that brought nothing, if nothing was sent since.
  virtual std::vector<int> PollFds() = 0;
  // Whether the connection stands, as far as Receive has seen.
  virtual bool connected() const { return true; }
  // How often it came or went so far; one that went and came back between two looks shows here only.
  virtual std::uint64_t changes() const { return 0; }
};

}  // namespace headrace::queue
