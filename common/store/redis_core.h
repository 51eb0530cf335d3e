// What the stores of one database share; the last of them closes it.
// Threads: as its parts say.
#pragma once

#include <atomic>
#include <memory>

#include "common/store/redis_log_writer.h"
#include "common/store/redis_partitions.h"
#include "common/store/redis_store.h"
#include "common/store/redis_watch.h"
#include "common/store/redis_writers.h"

namespace headrace::store {

struct RedisCore {
  RedisCore(const RedisOptions& chosen, RedisAddress address);

  Timestamp Now() const { return options.clock != nullptr ? options.clock->Now() : system_clock.Now(); }
  // The master is, or may be, another one.
  void ForgetConnections();
  // An epoch that is on the replicas before it is used, where there are any.
  // In a cluster: a partition that was ever taken is there. A master that came back with nothing is no fresh start.
  Status CheckIsThere(PartitionId partition, Duration patience);
  Result<int> ReplicasOf(PartitionId partition);
  void LookAtNewMasters();
  Result<std::optional<Epoch>> Take(PartitionId partition, const std::string& owner, Duration lease, bool by_force);

  // The stores are being closed: nothing waits for a Redis that is away for longer than `ending` any more.
  void Hurry();

  const RedisOptions options;
  const SystemClock system_clock{};
  RedisLocator locator;
  RedisPool pool;
  RedisPool lease_pool;
  // What a scheduler decides by: it sees every commit that was confirmed, and waits for Redis for `read_patience` only, for
  // the loop waits meanwhile. What a partition begins with is asked as patiently as commits are.
  RedisGates gates;
  RedisPool steady_pool;
  RedisPartitions partitions{steady_pool};
  std::atomic<Epoch> epoch_max{0};  // that this process ever saw
  // Members end in the opposite order: first what uses the others.
  std::unique_ptr<RedisLogWriter> logs;
  std::unique_ptr<RedisWriters> writer;
  std::unique_ptr<RedisWatch> watch;
};

using RedisCorePtr = std::shared_ptr<RedisCore>;

std::unique_ptr<Store> MakeRedisStore(RedisCorePtr core);
std::unique_ptr<FlowStore> MakeRedisFlowStore(RedisCorePtr core);
std::unique_ptr<LogStore> MakeRedisLogStore(RedisCorePtr core);
std::unique_ptr<LeaseStore> MakeRedisLeaseStore(RedisCorePtr core);

Result<ExecutionPage> ListExecutions(RedisCore& core, const ExecutionQuery& query);
Result<std::vector<FlowCount>> CountExecutions(RedisCore& core, const ExecutionQuery& query);

}  // namespace headrace::store
