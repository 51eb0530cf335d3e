// The tables, and the checks before a file is trusted.
// Errors: a damaged file DATA_LOSS; another program's or a newer version's file FAILED_PRECONDITION; each with a remedy.
// Source: docs/adr/0005-store-layout.md.
#pragma once

#include "common/store/sqlite_db.h"
#include "common/store/sqlite_store.h"

namespace headrace::store {

// "hdrc", so that `file` and we know our own.
inline constexpr int kApplicationId = 0x68647263;
inline constexpr int kSchemaVersion = 1;

Result<Database> OpenForWriting(const SqliteOptions& options);
Result<Database> OpenForReading(const std::string& path);

}  // namespace headrace::store
