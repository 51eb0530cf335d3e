#include "common/store/sqlite_readers.h"

#include "common/store/sqlite_schema.h"

namespace headrace::store {
namespace {

constexpr std::size_t kIdleMax = 8;

}  // namespace

Result<ReaderPool::Lease> ReaderPool::Take() {
  {
    std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      std::unique_ptr<Reader> reader = std::move(idle_.back());
      idle_.pop_back();
      return Lease(*this, std::move(reader));
    }
  }
  ASSIGN_OR_RETURN(Database database, OpenForReading(path_));
  auto reader = std::make_unique<Reader>();
  reader->database = std::make_unique<Database>(std::move(database));
  const Database& opened = *reader->database;
  ASSIGN_OR_RETURN(reader->execution, Statement::Prepare(opened, "SELECT record FROM executions WHERE id = ?"));
  ASSIGN_OR_RETURN(reader->task_runs,
                   Statement::Prepare(opened, "SELECT idx, record FROM task_runs WHERE execution = ? ORDER BY idx"));
  ASSIGN_OR_RETURN(reader->request,
                   Statement::Prepare(opened, "SELECT digest, execution, expires FROM requests WHERE id = ?"));
  return Lease(*this, std::move(reader));
}

void ReaderPool::GiveBack(std::unique_ptr<Reader> reader) {
  std::lock_guard lock(mutex_);
  if (idle_.size() < kIdleMax) idle_.push_back(std::move(reader));
}

}  // namespace headrace::store
