// What the three stores of one file share; the last of them closes it.
// Threads: as its parts say.
#pragma once

#include <memory>

#include "common/store/sqlite_lock.h"
#include "common/store/sqlite_readers.h"
#include "common/store/sqlite_writer.h"

namespace headrace::store {

struct SqliteCore {
  // Members end in the opposite order: the lock last, before it the writer, which as the last connection leaves one
  // file behind and no write-ahead log.
  FileLock lock;
  std::unique_ptr<SqliteWriter> writer;
  ReaderPool readers;
  const SystemClock system_clock{};
  const Clock* clock = nullptr;

  Timestamp Now() const { return clock != nullptr ? clock->Now() : system_clock.Now(); }
};

using CorePtr = std::shared_ptr<SqliteCore>;

std::unique_ptr<FlowStore> MakeSqliteFlowStore(CorePtr core);
std::unique_ptr<LogStore> MakeSqliteLogStore(CorePtr core);

// Run `query` on one state of the file.
Result<ExecutionPage> ListExecutions(Database& database, const ExecutionQuery& query);
Result<std::vector<FlowCount>> CountExecutions(Database& database, ExecutionQuery query);

}  // namespace headrace::store
