#include "api/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>
#include <utility>

namespace headrace::api {
namespace {

constexpr int kPortMax = 65'535;

struct SocketAddress {
  sockaddr_storage bytes{};
  socklen_t size = 0;
};

// Nothing for a name.
std::optional<SocketAddress> Numeric(const HostPort& where) {
  SocketAddress out;
  auto* four = reinterpret_cast<sockaddr_in*>(&out.bytes);
  if (inet_pton(AF_INET, where.host == "localhost" ? "127.0.0.1" : where.host.c_str(), &four->sin_addr) == 1) {
    four->sin_family = AF_INET;
    four->sin_port = htons(static_cast<std::uint16_t>(where.port));
    out.size = sizeof *four;
    return out;
  }
  auto* six = reinterpret_cast<sockaddr_in6*>(&out.bytes);
  if (inet_pton(AF_INET6, where.host.c_str(), &six->sin6_addr) != 1) return std::nullopt;
  six->sin6_family = AF_INET6;
  six->sin6_port = htons(static_cast<std::uint16_t>(where.port));
  out.size = sizeof *six;
  return out;
}

// The socket, or errno below zero.
int Bind(const SocketAddress& to) {
  const int fd = socket(to.bytes.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&to.bytes), to.size) == 0) return fd;
  const int why = errno;
  close(fd);
  return -why;
}

int BoundPort(int fd) {
  SocketAddress bound;
  bound.size = sizeof bound.bytes;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&bound.bytes), &bound.size) != 0) return 0;
  return ntohs(bound.bytes.ss_family == AF_INET6 ? reinterpret_cast<const sockaddr_in6*>(&bound.bytes)->sin6_port
                                                 : reinterpret_cast<const sockaddr_in*>(&bound.bytes)->sin_port);
}

Error CannotListen(const HostPort& where, int why) {
  const std::string port = std::to_string(where.port);
  const std::string text = why == EADDRINUSE ? "port " + port + " is in use by another process; end that one (ss -ltnp shows it) or " +
                                                   "choose another port (0 takes a free one)"
                           : why == 0        ? "gRPC could not listen there"
                                             : std::strerror(why);
  return Error{Code::kUnavailable, "cannot serve the API on " + where.ToString() + ": " + text, {}};
}

}  // namespace

std::string HostPort::ToString() const {
  return (host.find(':') != std::string::npos ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

Result<HostPort> SplitAddress(const std::string& address) {
  const std::size_t colon = address.rfind(':');
  HostPort out;
  bool valid = colon != std::string::npos && colon + 1 < address.size();
  if (valid) {
    const char* end = address.data() + address.size();
    const auto parsed = std::from_chars(address.data() + colon + 1, end, out.port);
    valid = parsed.ec == std::errc() && parsed.ptr == end && out.port >= 0 && out.port <= kPortMax;
  }
  if (!valid) return InvalidArgument("'" + address + "' is no address: it must be HOST:PORT, such as 127.0.0.1:8082");
  out.host = address.substr(0, colon);
  if (out.host.starts_with('[') && out.host.ends_with(']')) out.host = out.host.substr(1, out.host.size() - 2);
  return out;
}

bool IsLoopback(const std::string& host) {
  if (host == "localhost" || host == "::1") return true;
  in_addr address{};
  return inet_pton(AF_INET, host.c_str(), &address) == 1 && (ntohl(address.s_addr) >> 24U) == 127;
}

bool IsWildcard(const std::string& host) {
  in_addr four{};
  if (inet_pton(AF_INET, host.c_str(), &four) == 1) return four.s_addr == INADDR_ANY;
  in6_addr six{};
  return inet_pton(AF_INET6, host.c_str(), &six) == 1 && IN6_IS_ADDR_UNSPECIFIED(&six);
}

Error CannotListen(const HostPort& where) {
  const auto numeric = Numeric(where);
  if (!numeric) return CannotListen(where, 0);
  const int fd = Bind(*numeric);
  if (fd < 0) return CannotListen(where, -fd);
  close(fd);
  return CannotListen(where, 0);
}

Result<HeldPort> HeldPort::Take(const std::string& address) {
  ASSIGN_OR_RETURN(HostPort where, SplitAddress(address));
  const auto numeric = Numeric(where);
  if (!numeric) return HeldPort(-1, std::move(where));
  const int fd = Bind(*numeric);
  if (fd < 0) return Fail(CannotListen(where, -fd));
  where.port = BoundPort(fd);
  return HeldPort(fd, std::move(where));
}

HeldPort::HeldPort(HeldPort&& other) noexcept : fd_(std::exchange(other.fd_, -1)), where_(std::move(other.where_)) {}

HeldPort::~HeldPort() {
  if (fd_ >= 0) close(fd_);
}

}  // namespace headrace::api
