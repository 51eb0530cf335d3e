#include "common/store/sqlite_log_writer.h"

#include "common/store/query.h"

namespace headrace::store {
namespace {

// Executions that wrote lately; those of others are read again from the file.
constexpr std::size_t kTalliesMax = 20'000;
// In `bytes_so_far` of the row that says that the rest is dropped.
constexpr std::int64_t kCapped = -1;

}  // namespace

Result<LogWriter> LogWriter::Make(Database& database, LogLimits limits) {
  LogWriter writer;
  writer.limits_ = limits;
  ASSIGN_OR_RETURN(writer.insert_, InsertStatement::Prepare(database, "INSERT INTO logs VALUES", "(?,?,?,?,?,?,?,?,?)"));
  ASSIGN_OR_RETURN(writer.last_,
                   Statement::Prepare(database, "SELECT line, bytes_so_far FROM logs WHERE execution = ? ORDER BY line DESC LIMIT 1"));
  return writer;
}

Result<LogTally*> LogWriter::TallyOf(const ExecutionId& execution) {
  if (const auto found = tallies_.find(execution); found != tallies_.end()) return &found->second;
  LogTally& tally = tallies_[execution];
  ASSIGN_OR_RETURN(const bool row, last_.Bind(execution.str()).Step());
  if (row) {
    tally.rows = static_cast<std::uint64_t>(last_.Integer(0));
    tally.capped = last_.Integer(1) == kCapped;
    tally.bytes = tally.capped ? 0 : static_cast<std::uint64_t>(last_.Integer(1));
    last_.Reset();
  }
  return &tally;
}

Status LogWriter::Write(std::vector<LogRow>& rows) {
  struct Line {
    const LogRow* row;
    std::uint64_t number;
    std::int64_t bytes_so_far;
  };
  // Only here: a tally also counts lines that are on their way into the file.
  if (tallies_.size() >= kTalliesMax) tallies_.clear();
  std::vector<Line> lines;
  lines.reserve(rows.size());
  for (LogRow& row : rows) {
    ASSIGN_OR_RETURN(LogTally* const tally, TallyOf(row.execution));
    if (!Admit(limits_, *tally, row)) continue;
    lines.push_back({&row, tally->rows, tally->capped ? kCapped : static_cast<std::int64_t>(tally->bytes)});
  }
  return insert_.Run(lines, [](Statement& statement, const Line& line) {
    const LogRow& row = *line.row;
    statement.Bind(row.execution.str()).Bind(static_cast<std::int64_t>(line.number));
    if (row.task_run) statement.Bind(*row.task_run);
    else statement.BindNull();
    statement.Bind(row.task_id).Bind(row.attempt).Bind(ToMicros(row.at)).Bind(LevelRank(row.level));
    statement.BindBlob(row.message).Bind(line.bytes_so_far);
  });
}

}  // namespace headrace::store
