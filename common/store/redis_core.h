// What the stores of one database share; the last of them closes it.
// Threads: as its parts say.
#pragma once

#include <atomic>
#include <memory>

#include "common/store/redis_log_writer.h"
#include "common/store/redis_partitions.h"
#include "common/store/redis_store.h"
#include "common/store/redis_watch.h"
#include "common/store/redis_writer.h"

namespace headrace::store {

struct RedisCore {
  RedisCore(const RedisOptions& chosen, RedisAddress address);

  Timestamp Now() const { return options.clock != nullptr ? options.clock->Now() : system_clock.Now(); }
  // The master is, or may be, another one.
  void ForgetConnections();
  // An epoch that is on the replicas before it is used, where there are any.
  Result<std::optional<Epoch>> Take(PartitionId partition, const std::string& owner, Duration lease, bool by_force);

  const RedisOptions options;
  const SystemClock system_clock{};
  RedisLocator locator;
  RedisPool pool;
  // As patient as commits are: what a scheduler asks while it decides must not fail because Redis is away for a moment.
  RedisPool steady_pool;
  RedisPartitions partitions{steady_pool};
  std::atomic<Epoch> epoch_max{0};  // that this process ever saw
  // Members end in the opposite order: first what uses the others.
  std::unique_ptr<RedisLogWriter> logs;
  std::unique_ptr<RedisWriter> writer;
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
