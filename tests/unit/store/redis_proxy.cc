#include "tests/unit/store/redis_proxy.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <vector>

#include "tests/unit/store/redis_server.h"

namespace headrace::store {
namespace {

sockaddr_in Loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

}  // namespace

RedisProxy::RedisProxy(int target) : target_(target) {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = Loopback(0);
  socklen_t size = sizeof(address);
  EXPECT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&address), size), 0);
  EXPECT_EQ(listen(listener_, 64), 0);
  EXPECT_EQ(getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size), 0);
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { Loop(); });
}

RedisProxy::~RedisProxy() {
  stopping_ = true;
  thread_.join();
  close(listener_);
}

void RedisProxy::Break(int target) {
  target_ = target;
  break_ = true;
  Eventually("connections are broken", [this] { return !break_; });
}

void RedisProxy::Loop() {
  const auto end = [](const Pair& pair) {
    close(pair.client);
    close(pair.server);
  };
  while (!stopping_) {
    std::vector<pollfd> fds{{listener_, POLLIN, 0}};
    for (const Pair& pair : pairs_) {
      fds.push_back({pair.client, POLLIN, 0});
      fds.push_back({pair.server, POLLIN, 0});
    }
    poll(fds.data(), fds.size(), 5);
    std::size_t at = 1;
    for (auto pair = pairs_.begin(); pair != pairs_.end(); at += 2) {
      const bool over = break_ || (fds[at].revents != 0 && !Carry(pair->client, pair->server, false)) ||
                        (fds[at + 1].revents != 0 && !Carry(pair->server, pair->client, true));
      if (over) end(*pair);
      pair = over ? pairs_.erase(pair) : std::next(pair);
    }
    break_ = false;
    if (fds[0].revents != 0) Accept();
  }
  for (const Pair& pair : pairs_) end(pair);
}

void RedisProxy::Accept() {
  Pair pair{accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC), socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  ++accepted_;
  const sockaddr_in address = Loopback(target_);
  if (connect(pair.server, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) {
    pairs_.push_back(pair);
    return;
  }
  close(pair.client);
  close(pair.server);
}

bool RedisProxy::Carry(int from, int to, bool answers) {
  std::array<char, 65536> bytes;
  const ssize_t got = recv(from, bytes.data(), bytes.size(), 0);
  if (got <= 0) return false;
  if (answers && swallow_) return true;
  for (ssize_t sent = 0; sent < got;) {
    const ssize_t now = send(to, bytes.data() + sent, static_cast<std::size_t>(got - sent), MSG_NOSIGNAL);
    if (now <= 0) return false;
    sent += now;
  }
  return true;
}

}  // namespace headrace::store
