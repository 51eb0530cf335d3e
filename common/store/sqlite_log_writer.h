// Log lines on their way into the file: a bounded backlog, and the writing of a part of it.
// Shapes: what does not fit into the backlog is dropped, and a line says how many were.
// Threads: the backlog is guarded by its owner's mutex; LogWriter belongs to the writer's thread.
#pragma once

#include <deque>
#include <map>
#include <unordered_map>
#include <vector>

#include "common/store/log_cap.h"
#include "common/store/sqlite_db.h"

namespace headrace::store {

class LogBacklog {
 public:
  void Add(std::vector<LogRow> rows);
  // The oldest lines, at most `most`.
  std::vector<LogRow> Take(std::size_t most);
  bool empty() const { return rows_.empty() && dropped_.empty(); }
  // Counts lines: everything up to `added()` is in the file when `settled()` has reached it.
  std::uint64_t added() const { return added_; }
  std::uint64_t settled() const { return settled_; }
  void Settle(std::size_t rows) { settled_ += rows; }

 private:
  std::deque<LogRow> rows_;
  std::size_t bytes_ = 0;
  std::map<ExecutionId, std::uint64_t> dropped_;
  std::uint64_t added_ = 0;
  std::uint64_t settled_ = 0;
};

class LogWriter {
 public:
  static Result<LogWriter> Make(Database& database, LogLimits limits);
  // Inside a transaction of the caller.
  Status Write(std::vector<LogRow>& rows);

 private:
  Result<LogTally*> TallyOf(const ExecutionId& execution);

  LogLimits limits_;
  InsertStatement insert_;
  Statement last_;
  std::unordered_map<ExecutionId, LogTally> tallies_;
};

}  // namespace headrace::store
