// Every kind of store under one contract, on a clock that moves when told.
// Threads: one owner.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/store/memory_cluster.h"
#include "common/store/memory_store.h"
#include "common/store/redis_store.h"
#include "common/store/sqlite_store.h"

namespace headrace::store {

// A folder that goes away with the test.
class ScratchFolder {
 public:
  ScratchFolder();
  ~ScratchFolder();
  std::string file(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

enum class Kind { kMemory, kMemoryShared, kSqliteFull, kSqliteNormal, kRedis, kRedisFailover, kRedisCluster };

class StoreTest : public testing::TestWithParam<Kind> {
 protected:
  StoreTest();
  ~StoreTest() override;
  // Closes and opens what is durable; a memory store stays as it is, one of several views of it is opened anew. With Redis'
  // failover the master dies between.
  void Reopen();
  bool durable() const { return GetParam() != Kind::kMemory; }

  // Commits and waits for the answer.
  Status Commit(WriteBatch batch);

  ManualClock clock_;
  LogLimits log_limits_{.rows_max = 50, .bytes_max = 10'000, .message_bytes_max = 1'000};
  ScratchFolder folder_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<FlowStore> flows_;
  std::unique_ptr<LogStore> logs_;

 private:
  MemoryCluster cluster_{clock_, kPlaces, log_limits_};
  bool on_redis() const { return GetParam() >= Kind::kRedis; }
  void Close();
  void Open();
  void OpenShared();
  void OpenOnSqlite();
  void OpenOnRedis();
};

// A test of what the owner of partition 0 writes.
class OwnedStoreTest : public StoreTest {
 protected:
  OwnedStoreTest();
  WriteBatch Batch() const { return {.partition = 0, .epoch = epoch_}; }
  void Put(std::vector<ExecutionRow> rows);
  // Every page after another, as the records' text.
  std::vector<std::string> ListAll(ExecutionQuery query);
  // The texts that Row gives executions of these ids.
  static std::vector<std::string> Records(const std::vector<std::string>& ids);

  Epoch epoch_;
};

std::string KindName(const testing::TestParamInfo<Kind>& kind);

#define HEADRACE_EVERY_STORE(Suite)                                                                                   \
  INSTANTIATE_TEST_SUITE_P(Every, Suite, testing::Values(Kind::kMemory, Kind::kMemoryShared, Kind::kSqliteFull, \
                                                         Kind::kSqliteNormal, Kind::kRedis, Kind::kRedisFailover, Kind::kRedisCluster), \
                           KindName)

Status CommitAndWait(Store& store, WriteBatch batch);

ExecutionRow Row(const std::string& id, std::int64_t created = 1, model::State state = model::State::kRunning);

}  // namespace headrace::store
