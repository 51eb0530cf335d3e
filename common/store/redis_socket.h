// A stream to a server that never blocks: TCP, a unix socket, or TLS over TCP.
// Errors: UNAVAILABLE with the place and what the system says. Threads: one owner.
// Source: Debian's hiredis 0.14 has no TLS, so the bytes travel here and hiredis only reads them.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "common/store/redis_address.h"

namespace headrace::store {

using Deadline = std::chrono::steady_clock::time_point;

class Socket {
 public:
  virtual ~Socket() = default;
  // Waits until it is connected, at most until the deadline.
  static Result<std::unique_ptr<Socket>> Connect(const RedisEndpoint& endpoint, const RedisTls& tls, Deadline deadline);

  // How many bytes went; 0: not now.
  virtual Result<std::size_t> Write(std::string_view bytes) = 0;
  // How many bytes came; 0: none yet. A closed stream is an error.
  virtual Result<std::size_t> Read(char* to, std::size_t most) = 0;
  // Whether Read has more without waiting for the descriptor.
  virtual bool pending() const { return false; }
  virtual int fd() const = 0;
};

// Waits for the events of poll(2); false when the deadline passed.
bool WaitFor(int fd, short events, Deadline deadline);

}  // namespace headrace::store
