#include "common/store/query.h"
#include "common/store/sqlite_core.h"

namespace headrace::store {
namespace {

constexpr const char* kLines =
    "SELECT line, task_run, task_id, attempt, at, level, message FROM logs WHERE execution = ? AND line > ? "
    "AND level >= ? AND (? = '' OR task_id = ?) ORDER BY line LIMIT ?";

class SqliteLogStore final : public LogStore {
 public:
  explicit SqliteLogStore(CorePtr core) : core_(std::move(core)) {}

  void Append(std::vector<LogRow> rows) override { core_->writer->AppendLogs(std::move(rows)); }
  void Flush() override { core_->writer->FlushLogs(); }

  Result<LogPage> Read(const LogQuery& query) override {
    ASSIGN_OR_RETURN(const ReaderPool::Lease reader, core_->readers.Take());
    ASSIGN_OR_RETURN(Statement rows, Statement::Prepare(reader.database(), kLines));
    rows.Bind(query.execution.str()).Bind(static_cast<std::int64_t>(query.after));
    rows.Bind(query.level_min.empty() ? 0 : LevelRank(query.level_min)).Bind(query.task_id).Bind(query.task_id);
    rows.Bind(static_cast<std::int64_t>(query.limit));
    LogPage page;
    while (true) {
      ASSIGN_OR_RETURN(const bool row, rows.Step());
      if (!row) return page;
      page.offsets.push_back(static_cast<std::uint64_t>(rows.Integer(0)));
      LogRow& line = page.rows.emplace_back();
      line.execution = query.execution;
      if (!rows.IsNull(1)) line.task_run = static_cast<model::TaskRunIndex>(rows.Integer(1));
      line.task_id = rows.Text(2);
      line.attempt = static_cast<std::uint32_t>(rows.Integer(3));
      line.at = FromMicros(rows.Integer(4));
      line.level = LevelOfRank(static_cast<int>(rows.Integer(5)));
      line.message = rows.Text(6);
    }
  }

 private:
  const CorePtr core_;
};

}  // namespace

std::unique_ptr<LogStore> MakeSqliteLogStore(CorePtr core) { return std::make_unique<SqliteLogStore>(std::move(core)); }

}  // namespace headrace::store
