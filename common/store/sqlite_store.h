// The embedded store: one SQLite file a person can back up. WAL; commits are grouped on one writer thread.
// Errors: a locked, corrupt or foreign file, a full disk: each names the file and the remedy.
// Threads: as store.h. Durability: kFull acks after fsync; kNormal may lose the last moments at a power cut.
#pragma once

#include <memory>
#include <string>

#include "common/base/clock.h"
#include "common/store/store.h"

namespace headrace::store {

enum class Durability { kFull, kNormal };

struct SqliteOptions {
  std::string path;  // the file; its folder must exist
  Durability durability = Durability::kFull;
  const Clock* clock = nullptr;  // says when a request has expired; outlives the store; null: the system's
  LogLimits log_limits{};
};

// The three stores on one file; closing waits for what was committed.
struct SqliteStores {
  std::unique_ptr<Store> store;
  std::unique_ptr<FlowStore> flows;
  std::unique_ptr<LogStore> logs;
};

Result<SqliteStores> OpenSqlite(const SqliteOptions& options);

}  // namespace headrace::store
