// A store as it lies there, for people: read beside whoever drives it, without a lease or a lock, and changing nothing.
// Shapes: what cannot be read is among `damaged`, with what it is and the reason, and the rest is given.
// Errors: no store there NOT_FOUND; a newer format FAILED_PRECONDITION; one that does not answer UNAVAILABLE; each with a remedy.
// Threads: one owner; calls block. Each call sees one state of a file, and of a Redis what is there while it asks.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/store/lease.h"
#include "common/store/redis_store.h"

namespace headrace::store {

struct PartitionLook {
  LeaseHolder holder{};
  bool leased = true;  // false: the holder has it as long as its process lives
  PartitionSnapshot found{};
  std::vector<std::string> damaged{};
};

struct ExecutionLook {
  ExecutionId id{};
  PartitionId partition = 0;
  bool active = false;
  std::optional<model::State> state{};  // as the store's index says; nothing if the row cannot be read
  StoredExecution stored{};             // a damaged task run is an empty text
  std::vector<std::string> damaged{};
};

class StoreLook {
 public:
  virtual ~StoreLook() = default;
  // Those that anybody ever took, in order.
  virtual Result<std::vector<PartitionId>> Partitions() = 0;
  virtual Result<PartitionLook> Look(PartitionId partition) = 0;
  // Task runs of active ones, and with `all_task_runs` of all.
  virtual Status EachExecution(PartitionId partition, bool all_task_runs, const std::function<void(const ExecutionLook&)>& each) = 0;
  // With its task runs; NOT_FOUND if there is none.
  virtual Result<ExecutionLook> Find(const ExecutionId& id) = 0;
};

Result<std::unique_ptr<StoreLook>> LookAtSqlite(const std::string& path);
Result<std::unique_ptr<StoreLook>> LookAtRedis(const RedisOptions& options);

}  // namespace headrace::store
