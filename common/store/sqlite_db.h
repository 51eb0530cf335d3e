// SQLite's C interface as values: a connection, a prepared statement, and errors that name the file and the remedy.
// Threads: a connection and its statements belong to one thread at a time. For sqlite_*.cc only.
// Source: sqlite.org/c3ref.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/error.h"

namespace headrace::store {

class Database {
 public:
  enum class Mode { kWrite, kRead };
  static Result<Database> Open(const std::string& path, Mode mode);

  Status Execute(const char* sql);
  // What went wrong last, for people.
  Error LastError(int code) const;
  sqlite3* handle() const { return handle_.get(); }
  const std::string& path() const { return path_; }

 private:
  struct Close {
    void operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }
  };
  Database(std::string path, sqlite3* handle) : path_(std::move(path)), handle_(handle) {}

  std::string path_;
  std::unique_ptr<sqlite3, Close> handle_;
};

// Bound texts must live until the statement has been reset: nothing is copied. Parameters and columns count from 0.
class Statement {
 public:
  Statement() = default;
  static Result<Statement> Prepare(const Database& database, std::string_view sql);

  Statement& Bind(std::string_view text);
  Statement& Bind(std::int64_t number);
  Statement& BindBlob(std::string_view bytes);
  Statement& BindNull();
  // Runs a statement without rows and is ready to be bound again.
  Status Run();
  // True: there is a row. False: there is none (any more), and it is ready to be bound again.
  Result<bool> Step();
  void Reset();

  std::int64_t Integer(int column) const { return sqlite3_column_int64(handle_.get(), column); }
  std::string Text(int column) const;
  bool IsNull(int column) const { return sqlite3_column_type(handle_.get(), column) == SQLITE_NULL; }

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* handle) const { sqlite3_finalize(handle); }
  };
  const Database* database_ = nullptr;
  std::unique_ptr<sqlite3_stmt, Finalize> handle_;
  int bound_ = 0;
};

// One INSERT for a row and one for many: a statement a row costs a third more.
class InsertStatement {
 public:
  // `head` up to VALUES, the parameters of one row, what follows them.
  static Result<InsertStatement> Prepare(const Database& database, const std::string& head, const std::string& row,
                                         const std::string& tail = "");
  // `bind(statement, row)` binds one row; what it binds must live until the call returns.
  template <typename Rows, typename BindRow>
  Status Run(const Rows& rows, BindRow bind) {
    for (std::size_t at = 0; at < rows.size();) {
      const bool many = rows.size() - at >= kMany;
      Statement& statement = many ? many_ : one_;
      for (std::size_t left = many ? kMany : 1; left > 0; --left, ++at) bind(statement, rows[at]);
      RETURN_IF_ERROR(statement.Run());
    }
    return {};
  }

 private:
  static constexpr std::size_t kMany = 16;
  Statement one_;
  Statement many_;
};

}  // namespace headrace::store
