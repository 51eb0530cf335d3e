// Who commits to a database: one writer; in a cluster one a partition, so that each follows its slot wherever it goes, and
// waits while that is on its way, without the others.
// Errors and threads: as redis_writer.h; `done` of two partitions may run at the same time.
// Source: docs/adr/0019-redis-cluster.md.
#pragma once

#include <map>
#include <memory>
#include <shared_mutex>

#include "common/store/redis_writer.h"

namespace headrace::store {

class RedisWriters {
 public:
  // `options` of each; those that a cluster decides are set here.
  RedisWriters(const RedisLocator& locator, RedisWriterOptions options, RedisGates& gates);
  ~RedisWriters();

  void Commit(const WriteBatch& batch, Timestamp now, CommitDone done) { Of(batch.partition).Commit(batch, now, std::move(done)); }
  void Begin(PartitionId partition, Epoch epoch) { Of(partition).Begin(partition, epoch); }
  void Drain();
  void Reconnect();
  void Hurry();

 private:
  RedisWriter& Of(PartitionId partition);
  RedisWriter& Make(PartitionId partition);
  // Of writers that lost the same server one says so.
  bool MayWarn(const std::string& text);
  template <typename Do>
  void ForEach(Do each);

  const RedisLocator& locator_;
  const RedisWriterOptions options_;
  RedisGates& gates_;
  std::mutex warned_mutex_;
  std::map<std::string, Deadline> warned_;
  std::shared_mutex mutex_;
  bool hurried_ = false;
  std::map<PartitionId, std::unique_ptr<RedisWriter>> of_partition_;
  std::unique_ptr<RedisWriter> only_;  // without a cluster
};

}  // namespace headrace::store
