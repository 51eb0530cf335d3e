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
      if (Admit(limits_, log.tally, row)) log.rows.push_back(std::move(row));
    }
  }

  void Flush() override {}

  Result<LogPage> Read(const LogQuery& query) override {
    std::lock_guard lock(mutex_);
    LogPage page;
    const auto found = logs_.find(query.execution);
    if (found == logs_.end()) return page;
    const std::vector<LogRow>& rows = found->second.rows;
    const int least = query.level_min.empty() ? 0 : LevelRank(query.level_min);
    for (std::size_t at = query.after; at < rows.size() && page.rows.size() < query.limit; ++at) {
      if (!query.task_id.empty() && rows[at].task_id != query.task_id) continue;
      if (LevelRank(rows[at].level) < least) continue;
      page.rows.push_back(rows[at]);
      page.offsets.push_back(at + 1);
    }
    return page;
  }

 private:
  struct Log {
    LogTally tally;
    std::vector<LogRow> rows;
  };
  const LogLimits limits_;
  std::mutex mutex_;
  std::unordered_map<ExecutionId, Log> logs_;
};

}  // namespace

std::unique_ptr<LogStore> MakeMemoryLogStore(LogLimits limits) { return std::make_unique<MemoryLogStore>(limits); }

}  // namespace headrace::store
