#include "common/store/redis_socket.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "common/store/redis_tls.h"

namespace headrace::store {
namespace {

std::string Reason(int error) { return std::generic_category().message(error); }

tl::unexpected<Error> Unreachable(const RedisEndpoint& endpoint, const std::string& why) {
  return Fail(Code::kUnavailable, "Redis at " + endpoint.ToString() + " cannot be reached: " + why);
}

class PlainSocket final : public Socket {
 public:
  PlainSocket(int fd, std::string place) : fd_(fd), place_(std::move(place)) {}
  ~PlainSocket() override { close(fd_); }
  int fd() const override { return fd_; }

  Result<std::size_t> Write(std::string_view bytes) override {
    const ssize_t sent = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent >= 0) return static_cast<std::size_t>(sent);
    if (errno == EAGAIN || errno == EINTR) return 0;
    return Lost(Reason(errno));
  }

  Result<std::size_t> Read(char* to, std::size_t most) override {
    const ssize_t got = recv(fd_, to, most, 0);
    if (got > 0) return static_cast<std::size_t>(got);
    if (got == 0) return Lost("it closed the connection");
    if (errno == EAGAIN || errno == EINTR) return 0;
    return Lost(Reason(errno));
  }

 private:
  tl::unexpected<Error> Lost(const std::string& why) const {
    return Fail(Code::kUnavailable, "the connection to Redis at " + place_ + " broke: " + why);
  }
  const int fd_;
  const std::string place_;
};

// Answers a connected descriptor or the error of the system.
Result<int> Dial(const RedisEndpoint& endpoint, int family, const sockaddr* address, socklen_t length, Deadline deadline) {
  const int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return Unreachable(endpoint, Reason(errno));
  int error = connect(fd, address, length) == 0 ? 0 : errno;
  if (error == EINPROGRESS || error == EAGAIN) {
    socklen_t size = sizeof(error);
    if (!WaitFor(fd, POLLOUT, deadline)) error = ETIMEDOUT;
    else getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
  }
  if (error != 0) {
    close(fd);
    return Unreachable(endpoint, Reason(error));
  }
  const int on = 1;
  if (family != AF_UNIX) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
  return fd;
}

Result<int> DialUnix(const RedisEndpoint& endpoint, Deadline deadline) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (endpoint.path.size() >= sizeof(address.sun_path)) return Unreachable(endpoint, "the path of a socket has at most 107 bytes");
  std::memcpy(address.sun_path, endpoint.path.data(), endpoint.path.size());
  return Dial(endpoint, AF_UNIX, reinterpret_cast<const sockaddr*>(&address), sizeof(address), deadline);
}

Result<int> DialTcp(const RedisEndpoint& endpoint, Deadline deadline) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int error = getaddrinfo(endpoint.host.c_str(), endpoint.port.c_str(), &hints, &found); error != 0) {
    return Unreachable(endpoint, gai_strerror(error));
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(found, freeaddrinfo);
  Result<int> fd = Unreachable(endpoint, "its name has no address");
  int addresses = 0;
  for (const addrinfo* at = found; at != nullptr; at = at->ai_next) ++addresses;
  // One that does not answer leaves the others their share of the time.
  for (const addrinfo* at = found; at != nullptr && !fd; at = at->ai_next) {
    const Deadline now = std::chrono::steady_clock::now();
    fd = Dial(endpoint, at->ai_family, at->ai_addr, at->ai_addrlen, now + (deadline - now) / addresses--);
  }
  return fd;
}

}  // namespace

bool WaitFor(int fd, short events, Deadline deadline) {
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) return false;
    pollfd one{fd, events, 0};
    const int ready = poll(&one, 1, static_cast<int>(std::min<std::int64_t>(left.count(), 60'000)));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return true;  // the next read or write says what it is
  }
}

Result<std::unique_ptr<Socket>> Socket::Connect(const RedisEndpoint& endpoint, const RedisTls& tls, Deadline deadline) {
  ASSIGN_OR_RETURN(const int fd, endpoint.path.empty() ? DialTcp(endpoint, deadline) : DialUnix(endpoint, deadline));
  if (tls.on) return StartTls(fd, endpoint, tls, deadline);
  return std::make_unique<PlainSocket>(fd, endpoint.ToString());
}

}  // namespace headrace::store
