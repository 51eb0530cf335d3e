// Connections for reading: as many as threads read at once, kept for the next.
// Threads: any; a lease belongs to the thread that took it.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "common/store/sqlite_db.h"

namespace headrace::store {

struct Reader {
  std::unique_ptr<Database> database;
  Statement execution, task_runs, request;
};

class ReaderPool {
 public:
  explicit ReaderPool(std::string path) : path_(std::move(path)) {}

  class Lease {
   public:
    Lease(ReaderPool& pool, std::unique_ptr<Reader> reader) : pool_(&pool), reader_(std::move(reader)) {}
    Lease(Lease&&) = default;
    ~Lease() {
      if (reader_) pool_->GiveBack(std::move(reader_));
    }
    Reader* operator->() const { return reader_.get(); }
    Database& database() const { return *reader_->database; }

   private:
    ReaderPool* pool_;
    std::unique_ptr<Reader> reader_;
  };

  Result<Lease> Take();

 private:
  void GiveBack(std::unique_ptr<Reader> reader);

  const std::string path_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Reader>> idle_;
};

// Several statements that see one state of the store.
class ReadTransaction {
 public:
  static Result<ReadTransaction> Begin(Database& database) {
    RETURN_IF_ERROR(database.Execute("BEGIN"));
    return ReadTransaction(database);
  }
  ReadTransaction(ReadTransaction&& other) noexcept : database_(std::exchange(other.database_, nullptr)) {}
  ~ReadTransaction() {
    if (database_ != nullptr) (void)database_->Execute("COMMIT");
  }

 private:
  explicit ReadTransaction(Database& database) : database_(&database) {}
  Database* database_;
};

}  // namespace headrace::store
