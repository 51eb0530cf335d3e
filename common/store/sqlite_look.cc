#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "common/store/look.h"
#include "common/store/sqlite_readers.h"
#include "common/store/sqlite_schema.h"

namespace headrace::store {
namespace {

// Who has the lock on the file. Asked of the system: to try the lock could keep a scheduler from starting.
std::string HolderOf(const std::string& path) {
  struct stat status {};
  if (stat((path + ".lock").c_str(), &status) != 0) return {};
  std::ifstream locks("/proc/locks");
  const std::string inode = ":" + std::to_string(status.st_ino) + " ";
  for (std::string line; std::getline(locks, line);) {
    if (line.find("FLOCK") == std::string::npos || line.find(inode) == std::string::npos) continue;
    std::string pid;
    std::ifstream(path + ".lock") >> pid;
    return "process " + (pid.empty() ? "?" : pid);
  }
  return {};
}

// Each row of a query, which has one parameter.
template <typename Parameter, typename Each>
Status ForRows(Database& database, std::string_view sql, const Parameter& parameter, Each each) {
  ASSIGN_OR_RETURN(Statement rows, Statement::Prepare(database, sql));
  rows.Bind(parameter);
  while (true) {
    ASSIGN_OR_RETURN(const bool row, rows.Step());
    if (!row) return {};
    each(rows);
  }
}

class SqliteLook final : public StoreLook {
 public:
  explicit SqliteLook(Database database) : database_(std::move(database)) {}

  Result<std::vector<PartitionId>> Partitions() override {
    std::vector<PartitionId> partitions;
    RETURN_IF_ERROR(ForRows(database_, "SELECT partition FROM partitions WHERE partition >= ? ORDER BY partition", std::int64_t{0},
                            [&](const Statement& row) { partitions.push_back(static_cast<PartitionId>(row.Integer(0))); }));
    return partitions;
  }

  Result<PartitionLook> Look(PartitionId partition) override {
    ASSIGN_OR_RETURN(const ReadTransaction transaction, ReadTransaction::Begin(database_));
    const std::int64_t number = partition;
    PartitionLook look;
    look.holder = {partition, HolderOf(database_.path())};
    look.leased = false;
    PartitionSnapshot& found = look.found;
    RETURN_IF_ERROR(ForRows(database_, "SELECT epoch FROM partitions WHERE partition = ?", number,
                            [&](const Statement& row) { look.holder.epoch = static_cast<Epoch>(row.Integer(0)); }));
    RETURN_IF_ERROR(ForRows(database_, "SELECT id FROM active WHERE partition = ? ORDER BY id", number,
                            [&](const Statement& row) { found.active.emplace_back(row.Text(0)); }));
    RETURN_IF_ERROR(ForRows(database_, "SELECT execution, kind, task_run, attempt, due FROM timers WHERE partition = ?", number, [&](const Statement& row) {
      const model::TimerId timer{static_cast<model::TimerKind>(row.Integer(1)), static_cast<model::TaskRunIndex>(row.Integer(2)),
                                 static_cast<std::uint32_t>(row.Integer(3))};
      found.timers.push_back({ExecutionId(row.Text(0)), timer, FromMicros(row.Integer(4))});
    }));
    RETURN_IF_ERROR(ForRows(database_, "SELECT id, record FROM outbox WHERE partition = ? ORDER BY id", number, [&](const Statement& row) {
      found.outbox.push_back({static_cast<std::uint64_t>(row.Integer(0)), row.Text(1)});
    }));
    // A file that no newer headrace has opened for writing may lack the table.
    bool has_notes = false;
    RETURN_IF_ERROR(ForRows(database_, "SELECT 1 FROM sqlite_schema WHERE name = ?", std::string_view("notes"), [&](const Statement&) { has_notes = true; }));
    if (has_notes) {
      RETURN_IF_ERROR(ForRows(database_, "SELECT key, record FROM notes WHERE partition = ? ORDER BY key", number,
                              [&](const Statement& row) { found.notes.push_back({row.Text(0), row.Text(1)}); }));
    }
    return look;
  }

  Status EachExecution(PartitionId partition, bool all_task_runs, const std::function<void(const ExecutionLook&)>& each) override {
    ASSIGN_OR_RETURN(const ReadTransaction transaction, ReadTransaction::Begin(database_));
    ASSIGN_OR_RETURN(Statement runs, Statement::Prepare(database_, kTaskRuns));
    Status failure;
    RETURN_IF_ERROR(ForRows(database_, std::string(kExecutions) + " WHERE e.partition = ? ORDER BY e.id", std::int64_t{partition}, [&](const Statement& row) {
      ExecutionLook look = LookOf(row);
      if (failure && (all_task_runs || look.active)) failure = AddTaskRuns(runs, look);
      each(look);
    }));
    return failure;
  }

  Result<ExecutionLook> Find(const ExecutionId& id) override {
    ASSIGN_OR_RETURN(const ReadTransaction transaction, ReadTransaction::Begin(database_));
    std::optional<ExecutionLook> look;
    RETURN_IF_ERROR(ForRows(database_, std::string(kExecutions) + " WHERE e.id = ?", std::string_view(id.str()), [&](const Statement& row) { look = LookOf(row); }));
    if (!look) return NotFound("execution " + id.str() + " does not exist in " + database_.path());
    ASSIGN_OR_RETURN(Statement runs, Statement::Prepare(database_, kTaskRuns));
    RETURN_IF_ERROR(AddTaskRuns(runs, *look));
    return std::move(*look);
  }

 private:
  static constexpr std::string_view kExecutions =
      "SELECT e.id, e.partition, e.state, e.record, EXISTS(SELECT 1 FROM active a WHERE a.partition = e.partition AND a.id = e.id) FROM executions e";
  static constexpr std::string_view kTaskRuns = "SELECT idx, record FROM task_runs WHERE execution = ? ORDER BY idx";

  static ExecutionLook LookOf(const Statement& row) {
    ExecutionLook look{.id = ExecutionId(row.Text(0)), .partition = static_cast<PartitionId>(row.Integer(1)), .active = row.Integer(4) != 0,
                       .state = model::ParseState(row.Text(2))};
    look.stored.record = row.Text(3);
    return look;
  }

  static Status AddTaskRuns(Statement& rows, ExecutionLook& look) {
    rows.Bind(look.id.str());
    while (true) {
      ASSIGN_OR_RETURN(const bool row, rows.Step());
      if (!row) return {};
      const auto index = static_cast<std::size_t>(rows.Integer(0));
      if (look.stored.task_runs.size() <= index) look.stored.task_runs.resize(index + 1);
      look.stored.task_runs[index] = rows.Text(1);
    }
  }

  Database database_;
};

}  // namespace

Result<std::unique_ptr<StoreLook>> LookAtSqlite(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return NotFound("there is no store file " + path + ": name the data folder of a scheduler with --data");
  ASSIGN_OR_RETURN(Database database, OpenForReading(path));
  for (const auto& [pragma, most, what] : {std::tuple{"PRAGMA application_id", kApplicationId, "belongs to another program"},
                                          std::tuple{"PRAGMA user_version", kSchemaVersion, "was written by a newer headrace: use that one"}}) {
    ASSIGN_OR_RETURN(Statement asked, Statement::Prepare(database, pragma));
    ASSIGN_OR_RETURN(const bool row, asked.Step());
    const std::int64_t number = row ? asked.Integer(0) : 0;
    if (number == 0 || number > most) return Fail(Code::kFailedPrecondition, "store file " + path + " " + what);
  }
  return std::make_unique<SqliteLook>(std::move(database));
}

}  // namespace headrace::store
