// A redis-server of the benchmark's own, on a unix socket in a folder; it ends with this object.
// Errors: starts nothing where there is no redis-server. Threads: one owner.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace headrace::store {

class RedisProcess {
 public:
  RedisProcess(const std::string& folder, const std::vector<std::string>& settings);
  ~RedisProcess();
  RedisProcess(const RedisProcess&) = delete;
  RedisProcess& operator=(const RedisProcess&) = delete;

  bool started() const { return pid_ > 0; }
  std::string url() const { return "redis+unix://" + socket_; }
  // Seconds of processor time that it has taken so far.
  double CpuSeconds() const;

 private:
  const std::string folder_;
  const std::string socket_;
  pid_t pid_ = 0;
};

}  // namespace headrace::store
