#include <algorithm>
#include <mutex>
#include <unordered_map>

#include "common/store/log_cap.h"
#include "common/store/memory_store.h"
#include "common/store/query.h"

namespace headrace::store {
namespace {

class MemoryLogStore final : public LogStore {
 public:
  explicit MemoryLogStore(LogLimits limits) : limits_(limits) {}

  void Append(std::vector<LogRow> rows) override {
    std::lock_guard lock(mutex_);
    for (LogRow& row : rows) {
      Log& log = logs_[row.execution];
      if (Admit(limits_, log.tally, row)) log.lines.push_back({log.tally.rows, std::move(row)});
    }
  }

  void Flush() override {}

  Result<LogPage> Read(const LogQuery& query) override {
    std::lock_guard lock(mutex_);
    LogPage page;
    const auto found = logs_.find(query.execution);
    if (found == logs_.end()) return page;
    const std::vector<Line>& lines = found->second.lines;
    const int least = query.level_min.empty() ? 0 : LevelRank(query.level_min);
    auto at = std::upper_bound(lines.begin(), lines.end(), query.after,
                               [](std::uint64_t after, const Line& line) { return after < line.offset; });
    for (; at != lines.end() && page.rows.size() < query.limit; ++at) {
      if (!query.task_id.empty() && at->row.task_id != query.task_id) continue;
      if (LevelRank(at->row.level) < least) continue;
      page.rows.push_back(at->row);
      page.offsets.push_back(at->offset);
    }
    return page;
  }

  Result<std::uint64_t> Purge(const LogPurge& purge) override {
    std::lock_guard lock(mutex_);
    std::uint64_t purged = 0;
    for (const ExecutionId& id : purge.executions) {
      const auto found = logs_.find(id);
      if (found == logs_.end()) continue;
      // The tally stays: offsets go on from it.
      purged += std::erase_if(found->second.lines, [&](const Line& line) { return Matches(purge, line.row); });
    }
    return purged;
  }

 private:
  struct Line {
    std::uint64_t offset;
    LogRow row;
  };
  struct Log {
    LogTally tally;
    std::vector<Line> lines;
  };
  const LogLimits limits_;
  std::mutex mutex_;
  std::unordered_map<ExecutionId, Log> logs_;
};

}  // namespace

std::unique_ptr<LogStore> MakeMemoryLogStore(LogLimits limits) { return std::make_unique<MemoryLogStore>(limits); }

}  // namespace headrace::store
