// Looks at Redis once a second: how full its memory is, whether replicas follow, and who the sentinels call the master.
// Threads: its own; what it knows may be read from any.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "common/store/redis_locator.h"

namespace headrace::store {

// Of INFO: the value behind "name:"; empty if there is none.
std::string InfoValue(std::string_view info, std::string_view name);

class RedisWatch {
 public:
  RedisWatch(const RedisLocator& locator, double memory_most, Duration timeout, std::function<void()> on_other_master);
  ~RedisWatch();

  // RESOURCE_EXHAUSTED while memory is fuller than it should be.
  Status HasRoom() const;
  int replicas() const { return replicas_; }

 private:
  void Loop();
  void Look();
  Status LookAtMemory();
  void LookForMaster();

  const RedisLocator& locator_;
  const double memory_most_;
  const Duration timeout_;
  const std::function<void()> on_other_master_;

  // Its own thread only.
  std::unique_ptr<RedisLink> link_;
  std::string master_;

  std::atomic<std::uint64_t> used_{0};
  std::atomic<std::uint64_t> limit_{0};
  std::atomic<int> replicas_{0};
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace headrace::store
