// Writes log lines into the file, capped an execution.
// Threads: the writer's.
#pragma once

#include <unordered_map>
#include <vector>

#include "common/store/log_backlog.h"
#include "common/store/log_cap.h"
#include "common/store/sqlite_db.h"

namespace headrace::store {

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
