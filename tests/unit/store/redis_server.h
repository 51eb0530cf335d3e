// A real redis-server of the test's own, on a free port of this machine; it ends with the test.
// Threads: one owner.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

#include "common/store/redis_link.h"

namespace headrace::store {

// A port that nobody listens on now.
int FreePort();

class RedisServer {
 public:
  // `settings` as on its command line: {"--appendonly", "yes"}. A sentinel gets the text of its file instead.
  explicit RedisServer(std::vector<std::string> settings = {});
  static std::vector<std::string> Durable() { return {"--appendonly", "yes", "--appendfsync", "always"}; }
  static RedisServer Sentinel(const std::string& config);
  RedisServer(RedisServer&& other) noexcept;
  ~RedisServer();

  void Start(const std::vector<std::string>& more = {});
  void Signal(int signal) const;
  // kill -9
  void Kill();
  bool runs() const { return pid_ != 0; }
  // Also while it does not run.
  int port() const { return port_; }
  std::string url(int database = 0) const { return "redis://127.0.0.1:" + std::to_string(port_) + "/" + std::to_string(database); }
  // One command; an error reply is an answer, no connection a failed test.
  Reply Do(const std::vector<std::string>& words) const;
  std::string Info(const std::string& section, const std::string& name) const;

 private:
  RedisServer(std::vector<std::string> settings, std::string config, int port);
  bool Answers() const;

  std::vector<std::string> settings_;
  std::string folder_;
  std::string config_;  // the file of a sentinel
  int port_ = 0;
  pid_t pid_ = 0;
};

// Waits until it holds; a failed test otherwise.
void Eventually(const std::string& what, const std::function<bool()>& holds);

}  // namespace headrace::store
