#include "common/store/redis_link.h"

#include <poll.h>

#include <array>

#include "common/store/redis_errors.h"

namespace headrace::store {
namespace {

constexpr std::size_t kReadAtOnce = 64 * 1024;

Deadline After(Duration timeout) { return std::chrono::steady_clock::now() + timeout; }

}  // namespace

Result<std::unique_ptr<RedisLink>> RedisLink::Open(const RedisAddress& address, const RedisEndpoint& endpoint, Duration timeout) {
  ASSIGN_OR_RETURN(std::unique_ptr<Socket> socket, Socket::Connect(endpoint, address.tls, After(timeout)));
  std::unique_ptr<RedisLink> link(new RedisLink(std::move(socket), endpoint.ToString()));
  RETURN_IF_ERROR(link->Greet(address, timeout));
  return link;
}

Status RedisLink::Greet(const RedisAddress& address, Duration timeout) {
  std::vector<std::string> commands;
  if (!address.password.empty()) {
    Command login{"AUTH"};
    if (!address.user.empty()) login.Add(address.user);
    commands.push_back(std::move(login.Add(address.password)).Take());
  }
  if (address.database != 0) commands.push_back(Command{"SELECT", std::to_string(address.database)}.Take());
  if (commands.empty()) return {};
  ASSIGN_OR_RETURN(const std::vector<Reply> replies, Exchange(commands, timeout));
  for (const Reply& reply : replies) {
    if (reply.error()) return Fail(ConnectErrorOf(reply.text, place_));
  }
  return {};
}

Result<std::vector<Reply>> RedisLink::Exchange(std::span<const std::string> commands, Duration timeout) {
  for (const std::string& command : commands) out_ += command;
  return Collect(commands.size(), timeout);
}

Result<std::vector<Reply>> RedisLink::Collect(std::size_t count, Duration timeout) {
  const Deadline deadline = After(timeout);
  std::vector<Reply> replies;
  replies.reserve(count);
  while (true) {
    RETURN_IF_ERROR(Move());
    while (replies.size() < count) {
      ASSIGN_OR_RETURN(std::optional<Reply> reply, Next());
      if (!reply) break;
      replies.push_back(std::move(*reply));
    }
    if (replies.size() == count) return replies;
    if (!WaitFor(fd(), static_cast<short>(has_to_write() ? POLLIN | POLLOUT : POLLIN), deadline)) {
      return Fail(Code::kUnavailable, "Redis at " + place_ + " has not answered within " + FormatDuration(timeout));
    }
  }
}

Result<Reply> RedisLink::Call(Command command, Duration timeout) {
  const std::string bytes = std::move(command).Take();
  ASSIGN_OR_RETURN(std::vector<Reply> replies, Exchange(std::span(&bytes, 1), timeout));
  return std::move(replies.front());
}

Status RedisLink::Move() {
  RETURN_IF_ERROR(Write());
  return Read();
}

Status RedisLink::Write() {
  while (has_to_write()) {
    ASSIGN_OR_RETURN(const std::size_t sent, socket_->Write(std::string_view(out_).substr(written_)));
    if (sent == 0) return {};
    written_ += sent;
  }
  out_.clear();
  written_ = 0;
  return {};
}

Status RedisLink::Read() {
  std::array<char, kReadAtOnce> bytes;
  while (true) {
    ASSIGN_OR_RETURN(const std::size_t got, socket_->Read(bytes.data(), bytes.size()));
    if (got == 0) return {};
    RETURN_IF_ERROR(reader_.Feed({bytes.data(), got}));
    if (got < bytes.size() && !socket_->pending()) return {};
  }
}

}  // namespace headrace::store
