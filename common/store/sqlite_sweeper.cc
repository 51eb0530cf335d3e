#include "common/store/sqlite_sweeper.h"

namespace headrace::store {
namespace {

constexpr std::int64_t kRowsAtOnce = 500;

}  // namespace

Result<Sweeper> Sweeper::Make(Database& database) {
  Sweeper sweeper;
  sweeper.database_ = &database;
  const std::pair<Statement*, const char*> statements[] = {
      {&sweeper.delete_execution_, "DELETE FROM executions WHERE id = ?"},
      {&sweeper.add_, "INSERT OR IGNORE INTO purged VALUES(?)"},
      {&sweeper.done_, "DELETE FROM purged WHERE execution = ?"},
      {&sweeper.task_runs_,
       "DELETE FROM task_runs WHERE execution = ?1 AND idx IN "
       "(SELECT idx FROM task_runs WHERE execution = ?1 ORDER BY idx LIMIT ?2)"},
      {&sweeper.logs_,
       "DELETE FROM logs WHERE execution = ?1 AND line IN "
       "(SELECT line FROM logs WHERE execution = ?1 ORDER BY line LIMIT ?2)"},
  };
  for (const auto& [statement, sql] : statements) {
    ASSIGN_OR_RETURN(*statement, Statement::Prepare(database, sql));
  }
  ASSIGN_OR_RETURN(Statement rows, Statement::Prepare(database, "SELECT execution FROM purged"));
  while (true) {
    ASSIGN_OR_RETURN(const bool row, rows.Step());
    if (!row) return sweeper;
    sweeper.left_.insert(rows.Text(0));
  }
}

Status Sweeper::Delete(const ExecutionId& id) {
  RETURN_IF_ERROR(delete_execution_.Bind(id.str()).Run());
  if (sqlite3_changes(database_->handle()) == 0) return {};
  RETURN_IF_ERROR(add_.Bind(id.str()).Run());
  left_.insert(id.str());
  return {};
}

Status Sweeper::MakeRoom(const std::string& id) {
  if (left_.empty() || !left_.contains(id)) return {};
  while (true) {
    ASSIGN_OR_RETURN(const bool gone, SweepSome(id));
    if (gone) return {};
  }
}

Status Sweeper::Sweep() {
  if (left_.empty()) return {};
  const std::string id = *left_.begin();
  ASSIGN_OR_RETURN(const bool gone, SweepSome(id));
  static_cast<void>(gone);
  return {};
}

Result<bool> Sweeper::SweepSome(const std::string& id) {
  for (Statement* statement : {&task_runs_, &logs_}) {
    RETURN_IF_ERROR(statement->Bind(id).Bind(kRowsAtOnce).Run());
    if (sqlite3_changes(database_->handle()) >= kRowsAtOnce) return false;
  }
  RETURN_IF_ERROR(done_.Bind(id).Run());
  left_.erase(id);
  return true;
}

}  // namespace headrace::store
