#include "common/store/query.h"
#include "common/store/sqlite_core.h"

namespace headrace::store {
namespace {

constexpr const char* kLatest =
    "SELECT ns, id, revision, digest, source, created, deleted FROM flows WHERE ns = ? AND id = ? ORDER BY revision DESC LIMIT 1";
constexpr const char* kAll =
    "SELECT ns, id, revision, digest, source, created, deleted FROM flows WHERE ns = ? AND id = ? ORDER BY revision";
constexpr const char* kOne =
    "SELECT ns, id, revision, digest, source, created, deleted FROM flows WHERE ns = ? AND id = ? AND revision = ?";
// The columns beside max() are those of the row that holds it.
constexpr const char* kLatestOfEvery =
    "SELECT ns, id, max(revision), digest, source, created, deleted FROM flows GROUP BY ns, id ORDER BY ns, id";

FlowRow RowOf(const Statement& row) {
  return {row.Text(0), row.Text(1), static_cast<int>(row.Integer(2)), row.Text(3),
          row.Text(4), FromMicros(row.Integer(5)), row.Integer(6) != 0};
}

Result<std::vector<FlowRow>> RowsOf(Statement& statement) {
  std::vector<FlowRow> rows;
  while (true) {
    ASSIGN_OR_RETURN(const bool row, statement.Step());
    if (!row) return rows;
    rows.push_back(RowOf(statement));
  }
}

Status PutRow(Database& database, FlowRow& flow) {
  ASSIGN_OR_RETURN(Statement latest, Statement::Prepare(database, kLatest));
  ASSIGN_OR_RETURN(const bool exists, latest.Bind(flow.ns).Bind(flow.id).Step());
  if (exists) {
    FlowRow stored = RowOf(latest);
    if (stored.digest == flow.digest && stored.deleted == flow.deleted) {
      flow = std::move(stored);
      return {};
    }
    flow.revision = stored.revision + 1;
  } else {
    flow.revision = 1;
  }
  ASSIGN_OR_RETURN(Statement insert, Statement::Prepare(database, "INSERT INTO flows VALUES(?,?,?,?,?,?,?)"));
  insert.Bind(flow.ns).Bind(flow.id).Bind(flow.revision).Bind(flow.digest).Bind(flow.source);
  return insert.Bind(ToMicros(flow.created)).Bind(std::int64_t{flow.deleted}).Run();
}

class SqliteFlowStore final : public FlowStore {
 public:
  explicit SqliteFlowStore(CorePtr core) : core_(std::move(core)) {}

  Result<FlowRow> Put(FlowRow flow) override {
    RETURN_IF_ERROR(core_->writer->Call([&](Database& database, BatchWriter&) { return PutRow(database, flow); }));
    return flow;
  }

  Result<FlowRow> Get(const std::string& ns, const std::string& id, int revision) override {
    ASSIGN_OR_RETURN(const ReaderPool::Lease reader, core_->readers.Take());
    ASSIGN_OR_RETURN(Statement statement, Statement::Prepare(reader.database(), revision == 0 ? kLatest : kOne));
    statement.Bind(ns).Bind(id);
    if (revision != 0) statement.Bind(revision);
    ASSIGN_OR_RETURN(const bool found, statement.Step());
    if (!found) return FlowNotFound(ns, id, revision);
    FlowRow row = RowOf(statement);
    if (revision == 0 && row.deleted) return FlowNotFound(ns, id, revision);
    return row;
  }

  Result<std::vector<FlowRow>> ListLatest(const std::string& ns_prefix) override {
    ASSIGN_OR_RETURN(const ReaderPool::Lease reader, core_->readers.Take());
    ASSIGN_OR_RETURN(Statement statement, Statement::Prepare(reader.database(), kLatestOfEvery));
    ASSIGN_OR_RETURN(std::vector<FlowRow> rows, RowsOf(statement));
    std::erase_if(rows, [&](const FlowRow& row) { return row.deleted || !InNamespace(row.ns, ns_prefix); });
    return rows;
  }

  Result<std::vector<FlowRow>> Revisions(const std::string& ns, const std::string& id) override {
    ASSIGN_OR_RETURN(const ReaderPool::Lease reader, core_->readers.Take());
    ASSIGN_OR_RETURN(Statement statement, Statement::Prepare(reader.database(), kAll));
    statement.Bind(ns).Bind(id);
    return RowsOf(statement);
  }

 private:
  const CorePtr core_;
};

}  // namespace

std::unique_ptr<FlowStore> MakeSqliteFlowStore(CorePtr core) { return std::make_unique<SqliteFlowStore>(std::move(core)); }

}  // namespace headrace::store
