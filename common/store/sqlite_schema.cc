#include "common/store/sqlite_schema.h"

namespace headrace::store {
namespace {

// Rows are clustered by their keys, and ids rise with time: new rows go to the end of each table.
constexpr const char* kTables = R"sql(
BEGIN IMMEDIATE;
CREATE TABLE partitions(partition INTEGER PRIMARY KEY, epoch INTEGER NOT NULL);
CREATE TABLE executions(
  id TEXT PRIMARY KEY NOT NULL, partition INTEGER NOT NULL, ns TEXT NOT NULL, flow_id TEXT NOT NULL, state TEXT NOT NULL,
  created INTEGER NOT NULL, ended INTEGER, parent TEXT, labels BLOB, notable INTEGER, record BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX executions_created ON executions(created);
CREATE INDEX executions_flow ON executions(ns, flow_id, created);
CREATE INDEX executions_parent ON executions(parent, created) WHERE parent IS NOT NULL;
CREATE INDEX executions_notable ON executions(state, created) WHERE notable IS NOT NULL;
CREATE TABLE active(partition INTEGER NOT NULL, id TEXT NOT NULL, PRIMARY KEY(partition, id)) WITHOUT ROWID;
CREATE TABLE task_runs(
  execution TEXT NOT NULL, idx INTEGER NOT NULL, record BLOB NOT NULL, PRIMARY KEY(execution, idx)) WITHOUT ROWID;
CREATE TABLE timers(
  partition INTEGER NOT NULL, execution TEXT NOT NULL, kind INTEGER NOT NULL, task_run INTEGER NOT NULL,
  attempt INTEGER NOT NULL, due INTEGER NOT NULL,
  PRIMARY KEY(partition, execution, kind, task_run, attempt)) WITHOUT ROWID;
CREATE TABLE outbox(
  partition INTEGER NOT NULL, id INTEGER NOT NULL, record BLOB NOT NULL, PRIMARY KEY(partition, id)) WITHOUT ROWID;
CREATE TABLE requests(
  id TEXT PRIMARY KEY NOT NULL, digest TEXT NOT NULL, execution TEXT NOT NULL, expires INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE flows(
  ns TEXT NOT NULL, id TEXT NOT NULL, revision INTEGER NOT NULL, digest TEXT NOT NULL, source TEXT NOT NULL,
  created INTEGER NOT NULL, deleted INTEGER NOT NULL, PRIMARY KEY(ns, id, revision));
CREATE TABLE logs(
  execution TEXT NOT NULL, line INTEGER NOT NULL, task_run INTEGER, task_id TEXT NOT NULL, attempt INTEGER NOT NULL,
  at INTEGER NOT NULL, level INTEGER NOT NULL, message BLOB NOT NULL, bytes_so_far INTEGER NOT NULL,
  PRIMARY KEY(execution, line)) WITHOUT ROWID;
)sql";

// Executions that were deleted and whose task runs and logs are still to be swept. Older files get it when opened.
constexpr const char* kPurged = "CREATE TABLE IF NOT EXISTS purged(execution TEXT PRIMARY KEY NOT NULL) WITHOUT ROWID";

// What no execution owns. Older files get it when opened.
constexpr const char* kNotes =
    "CREATE TABLE IF NOT EXISTS notes(partition INTEGER NOT NULL, key TEXT NOT NULL, record BLOB NOT NULL, "
    "PRIMARY KEY(partition, key)) WITHOUT ROWID";

Result<std::int64_t> ReadPragma(const Database& database, std::string_view sql) {
  ASSIGN_OR_RETURN(Statement statement, Statement::Prepare(database, sql));
  ASSIGN_OR_RETURN(const bool row, statement.Step());
  return row ? statement.Integer(0) : 0;
}

Status CreateTables(Database& database) {
  std::string sql = kTables;
  sql += "PRAGMA application_id = " + std::to_string(kApplicationId) + ";";
  sql += "PRAGMA user_version = " + std::to_string(kSchemaVersion) + ";COMMIT;";
  return database.Execute(sql.c_str());
}

Status CheckOrCreate(Database& database) {
  ASSIGN_OR_RETURN(const std::int64_t application, ReadPragma(database, "PRAGMA application_id"));
  ASSIGN_OR_RETURN(const std::int64_t version, ReadPragma(database, "PRAGMA user_version"));
  ASSIGN_OR_RETURN(const std::int64_t tables, ReadPragma(database, "SELECT count(*) FROM sqlite_schema"));
  if (tables == 0) return CreateTables(database);
  if (application != kApplicationId) {
    return Fail(Code::kFailedPrecondition,
                "store file " + database.path() + " belongs to another program: name another file, it will be created");
  }
  if (version > kSchemaVersion) {
    return Fail(Code::kFailedPrecondition, "store file " + database.path() + " has schema version " + std::to_string(version) +
                                               ", this headrace knows up to " + std::to_string(kSchemaVersion) +
                                               ": run the newer headrace that wrote it, or restore a backup from before");
  }
  return {};
}

}  // namespace

Result<Database> OpenForWriting(const SqliteOptions& options) {
  ASSIGN_OR_RETURN(Database database, Database::Open(options.path, Database::Mode::kWrite));
  RETURN_IF_ERROR(database.Execute("PRAGMA journal_mode = WAL"));
  RETURN_IF_ERROR(CheckOrCreate(database));
  RETURN_IF_ERROR(database.Execute(kPurged));
  RETURN_IF_ERROR(database.Execute(kNotes));
  RETURN_IF_ERROR(database.Execute(options.durability == Durability::kFull ? "PRAGMA synchronous = FULL"
                                                                          : "PRAGMA synchronous = NORMAL"));
  // 8 MiB of cache holds the growing ends of every table (64 were no faster, and grew with what waits); what is copied from
  // the log at once is 64 MiB.
  RETURN_IF_ERROR(database.Execute("PRAGMA cache_size = -8192; PRAGMA wal_autocheckpoint = 16384"));
  // Debian's build zeroes what is deleted, which costs a third of the time here; secrets never enter a store.
  RETURN_IF_ERROR(database.Execute("PRAGMA secure_delete = OFF"));
  return database;
}

Result<Database> OpenForReading(const std::string& path) {
  ASSIGN_OR_RETURN(Database database, Database::Open(path, Database::Mode::kRead));
  RETURN_IF_ERROR(database.Execute("PRAGMA cache_size = -4096; PRAGMA query_only = 1"));
  return database;
}

}  // namespace headrace::store
