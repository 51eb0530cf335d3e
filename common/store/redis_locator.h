// Connects to whoever is the master now.
// Shapes: sentinels are asked each time, one after the other; a server that is no master is refused.
// Errors: UNAVAILABLE while there is no master; DATA_LOSS when the database is not the one it was (emptied, another one).
// Threads: any; SetIdentity before the others call.
#pragma once

#include "common/store/redis_link.h"

namespace headrace::store {

// Names the store that lives in a database; made with it.
inline constexpr std::string_view kIdentityKey = "{hr}:store";

class RedisLocator {
 public:
  explicit RedisLocator(RedisAddress address) : address_(std::move(address)) {}

  const RedisAddress& address() const { return address_; }
  // From now on only a database with this identity is ours.
  void SetIdentity(std::string identity) { identity_ = std::move(identity); }

  Result<std::unique_ptr<RedisLink>> Connect(Duration timeout) const;
  Result<RedisEndpoint> FindMaster(Duration timeout) const;

 private:
  const RedisAddress address_;
  std::string identity_;
};

}  // namespace headrace::store
