// The one thread that writes: takes what has come since it last looked as one transaction, then answers in order.
// Shapes: group commit clocks itself: the longer the disk takes, the more batches share the next fsync. Logs are
//   written, and leftovers of deletions swept, in transactions of their own, without fsync, after the answers.
// Errors: the first failure of SQLite or the disk is kept; every later write gets it. Logs are then dropped.
// Threads: Commit, Call and the log verbs from any; `done` and the work of Call run on the writer's thread.
// Source: docs/adr/0005-store-layout.md.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "common/base/clock.h"
#include "common/store/sqlite_batch.h"
#include "common/store/sqlite_log_writer.h"
#include "common/store/sqlite_store.h"

namespace headrace::store {

class SqliteWriter {
 public:
  using Work = std::function<Status(Database&, BatchWriter&)>;

  static Result<std::unique_ptr<SqliteWriter>> Start(Database database, const SqliteOptions& options);
  // Writes what was given before it ends.
  ~SqliteWriter();

  void Commit(WriteBatch batch, CommitDone done);
  // Runs `work` in order with the commits, inside a transaction; returns when that is durable.
  Status Call(Work work);
  // Returns when everything committed so far has been answered. Not from `done`.
  void Drain();

  void AppendLogs(std::vector<LogRow> rows);
  void FlushLogs();

 private:
  struct Job {
    WriteBatch batch;
    Work work;  // instead of the batch
    CommitDone done;
  };

  SqliteWriter(std::unique_ptr<Database> database, BatchWriter batches, LogWriter logs, const SqliteOptions& options);
  void Enqueue(Job job);
  void Loop();
  std::vector<Job> TakeGroup();
  void RunGroup(std::vector<Job>& group);
  // One answer a job; an error says that the whole transaction failed.
  Result<std::vector<Status>> WriteGroup(const std::vector<Job>& group);
  void WriteSomeLogs(std::unique_lock<std::mutex>& lock);
  bool HasLeftovers() { return !failure_ && !batches_.sweeper().idle(); }
  void SweepSome(std::unique_lock<std::mutex>& lock);
  void WriteUnsynced(const std::function<Status()>& write);

  const std::unique_ptr<Database> database_;
  const Durability durability_;
  const SystemClock system_clock_;
  const Clock& clock_;

  // Writer thread only.
  BatchWriter batches_;
  LogWriter logs_;
  std::optional<Error> failure_;

  std::mutex mutex_;
  std::condition_variable work_;
  std::condition_variable progress_;
  std::deque<Job> jobs_;
  bool running_group_ = false;
  bool stopping_ = false;
  LogBacklog backlog_;
  std::thread thread_;
};

}  // namespace headrace::store
