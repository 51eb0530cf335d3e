// A small real SMTP server on a free loopback port: one thread a connection; keeps what it was given.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace headrace::worker {

struct TakenMail {
  std::string from;
  std::vector<std::string> to;
  std::string text;  // as it came, without the stuffing of dots
};

class SmtpServer {
 public:
  using Answers = std::map<std::string, std::string>;
  // `answers`: by the first word of a command, instead of the usual one; "greeting" is said first. An empty one leaves
  // the client waiting.
  explicit SmtpServer(Answers answers = {}) : answers_(std::move(answers)) {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    socklen_t length = sizeof address;
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length);
    port_ = ntohs(address.sin_port);
    EXPECT_EQ(listen(listener_, 16), 0);
    thread_ = std::thread([this] { Accept(); });
  }
  ~SmtpServer() {
    shutdown(listener_, SHUT_RDWR);
    thread_.join();
    {
      std::lock_guard lock(mutex_);
      for (const int fd : open_) shutdown(fd, SHUT_RDWR);
    }
    for (std::thread& one : serving_) one.join();
    close(listener_);
  }

  int port() const { return port_; }
  std::vector<TakenMail> mails() {
    std::lock_guard lock(mutex_);
    return mails_;
  }
  std::vector<std::string> commands() {
    std::lock_guard lock(mutex_);
    return commands_;
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
  static bool Say(int fd, std::string line) {
    if (line.empty()) return false;
    line += "\r\n";
    return send(fd, line.data(), line.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(line.size());
  }
  // False at the end of the connection.
  static bool Line(int fd, std::string& rest, std::string& line) {
    char piece[4096];
    std::size_t end = 0;
    while ((end = rest.find("\r\n")) == std::string::npos) {
      const ssize_t n = recv(fd, piece, sizeof piece, 0);
      if (n <= 0) return false;
      rest.append(piece, static_cast<std::size_t>(n));
    }
    line = rest.substr(0, end);
    rest.erase(0, end + 2);
    return true;
  }
  std::string AnswerTo(const std::string& word) const {
    if (const auto own = answers_.find(word); own != answers_.end()) return own->second;
    if (word == "greeting") return "220 test";
    if (word == "EHLO") return "250-test\r\n250 AUTH PLAIN";
    if (word == "AUTH") return "235 ok";
    if (word == "DATA") return "354 go on";
    return word == "QUIT" ? "221 bye" : "250 ok";
  }
  void Serve(int fd) {
    std::string rest;
    std::string line;
    TakenMail mail;
    bool open = Say(fd, AnswerTo("greeting"));
    while (open && Line(fd, rest, line)) {
      {
        std::lock_guard lock(mutex_);
        commands_.push_back(line);
      }
      const std::string word = line.substr(0, line.find(' '));
      if (word == "MAIL") mail.from = line;
      if (word == "RCPT") mail.to.push_back(line);
      if (line == "AUTH PLAIN" && !answers_.contains(word)) open = Say(fd, "334 ") && Line(fd, rest, line);
      open = open && Say(fd, AnswerTo(word));
      if (!open || word != "DATA" || AnswerTo(word).front() != '3') continue;
      while (Line(fd, rest, line) && line != ".") mail.text += (line.starts_with("..") ? line.substr(1) : line) + "\r\n";
      {
        std::lock_guard lock(mutex_);
        mails_.push_back(mail);
      }
      open = Say(fd, AnswerTo("."));
    }
    // A client that was left waiting goes by itself.
    char piece[64];
    while (!open && recv(fd, piece, sizeof piece, 0) > 0) {}
    std::lock_guard lock(mutex_);
    std::erase(open_, fd);
    close(fd);
  }

  const Answers answers_;
  int listener_ = -1;
  int port_ = 0;
  std::thread thread_;
  std::mutex mutex_;
  std::vector<int> open_;
  std::vector<std::thread> serving_;
  std::vector<TakenMail> mails_;
  std::vector<std::string> commands_;
};

}  // namespace headrace::worker
