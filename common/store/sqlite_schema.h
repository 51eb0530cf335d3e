// The tables, and the checks before a file is trusted.
// Errors: a damaged file DATA_LOSS; another program's or a newer version's file FAILED_PRECONDITION; each with a remedy.
// Source: docs/adr/0005-store-layout.md.
#pragma once

#include "common/store/sqlite_db.h"
#include "common/store/sqlite_store.h"

namespace headrace::store {

inline constexpr int kSchemaVersion = 1;

// States that are rare and looked for: their executions have an index of their own.
constexpr bool IsNotable(model::State state) {
  return state == model::State::kFailed || state == model::State::kWarning || state == model::State::kKilled ||
         state == model::State::kCancelled || state == model::State::kPaused;
}

Result<Database> OpenForWriting(const SqliteOptions& options);
Result<Database> OpenForReading(const std::string& path);

}  // namespace headrace::store
