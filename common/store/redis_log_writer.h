// Writes log lines beside the commits, and takes away the logs of executions that were deleted.
// Shapes: the lines of an execution that came within moments (kGather) are one chunk; a tally in Redis keeps the cap, also with
//   several writers.
// Errors: lines that Redis does not take are dropped, and the process's log says how many.
// Threads: any; the work is done on a thread of its own.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>
#include <unordered_map>

#include "common/store/log_backlog.h"
#include "common/store/redis_log_chunk.h"
#include "common/store/redis_pool.h"

namespace headrace::store {

class RedisLogWriter {
 public:
  RedisLogWriter(RedisPool& pool, LogLimits limits);
  // Writes what was given before it ends.
  ~RedisLogWriter();

  void Append(std::vector<LogRow> rows);
  // Returns when what was appended can be read, or was dropped.
  void Flush();
  // These were deleted from the partition.
  void Sweep(PartitionId partition, std::vector<ExecutionId> ids);
  // From now on Redis may be away for so long only; then what waits is dropped.
  void Hurry(Duration most);

 private:
  struct Sweeping {
    PartitionId partition = 0;
    std::vector<ExecutionId> ids;
    std::uint64_t after = 0;  // so many lines: they may be of those that were deleted
  };
  struct Group {
    ExecutionId execution;
    std::vector<LogRow> rows;
  };
  void Loop();
  // REQUIRES: the lock is held. Lines that come one after the other are written together, unless somebody waits for them.
  void Gather(std::unique_lock<std::mutex>& lock);
  // Those whose lines are written with the next `rows`.
  std::deque<Sweeping> TakeSweepings(std::size_t rows);
  // False when they were dropped.
  bool Write(std::vector<LogRow> rows);
  Status WriteGroups(std::vector<Group> groups);
  Status FetchTallies(const std::vector<Group>& groups);
  // Those that another writer was quicker with.
  Result<std::vector<Group>> TryGroups(std::vector<Group> groups);
  Status SweepNow(const Sweeping& sweeping);

  RedisPool& pool_;
  const LogLimits limits_;
  const std::string writer_;

  // Its own thread only.
  std::unordered_map<ExecutionId, LogTally> tallies_;

  std::mutex mutex_;
  std::condition_variable work_;
  std::condition_variable progress_;
  LogBacklog backlog_;
  std::deque<Sweeping> sweepings_;
  std::uint64_t sweeps_asked_ = 0;
  std::uint64_t sweeps_done_ = 0;
  std::size_t flushing_ = 0;
  bool ending_ = false;  // in a hurry, or the end itself
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace headrace::store
