// Which partitions have ever been taken, and where something is whose partition the caller does not know.
// Shapes: with many partitions the one where it should be is asked first, then the rest.
// Threads: any.
#pragma once

#include <functional>
#include <mutex>

#include "common/store/redis_pool.h"
#include "common/store/store.h"

namespace headrace::store {

class RedisPartitions {
 public:
  explicit RedisPartitions(RedisPool& pool) : pool_(pool) {}

  // Waits for Redis so long. Has: whether it was ever added.
  Status Add(PartitionId partition, Duration patience);
  Result<bool> Has(PartitionId partition, Duration patience);
  // As Redis says now; `pool` decides how long it may be away.
  Result<std::vector<PartitionId>> All(RedisPool& pool);

  struct Found {
    PartitionId partition = 0;
    Reply reply;
  };
  using Ask = std::function<Command(PartitionId)>;
  using Accept = std::function<bool(const Reply&)>;
  // The first partition whose answer is accepted.
  Result<std::optional<Found>> Find(PartitionId home, const Ask& ask, const Accept& accept);

 private:
  void Know(PartitionId partition);
  Result<std::optional<Found>> FindIn(const std::vector<PartitionId>& partitions, const Ask& ask, const Accept& accept);

  RedisPool& pool_;
  std::mutex mutex_;
  std::vector<PartitionId> known_;
};

}  // namespace headrace::store
