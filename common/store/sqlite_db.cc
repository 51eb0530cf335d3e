#include "common/store/sqlite_db.h"

#include <cstring>

namespace headrace::store {
namespace {

// Another program may hold the file for a moment: a backup, a shell.
constexpr int kBusyTimeoutMs = 10'000;

Error Explain(const std::string& path, int code, std::string detail, int system_error) {
  const int primary = code & 0xff;
  const std::string file = "store file " + path;
  if (system_error != 0) detail += std::string(" (") + std::strerror(system_error) + ")";
  switch (primary) {
    case SQLITE_FULL:
      return {Code::kUnavailable, file + ": the disk is full; nothing more is written: free space and restart", {}};
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return {Code::kDataLoss,
              file + " is damaged or no store (" + detail + "): restore a backup of it, or recover what can be read with: sqlite3 " +
                  path + " .recover | sqlite3 recovered.db",
              {}};
    case SQLITE_IOERR:
      if (code == SQLITE_IOERR_WRITE) {
        return {Code::kUnavailable,
                file + ": the disk takes no more (a quota, a limit on the size of files, or a fault): " + detail +
                    "; nothing more is written: free space and restart",
                {}};
      }
      // After a failed fsync nobody knows what reached the disk; only reading it anew tells.
      return {code == SQLITE_IOERR_FSYNC || code == SQLITE_IOERR_DIR_FSYNC ? Code::kDataLoss : Code::kUnavailable,
              file + ": the disk fails: " + detail + "; nothing more is written: check the disk and restart", {}};
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return {Code::kUnavailable, file + " is held by another program (" + detail + "): end it and restart", {}};
    case SQLITE_READONLY:
    case SQLITE_PERM:
      return {Code::kPermissionDenied, file + " cannot be written (" + detail + "): give this user the right to", {}};
    case SQLITE_CANTOPEN:
      return {Code::kFailedPrecondition, file + " cannot be opened: " + detail + "; its folder must exist and be writable", {}};
    default: return {Code::kInternal, file + ": " + detail, {}};
  }
}

// SQLite counts its memory under a lock unless told not to, before anything else; too late does no harm.
void StopCounting() {
  static const int once = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  (void)once;
}

}  // namespace

Result<Database> Database::Open(const std::string& path, Mode mode) {
  StopCounting();
  sqlite3* handle = nullptr;
  const int flags = mode == Mode::kWrite ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY;
  const int code = sqlite3_open_v2(path.c_str(), &handle, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  if (handle == nullptr) return Fail(Code::kResourceExhausted, "no memory to open store file " + path);
  Database database(path, handle);
  if (code != SQLITE_OK) return Fail(database.LastError(code));
  sqlite3_busy_timeout(handle, kBusyTimeoutMs);
  return database;
}

Status Database::Execute(const char* sql) {
  const int code = sqlite3_exec(handle(), sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return Fail(LastError(code));
  return {};
}

Error Database::LastError(int code) const {
  return Explain(path_, code, sqlite3_errmsg(handle()), sqlite3_system_errno(handle()));
}

Result<Statement> Statement::Prepare(const Database& database, std::string_view sql) {
  sqlite3_stmt* handle = nullptr;
  const int code = sqlite3_prepare_v3(database.handle(), sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT,
                                      &handle, nullptr);
  if (code != SQLITE_OK) return Fail(database.LastError(code));
  Statement statement;
  statement.database_ = &database;
  statement.handle_.reset(handle);
  return statement;
}

Result<InsertStatement> InsertStatement::Prepare(const Database& database, const std::string& head, const std::string& row,
                                                 const std::string& tail) {
  InsertStatement insert;
  ASSIGN_OR_RETURN(insert.one_, Statement::Prepare(database, head + row + tail));
  std::string rows = row;
  for (std::size_t i = 1; i < kMany; ++i) rows += "," + row;
  ASSIGN_OR_RETURN(insert.many_, Statement::Prepare(database, head + rows + tail));
  return insert;
}

Statement& Statement::Bind(std::string_view text) {
  // A null pointer would bind NULL, and an empty view may hold one.
  const char* const data = text.data() != nullptr ? text.data() : "";
  sqlite3_bind_text64(handle_.get(), ++bound_, data, text.size(), SQLITE_STATIC, SQLITE_UTF8);
  return *this;
}

Statement& Statement::Bind(std::int64_t number) {
  sqlite3_bind_int64(handle_.get(), ++bound_, number);
  return *this;
}

Statement& Statement::BindBlob(std::string_view bytes) {
  const char* const data = bytes.data() != nullptr ? bytes.data() : "";
  sqlite3_bind_blob64(handle_.get(), ++bound_, data, bytes.size(), SQLITE_STATIC);
  return *this;
}

Statement& Statement::BindNull() {
  sqlite3_bind_null(handle_.get(), ++bound_);
  return *this;
}

Status Statement::Run() {
  const int code = sqlite3_step(handle_.get());
  if (code != SQLITE_DONE && code != SQLITE_ROW) {
    Error error = database_->LastError(code);
    Reset();
    return Fail(std::move(error));
  }
  Reset();
  return {};
}

Result<bool> Statement::Step() {
  const int code = sqlite3_step(handle_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) {
    Reset();
    return false;
  }
  Error error = database_->LastError(code);
  Reset();
  return Fail(std::move(error));
}

void Statement::Reset() {
  sqlite3_reset(handle_.get());
  bound_ = 0;
}

std::string Statement::Text(int column) const {
  const void* const bytes = sqlite3_column_blob(handle_.get(), column);
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(handle_.get(), column));
  return size == 0 ? std::string() : std::string(static_cast<const char*>(bytes), size);
}

}  // namespace headrace::store
