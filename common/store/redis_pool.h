// Connections for everything but commits: taken, used and given back; calls are made again when that may help.
// Errors: as redis_errors.h once `patience` is over; other refusals at once. REQUIRES of callers: a call that comes twice
//   does what it does once.
// Threads: any.
#pragma once

#include <mutex>

#include "common/store/redis_locator.h"

namespace headrace::store {

struct RedisPatience {
  Duration connect = std::chrono::seconds(2);
  Duration reply = std::chrono::seconds(10);
  Duration total = std::chrono::seconds(20);
};

class RedisPool {
 public:
  RedisPool(const RedisLocator& locator, RedisPatience patience) : locator_(locator), patience_(patience) {}

  // One round trip for all; the first error reply is the answer.
  Result<std::vector<Reply>> Call(std::span<const std::string> commands);
  Result<Reply> Call(Command command);
  // The master is another one: connections that rest are of no use.
  void Forget();

 private:
  struct Resting {
    std::unique_ptr<RedisLink> link;
    std::uint64_t age = 0;
  };
  Result<Resting> Take();
  void GiveBack(Resting resting);
  Result<std::vector<Reply>> Try(std::span<const std::string> commands);

  const RedisLocator& locator_;
  const RedisPatience patience_;
  std::mutex mutex_;
  std::vector<Resting> resting_;
  std::uint64_t age_ = 0;
};

}  // namespace headrace::store
