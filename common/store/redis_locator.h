// Connects to whoever is the master now; in a cluster, to that of a slot.
// Shapes: sentinels are asked each time, one after the other; a server that is no master is refused. A link knows its server's
//   run and history, which change when it restarts and when a replica is promoted.
// Errors: UNAVAILABLE while there is no master; DATA_LOSS when the database is not the one it was (emptied, another one).
// Threads: any; SetIdentity before the others call.
#pragma once

#include "common/store/redis_cluster.h"
#include "common/store/redis_link.h"

namespace headrace::store {

// Names the store that lives in a database; made with it.
inline constexpr std::string_view kIdentityKey = "{hr}:store";

class RedisLocator {
 public:
  explicit RedisLocator(RedisAddress address)
      : address_(std::move(address)), cluster_(address_.cluster ? std::make_unique<RedisCluster>(address_) : nullptr) {}

  const RedisAddress& address() const { return address_; }
  // From now on only a database with this identity is ours.
  void SetIdentity(std::string identity) { identity_ = std::move(identity); }

  // Null without one.
  RedisCluster* cluster() const { return cluster_.get(); }

  // REQUIRES of a cluster: a slot.
  Result<std::unique_ptr<RedisLink>> Connect(Duration timeout, std::optional<RedisSlot> slot = std::nullopt) const;
  // To this one, if it is a master.
  Result<std::unique_ptr<RedisLink>> ConnectTo(const RedisEndpoint& master, Duration timeout) const;
  Result<RedisEndpoint> FindMaster(Duration timeout, std::optional<RedisSlot> slot = std::nullopt) const;
  // Every master; one without a cluster.
  Result<std::vector<RedisEndpoint>> FindMasters(Duration timeout) const;

 private:
  Result<std::unique_ptr<RedisLink>> Greeted(const RedisEndpoint& master, Duration timeout) const;

  const RedisAddress address_;
  const std::unique_ptr<RedisCluster> cluster_;
  std::string identity_;
};

}  // namespace headrace::store
