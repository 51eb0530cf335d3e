// Looks at Redis once a second: how full its memory is, whether replicas follow, and who the master is, or the masters of a
// cluster are.
// Threads: its own; what it knows may be read from any.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <thread>

#include "common/store/redis_locator.h"

namespace headrace::store {

// Of INFO: the value behind "name:"; empty if there is none.
std::string InfoValue(std::string_view info, std::string_view name);

class RedisWatch {
 public:
  // `on_look` may be empty.
  RedisWatch(const RedisLocator& locator, double memory_most, Duration timeout, std::function<void()> on_other_master,
             std::function<void(bool answers)> on_look);
  ~RedisWatch();

  // RESOURCE_EXHAUSTED while memory is fuller than it should be, or a master may throw away what it holds.
  Status HasRoom() const;
  // Of the master at this place; without a cluster of the only one, wherever it is.
  int replicas(const std::string& place = "") const;

 private:
  struct Seen {
    std::unique_ptr<RedisLink> link;  // its own thread only
    std::uint64_t used = 0;
    std::uint64_t limit = 0;
    int replicas = 0;
    std::string policy{};  // when its memory is full
  };
  void Loop();
  void Look();
  Status LookAt(const RedisEndpoint& master);
  Result<std::vector<RedisEndpoint>> LookForMasters();

  const RedisLocator& locator_;
  const double memory_most_;
  const Duration timeout_;
  const std::function<void()> on_other_master_;
  const std::function<void(bool)> on_look_;

  // Its own thread only.
  std::vector<RedisEndpoint> masters_;

  mutable std::mutex mutex_;
  std::map<std::string, Seen> seen_;  // by place
  std::condition_variable changed_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace headrace::store
