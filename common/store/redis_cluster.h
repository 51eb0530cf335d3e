// Which master of a Redis Cluster serves which slot, as its nodes say.
// Shapes: any node knows; an answer of one that lags behind an earlier answer (by the cluster's epoch) does not count, nor does
//   one of a node that says the cluster is down.
// Errors: UNAVAILABLE while no node says, or a slot is nobody's; FAILED_PRECONDITION where there is no cluster.
// Threads: any; one of them asks at a time, and what it hears answers all who waited.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "common/store/redis_link.h"
#include "common/store/redis_slots.h"

namespace headrace::store {

class RedisCluster {
 public:
  explicit RedisCluster(const RedisAddress& address) : address_(address) {}

  // As known; asked anew if it was doubted, but not more often than it can change.
  Result<RedisEndpoint> MasterOf(RedisSlot slot, Duration timeout);
  // By name.
  Result<std::vector<RedisEndpoint>> Masters(Duration timeout);
  // Somebody was sent elsewhere, or found a master gone.
  void Doubt();

 private:
  using Moment = std::chrono::steady_clock::time_point;
  struct Map {
    std::vector<RedisEndpoint> masters{};
    std::vector<RedisEndpoint> nodes{};  // replicas, too
    std::vector<std::int16_t> owner = std::vector<std::int16_t>(kRedisSlots, -1);
    std::uint64_t epoch = 0;
    Moment asked{};
  };
  using MapPtr = std::shared_ptr<const Map>;

  Result<MapPtr> Known(Duration timeout);
  Result<MapPtr> AskAnybody(Duration timeout, const MapPtr& before);
  Result<Map> AskOne(const RedisEndpoint& node, Duration timeout) const;
  std::vector<RedisEndpoint> WhomToAsk(const MapPtr& before);

  const RedisAddress address_;

  // Whoever asks holds it.
  std::mutex asking_;
  std::size_t turn_ = 0;
  std::map<std::string, Moment> silent_;  // until when they are asked last
  std::optional<Error> failure_;
  Moment failed_{};

  std::mutex mutex_;
  MapPtr map_;
  Moment doubted_{};
};

}  // namespace headrace::store
