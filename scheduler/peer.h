// How one scheduler asks another: the partition that a call concerns may be driven there.
// Shapes: requests and replies are bytes that only schedulers of one cluster understand (peer_calls.h).
// Errors: UNAVAILABLE when the other cannot be reached or does not answer in time: whether it did what was asked is not known
//   then. What the other scheduler says comes back as it said it, code and message.
// Threads: any; `done` runs once, on any thread, and must not block.
#pragma once

#include <functional>
#include <string>

#include "common/base/error.h"
#include "common/base/time.h"

namespace headrace::scheduler {

using PeerDone = std::function<void(Result<std::string>)>;

class PeerClient {
 public:
  virtual ~PeerClient() = default;
  // `address`: what that scheduler announces, HOST:PORT of its gRPC.
  virtual void Call(const std::string& address, std::string request, Duration timeout, PeerDone done) = 0;
};

}  // namespace headrace::scheduler
