// What deleted executions leave behind: task runs and log lines, taken away a little at a time between commits.
// Shapes: a deletion costs its commit the execution's row and one in `purged`, however much there is to sweep; after a
//   crash that table says what is left.
// Errors: as SQLite's (sqlite_db.h). Threads: the writer's, inside a transaction of the caller.
#pragma once

#include <set>
#include <string>

#include "common/base/ids.h"
#include "common/store/sqlite_db.h"

namespace headrace::store {

class Sweeper {
 public:
  static Result<Sweeper> Make(Database& database);

  // From now on there is no such execution.
  Status Delete(const ExecutionId& id);
  // An execution of this id comes (again): nothing of an earlier one may be left.
  Status MakeRoom(const std::string& id);
  bool idle() const { return left_.empty(); }
  // Some rows; the commits that wait are not kept for long.
  Status Sweep();

 private:
  // True when nothing is left of it.
  Result<bool> SweepSome(const std::string& id);

  const Database* database_ = nullptr;
  Statement delete_execution_, add_, done_, task_runs_, logs_;
  std::set<std::string> left_;
};

}  // namespace headrace::store
