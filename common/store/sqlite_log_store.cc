#include <limits>

#include "common/store/query.h"
#include "common/store/sqlite_core.h"

namespace headrace::store {
namespace {

constexpr const char* kLines =
    "SELECT line, task_run, task_id, attempt, at, level, message FROM logs WHERE execution = ? AND line > ? "
    "AND level >= ? AND (? = '' OR task_id = ?) ORDER BY line LIMIT ?";

// The last line of an execution stays as a tombstone of this level: its number and its bytes are the tally of the cap, and
// no later line gets the same number. Every read asks for level 0 at least.
constexpr int kTombstone = -1;
// In one transaction: bounds how long a commit waits.
constexpr std::int64_t kPurgedAtOnce = 2'000;

constexpr const char* kPurgeLines =
    "DELETE FROM logs WHERE execution = ?1 AND line IN (SELECT line FROM logs WHERE execution = ?1 "
    "AND line < (SELECT max(line) FROM logs WHERE execution = ?1) AND level >= 0 AND ((?2 >> level) & 1) = 1 "
    "AND at >= ?3 AND at < ?4 ORDER BY line LIMIT ?5)";
constexpr const char* kPurgeLast =
    "UPDATE logs SET level = ?5, task_run = NULL, task_id = '', attempt = 0, message = x'' WHERE execution = ?1 "
    "AND line = (SELECT max(line) FROM logs WHERE execution = ?1) AND level >= 0 AND ((?2 >> level) & 1) = 1 "
    "AND at >= ?3 AND at < ?4";

// Executions one after another, from `next` on, until enough rows are gone for one transaction.
class Purger {
 public:
  explicit Purger(const LogPurge& purge) : purge_(purge) {
    for (const std::string& level : purge.levels) levels_ |= std::int64_t{1} << LevelRank(level);
    if (purge.levels.empty()) levels_ = (1 << 5) - 1;
  }
  bool done() const { return next_ == purge_.executions.size(); }
  std::uint64_t purged() const { return purged_; }

  Status Slice(Database& database) {
    ASSIGN_OR_RETURN(Statement lines, Statement::Prepare(database, kPurgeLines));
    ASSIGN_OR_RETURN(Statement last, Statement::Prepare(database, kPurgeLast));
    for (std::int64_t left = kPurgedAtOnce; !done() && left > 0; ++next_) {
      ASSIGN_OR_RETURN(const std::int64_t gone, Run(database, lines, left));
      left -= gone;
      if (left <= 0) return {};  // there may be more of it
      ASSIGN_OR_RETURN(const std::int64_t ended, Run(database, last, kTombstone));
      left -= ended;
    }
    return {};
  }

 private:
  Result<std::int64_t> Run(Database& database, Statement& statement, std::int64_t fifth) {
    const std::string& id = purge_.executions[next_].str();
    statement.Bind(id).Bind(levels_);
    statement.Bind(purge_.from ? ToMicros(*purge_.from) : std::numeric_limits<std::int64_t>::min());
    statement.Bind(purge_.before ? ToMicros(*purge_.before) : std::numeric_limits<std::int64_t>::max());
    RETURN_IF_ERROR(statement.Bind(fifth).Run());
    const std::int64_t rows = sqlite3_changes(database.handle());
    purged_ += static_cast<std::uint64_t>(rows);
    return rows;
  }

  const LogPurge& purge_;
  std::int64_t levels_ = 0;
  std::size_t next_ = 0;
  std::uint64_t purged_ = 0;
};

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

  Result<std::uint64_t> Purge(const LogPurge& purge) override {
    Purger purger(purge);
    while (!purger.done()) {
      RETURN_IF_ERROR(core_->writer->Call([&](Database& database, BatchWriter&) { return purger.Slice(database); }));
    }
    return purger.purged();
  }

 private:
  const CorePtr core_;
};

}  // namespace

std::unique_ptr<LogStore> MakeSqliteLogStore(CorePtr core) { return std::make_unique<SqliteLogStore>(std::move(core)); }

}  // namespace headrace::store
