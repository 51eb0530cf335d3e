// Deleting executions that have ended for good, and what belongs to them.
// Shapes: a bounded number at a time; files and logs first, the execution last, so that whatever an interruption leaves is
//   still listed and is found by the next purge.
// Errors: the first of the store or of the files; what was deleted until then stays deleted.
// Threads: the caller's, which waits; the loop decides which executions may go (Core::Delete).
#pragma once

#include <functional>
#include <vector>

#include "scheduler/engine.h"

namespace headrace::scheduler {

struct PurgeParts {
  store::Store& store;
  store::LogStore& logs;
  const ForgetFiles& forget_files;
  // Core::Delete, waited for.
  std::function<Result<std::vector<ExecutionId>>(const std::vector<ExecutionId>&)> forget;
};

Result<PurgeReply> Purge(const PurgeParts& parts, const std::vector<ExecutionId>& ids, bool files);

}  // namespace headrace::scheduler
