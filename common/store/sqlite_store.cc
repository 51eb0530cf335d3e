#include "common/store/sqlite_store.h"

#include "common/store/sqlite_core.h"
#include "common/store/sqlite_schema.h"

namespace headrace::store {
namespace {

class SqliteStore final : public Store {
 public:
  explicit SqliteStore(CorePtr core) : core_(std::move(core)) {}
  // What `done` refers to may end with this store.
  ~SqliteStore() override { core_->writer->Drain(); }

  Result<Epoch> Acquire(PartitionId partition) override {
    Epoch epoch = 0;
    RETURN_IF_ERROR(core_->writer->Call([&](Database&, BatchWriter& batches) -> Status {
      ASSIGN_OR_RETURN(epoch, batches.RaiseEpoch(partition));
      return {};
    }));
    return epoch;
  }

  void Commit(WriteBatch batch, CommitDone done) override { core_->writer->Commit(std::move(batch), std::move(done)); }

  Result<PartitionSnapshot> Load(PartitionId partition) override {
    ASSIGN_OR_RETURN(const ReaderPool::Lease reader, core_->readers.Take());
    ASSIGN_OR_RETURN(const ReadTransaction transaction, ReadTransaction::Begin(reader.database()));
    PartitionSnapshot snapshot;
    RETURN_IF_ERROR(LoadActive(reader.database(), partition, snapshot));
    RETURN_IF_ERROR(LoadTimers(reader.database(), partition, snapshot));
    RETURN_IF_ERROR(LoadNotes(reader.database(), partition, snapshot));
    RETURN_IF_ERROR(LoadOutbox(reader.database(), partition, snapshot));
    return snapshot;
  }

  Result<StoredExecution> Read(const ExecutionId& id) override {
    ASSIGN_OR_RETURN(const ReaderPool::Lease reader, core_->readers.Take());
    ASSIGN_OR_RETURN(const ReadTransaction transaction, ReadTransaction::Begin(reader.database()));
    ASSIGN_OR_RETURN(const bool found, reader->execution.Bind(id.str()).Step());
    if (!found) return NotFound("execution " + id.str() + " does not exist");
    StoredExecution stored{reader->execution.Text(0), {}};
    reader->execution.Reset();
    reader->task_runs.Bind(id.str());
    while (true) {
      ASSIGN_OR_RETURN(const bool row, reader->task_runs.Step());
      if (!row) return stored;
      const auto index = static_cast<std::size_t>(reader->task_runs.Integer(0));
      if (stored.task_runs.size() <= index) stored.task_runs.resize(index + 1);
      stored.task_runs[index] = reader->task_runs.Text(1);
    }
  }

  Result<std::string> ReadRecord(const ExecutionId& id) override {
    ASSIGN_OR_RETURN(const ReaderPool::Lease reader, core_->readers.Take());
    ASSIGN_OR_RETURN(const bool found, reader->execution.Bind(id.str()).Step());
    if (!found) return NotFound("execution " + id.str() + " does not exist");
    std::string record = reader->execution.Text(0);
    reader->execution.Reset();
    return record;
  }

  Result<ExecutionPage> List(const ExecutionQuery& query) override {
    ASSIGN_OR_RETURN(const ReaderPool::Lease reader, core_->readers.Take());
    return ListExecutions(reader.database(), query);
  }

  Result<std::vector<FlowCount>> Count(const ExecutionQuery& query) override {
    ASSIGN_OR_RETURN(const ReaderPool::Lease reader, core_->readers.Take());
    return CountExecutions(reader.database(), query);
  }

  Result<std::optional<RequestRow>> FindRequest(const std::string& request_id) override {
    ASSIGN_OR_RETURN(const ReaderPool::Lease reader, core_->readers.Take());
    Statement& statement = reader->request;
    ASSIGN_OR_RETURN(const bool found, statement.Bind(request_id).Step());
    if (!found) return std::nullopt;
    RequestRow row{request_id, statement.Text(0), ExecutionId(statement.Text(1)), FromMicros(statement.Integer(2))};
    statement.Reset();
    if (row.expires <= core_->Now()) return std::nullopt;
    return row;
  }

 private:
  static Status LoadActive(Database& database, PartitionId partition, PartitionSnapshot& snapshot) {
    ASSIGN_OR_RETURN(Statement rows, Statement::Prepare(database, "SELECT id FROM active WHERE partition = ? ORDER BY id"));
    rows.Bind(partition);
    while (true) {
      ASSIGN_OR_RETURN(const bool row, rows.Step());
      if (!row) return {};
      snapshot.active.emplace_back(rows.Text(0));
    }
  }

  static Status LoadTimers(Database& database, PartitionId partition, PartitionSnapshot& snapshot) {
    ASSIGN_OR_RETURN(Statement rows, Statement::Prepare(database,
                                                        "SELECT execution, kind, task_run, attempt, due FROM timers WHERE "
                                                        "partition = ? ORDER BY execution, kind, task_run, attempt"));
    rows.Bind(partition);
    while (true) {
      ASSIGN_OR_RETURN(const bool row, rows.Step());
      if (!row) return {};
      const model::TimerId timer{static_cast<model::TimerKind>(rows.Integer(1)),
                                 static_cast<model::TaskRunIndex>(rows.Integer(2)),
                                 static_cast<std::uint32_t>(rows.Integer(3))};
      snapshot.timers.push_back({ExecutionId(rows.Text(0)), timer, FromMicros(rows.Integer(4))});
    }
  }

  static Status LoadOutbox(Database& database, PartitionId partition, PartitionSnapshot& snapshot) {
    ASSIGN_OR_RETURN(Statement rows,
                     Statement::Prepare(database, "SELECT id, record FROM outbox WHERE partition = ? ORDER BY id"));
    rows.Bind(partition);
    while (true) {
      ASSIGN_OR_RETURN(const bool row, rows.Step());
      if (!row) return {};
      snapshot.outbox.push_back({static_cast<std::uint64_t>(rows.Integer(0)), rows.Text(1)});
    }
  }

  static Status LoadNotes(Database& database, PartitionId partition, PartitionSnapshot& snapshot) {
    ASSIGN_OR_RETURN(Statement rows,
                     Statement::Prepare(database, "SELECT key, record FROM notes WHERE partition = ? ORDER BY key"));
    rows.Bind(partition);
    while (true) {
      ASSIGN_OR_RETURN(const bool row, rows.Step());
      if (!row) return {};
      snapshot.notes.push_back({rows.Text(0), rows.Text(1)});
    }
  }

  const CorePtr core_;
};

}  // namespace

Result<SqliteStores> OpenSqlite(const SqliteOptions& options) {
  ASSIGN_OR_RETURN(FileLock lock, FileLock::Take(options.path));
  ASSIGN_OR_RETURN(Database database, OpenForWriting(options));
  ASSIGN_OR_RETURN(std::unique_ptr<SqliteWriter> writer, SqliteWriter::Start(std::move(database), options));
  auto core = std::shared_ptr<SqliteCore>(
      new SqliteCore{std::move(lock), std::move(writer), ReaderPool(options.path), {}, options.clock});
  return SqliteStores{std::make_unique<SqliteStore>(core), MakeSqliteFlowStore(core), MakeSqliteLogStore(core)};
}

}  // namespace headrace::store
