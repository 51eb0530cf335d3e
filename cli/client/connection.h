// The way to a server: one lazy gRPC channel.
// Shapes: an address is HOST:PORT; beyond loopback a server wants TLS and a token (api/server.h).
// Errors: a server that cannot be reached is UNAVAILABLE naming the address and how to start one; a server's own errors
//   come back as they were, violations included; no answer in time is DEADLINE_EXCEEDED.
// Threads: shared.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "cli/context.h"
#include "common/base/error.h"

namespace grpc {
class Channel;
class ClientContext;
class Status;
}  // namespace grpc

namespace headrace::cli {

inline constexpr std::chrono::seconds kCallTimeout(10);

class Connection {
 public:
  // Connects with the first call. `program` is how people start us.
  explicit Connection(std::string address, std::string program = "headrace", const ServerTrust& trust = {});

  const std::string& address() const { return address_; }
  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }
  // Gives a unary call its deadline.
  static void Prepare(grpc::ClientContext& context, std::chrono::milliseconds timeout = kCallTimeout);
  // REQUIRES: the status is not OK.
  Error ToError(const grpc::Status& status) const;
  // Whether the server is there again, waiting at most so long.
  bool AwaitServer(std::chrono::milliseconds at_most) const;

 private:
  std::string address_;
  std::string program_;
  bool tls_;
  std::shared_ptr<grpc::Channel> channel_;
};

// To the server that the command line names.
std::shared_ptr<const Connection> ConnectTo(const Context& context);

}  // namespace headrace::cli
