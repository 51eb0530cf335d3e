#include "tests/unit/api/http/raw_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>

#include "common/base/check.h"

namespace headrace::api::http::testing {
namespace {

constexpr int kPatienceSeconds = 30;

std::string Lower(std::string text) {
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return text;
}

}  // namespace

std::string RawResponse::header(const std::string& name) const {
  const auto at = headers.find(Lower(name));
  return at == headers.end() ? "" : at->second;
}

RawClient::RawClient(int port, int window) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  CHECK(fd_ >= 0);
  if (window > 0) setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &window, sizeof window);
  const timeval patience{.tv_sec = kPatienceSeconds, .tv_usec = 0};
  setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  to.sin_port = htons(static_cast<std::uint16_t>(port));
  CHECK(connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0);
}

RawClient::~RawClient() { close(fd_); }

bool RawClient::Send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

bool RawClient::Fill() {
  std::array<char, 65536> piece{};
  const ssize_t got = recv(fd_, piece.data(), piece.size(), 0);
  CHECK(got >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK));  // the server is silent
  if (got <= 0) return false;
  seen_.append(piece.data(), static_cast<std::size_t>(got));
  return true;
}

std::string RawClient::Line() {
  while (seen_.find("\r\n") == std::string::npos) {
    if (!Fill()) return "";
  }
  const std::size_t end = seen_.find("\r\n");
  std::string line = seen_.substr(0, end);
  seen_.erase(0, end + 2);
  return line;
}

std::string RawClient::Take(std::size_t size) {
  while (seen_.size() < size && Fill()) {
  }
  std::string out = seen_.substr(0, size);
  seen_.erase(0, out.size());
  return out;
}

RawResponse RawClient::ReadHead() {
  RawResponse out;
  const std::string first = Line();
  if (first.empty()) return out;
  out.status = std::atoi(first.substr(first.find(' ') + 1).c_str());
  for (std::string line = Line(); !line.empty(); line = Line()) {
    const std::size_t colon = line.find(": ");
    CHECK(colon != std::string::npos);
    out.headers[Lower(line.substr(0, colon))] = line.substr(colon + 2);
  }
  return out;
}

RawResponse RawClient::Read(bool head_only) {
  RawResponse out = ReadHead();
  if (head_only || out.status < 200 || out.status == 204) return out;
  if (out.header("Transfer-Encoding") == "chunked") {
    for (std::string piece = ReadChunk(); !piece.empty(); piece = ReadChunk()) out.body += piece;
  } else if (out.headers.contains("content-length")) {
    out.body = Take(static_cast<std::size_t>(std::atoll(out.header("Content-Length").c_str())));
  } else {
    while (Fill()) {
    }
    out.body = std::move(seen_);
    seen_.clear();
  }
  return out;
}

std::string RawClient::ReadChunk() {
  const std::string size = Line();
  if (size.empty()) return "";
  std::string piece = Take(std::strtoul(size.c_str(), nullptr, 16));
  CHECK(Line().empty());
  return piece;
}

bool RawClient::AwaitEnd() {
  while (Fill()) {
  }
  return true;
}

void RawClient::Reset() {
  const linger now{.l_onoff = 1, .l_linger = 0};
  setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  close(fd_);
  fd_ = -1;
}

RawResponse RawClient::Ask(const std::string& method, const std::string& target, const std::string& headers,
                           const std::string& body) {
  std::string bytes = method + " " + target + " HTTP/1.1\r\nHost: localhost\r\n" + headers;
  if (!body.empty()) bytes += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  Send(bytes + "\r\n" + body);
  return Read(method == "HEAD");
}

}  // namespace headrace::api::http::testing
