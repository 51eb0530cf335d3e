// One connection to one Redis, logged in and with its database chosen.
// Shapes: commands are bytes of redis_reply.h, replies come in their order.
// Errors: UNAVAILABLE for what a new connection may heal, else what the server refuses (redis_errors.h).
// Threads: one owner.
#pragma once

#include <memory>
#include <span>

#include "common/store/redis_reply.h"
#include "common/store/redis_socket.h"

namespace headrace::store {

class RedisLink {
 public:
  static Result<std::unique_ptr<RedisLink>> Open(const RedisAddress& address, const RedisEndpoint& endpoint, Duration timeout);

  // Sends the commands and waits for a reply to each; error replies are among them.
  Result<std::vector<Reply>> Exchange(std::span<const std::string> commands, Duration timeout);
  Result<Reply> Call(Command command, Duration timeout);
  // Waits for so many replies to what was sent.
  Result<std::vector<Reply>> Collect(std::size_t count, Duration timeout);

  // For who waits for several descriptors: keeps the bytes until Move can write them.
  void Send(std::string_view bytes) { out_ += bytes; }
  // Writes and reads what goes without waiting.
  Status Move();
  Result<std::optional<Reply>> Next() { return reader_.Next(); }
  bool has_to_write() const { return written_ < out_.size(); }
  int fd() const { return socket_->fd(); }
  const std::string& place() const { return place_; }
  // Which run of which server this is, with which history: another one may have forgotten something (redis_locator.h).
  const std::string& server() const { return server_; }
  void SetServer(std::string server) { server_ = std::move(server); }

 private:
  RedisLink(std::unique_ptr<Socket> socket, std::string place) : socket_(std::move(socket)), place_(std::move(place)) {}
  Status Greet(const RedisAddress& address, Duration timeout);
  Status Write();
  Status Read();

  const std::unique_ptr<Socket> socket_;
  const std::string place_;
  std::string server_;
  ReplyReader reader_;
  std::string out_;
  std::size_t written_ = 0;
};

}  // namespace headrace::store
