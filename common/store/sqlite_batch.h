// Writes batches as rows; knows no thread and no transaction.
// Shapes: batches that are written together leave what they would one after another, each row written once.
// Errors: as SQLite's (sqlite_db.h). Threads: the writer's.
#pragma once

#include <span>
#include <unordered_map>

#include "common/store/sqlite_db.h"
#include "common/store/sqlite_sweeper.h"
#include "common/store/store.h"

namespace headrace::store {

class BatchWriter {
 public:
  static Result<BatchWriter> Make(Database& database);

  Epoch epoch(PartitionId partition) const;
  Result<Epoch> RaiseEpoch(PartitionId partition);
  // REQUIRES: the batches are fenced already and outlive the call; only the last may delete executions.
  Status Write(std::span<const WriteBatch* const> batches, Timestamp now);
  // What earlier deletions have left.
  Sweeper& sweeper() { return sweeper_; }

 private:
  Status WriteExecutions(std::span<const WriteBatch* const> batches);
  Status WriteTaskRuns(std::span<const WriteBatch* const> batches);
  Status WriteTimers(std::span<const WriteBatch* const> batches);
  Status WriteOutbox(std::span<const WriteBatch* const> batches);
  Status WriteNotes(std::span<const WriteBatch* const> batches);
  Status WriteRequests(std::span<const WriteBatch* const> batches, Timestamp now);
  Status ForgetExpiredRequests(Timestamp now);
  Status DeleteExecutions(const WriteBatch& batch);

  std::unordered_map<PartitionId, Epoch> epochs_;
  Status EndActive(const ExecutionId& id);
  Status LoadEpochsAndActive(Database& database);

  // What the table holds already, so that an execution costs it a row when it starts and a deletion when it ends.
  std::unordered_map<std::string, PartitionId> active_;
  InsertStatement put_active_;
  Statement end_active_;
  InsertStatement put_execution_, put_task_run_;
  Statement put_epoch_, set_timer_, clear_timer_, add_outbox_, end_outbox_, put_request_, put_note_, drop_note_;
  Statement requests_after_, forget_requests_;
  Sweeper sweeper_;
  std::size_t requests_since_sweep_ = 0;
  std::string swept_to_;
};

// A list of labels as bytes in which one label is found by its own bytes.
std::string LabelBytes(std::span<const model::Label> labels);

}  // namespace headrace::store
