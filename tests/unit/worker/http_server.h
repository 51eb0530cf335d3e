// A small real HTTP server on a free loopback port or a unix socket: one thread a connection, one answer a connection.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace headrace::worker {

struct HttpCall {
  std::string method;
  std::string target;
  std::string head;  // all headers as they came
  std::string body;
};

class HttpServer {
 public:
  // Answers a call with the whole text of a response; an empty one leaves the caller waiting until the end.
  using Handler = std::function<std::string(const HttpCall&)>;

  explicit HttpServer(Handler handler, const std::string& unix_path = "") : handler_(std::move(handler)) {
    if (unix_path.empty()) {
      listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      sockaddr_in address{};
      address.sin_family = AF_INET;
      address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      EXPECT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
      socklen_t length = sizeof address;
      getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length);
      port_ = ntohs(address.sin_port);
    } else {
      listener_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
      sockaddr_un address{};
      address.sun_family = AF_UNIX;
      std::strncpy(address.sun_path, unix_path.c_str(), sizeof address.sun_path - 1);
      EXPECT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    }
    EXPECT_EQ(listen(listener_, 64), 0);
    thread_ = std::thread([this] { Accept(); });
  }
  ~HttpServer() {
    shutdown(listener_, SHUT_RDWR);
    thread_.join();
    {
      std::lock_guard lock(mutex_);
      for (const int fd : open_) shutdown(fd, SHUT_RDWR);
    }
    for (std::thread& one : serving_) one.join();
    close(listener_);
  }

  std::string Uri(const std::string& path) const { return "http://127.0.0.1:" + std::to_string(port_) + path; }
  int port() const { return port_; }
  std::vector<HttpCall> calls() {
    std::lock_guard lock(mutex_);
    return calls_;
  }

  static std::string Answer(int code, const std::string& type, const std::string& body, const std::string& more = "") {
    return "HTTP/1.1 " + std::to_string(code) + " Whatever\r\nContent-Type: " + type + "\r\nContent-Length: " +
           std::to_string(body.size()) + "\r\nConnection: close\r\n" + more + "\r\n" + body;
  }

 private:
  void Accept() {
    for (;;) {
      const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) return;
      std::lock_guard lock(mutex_);
      open_.push_back(fd);
      serving_.emplace_back([this, fd] { Serve(fd); });
    }
  }
  void Serve(int fd) {
    HttpCall call;
    std::string text;
    std::size_t end = std::string::npos;
    std::size_t length = 0;
    char piece[4096];
    while (end == std::string::npos || text.size() < end + 4 + length) {
      const ssize_t n = recv(fd, piece, sizeof piece, 0);
      if (n <= 0) break;
      text.append(piece, static_cast<std::size_t>(n));
      if (end != std::string::npos) continue;
      end = text.find("\r\n\r\n");
      if (end == std::string::npos) continue;
      const std::size_t at = text.find("Content-Length: ");
      if (at < end) length = std::stoul(text.substr(at + 16));
    }
    if (end != std::string::npos) {
      call.head = text.substr(0, end);
      call.body = text.substr(end + 4);
      call.method = call.head.substr(0, call.head.find(' '));
      const std::size_t from = call.method.size() + 1;
      call.target = call.head.substr(from, call.head.find(' ', from) - from);
      {
        std::lock_guard lock(mutex_);
        calls_.push_back(call);
      }
      const std::string answer = handler_(call);
      if (answer.empty()) {
        while (recv(fd, piece, sizeof piece, 0) > 0) {}
      }
      for (std::size_t sent = 0; sent < answer.size();) {
        const ssize_t n = send(fd, answer.data() + sent, answer.size() - sent, MSG_NOSIGNAL);
        if (n <= 0) break;
        sent += static_cast<std::size_t>(n);
      }
    }
    std::lock_guard lock(mutex_);
    std::erase(open_, fd);
    close(fd);
  }

  Handler handler_;
  int listener_ = -1;
  int port_ = 0;
  std::thread thread_;
  std::mutex mutex_;
  std::vector<int> open_;
  std::vector<std::thread> serving_;
  std::vector<HttpCall> calls_;
};

}  // namespace headrace::worker
