#include "common/store/query.h"
#include "common/store/redis_core.h"
#include "common/store/redis_layout.h"
#include "common/store/redis_library.h"

namespace headrace::store {
namespace {

constexpr std::int64_t kBytesAtOnce = 1024 * 1024;

class RedisLogStore final : public LogStore {
 public:
  explicit RedisLogStore(RedisCorePtr core) : core_(std::move(core)) {}
  ~RedisLogStore() override {
    core_->logs->Hurry(core_->options.ending);
    core_->logs->Flush();
  }

  void Append(std::vector<LogRow> rows) override { core_->logs->Append(std::move(rows)); }
  void Flush() override { core_->logs->Flush(); }

  Result<LogPage> Read(const LogQuery& query) override {
    LogPage page;
    const int least = query.level_min.empty() ? 0 : LevelRank(query.level_min);
    std::uint64_t after = query.after;
    while (page.rows.size() < query.limit) {
      ASSIGN_OR_RETURN(const std::vector<std::string> chunks, ReadChunks(query.execution, after + 1));
      const std::uint64_t before = after;
      for (const std::string& packed : chunks) {
        ASSIGN_OR_RETURN(LogChunk chunk, UnpackLogChunk(query.execution, packed));
        for (LogLine& line : chunk.lines) {
          if (line.offset <= after) continue;
          after = line.offset;
          if (page.rows.size() == query.limit) return page;
          if (!query.task_id.empty() && line.row.task_id != query.task_id) continue;
          if (LevelRank(line.row.level) < least) continue;
          page.rows.push_back(std::move(line.row));
          page.offsets.push_back(line.offset);
        }
      }
      if (after == before) return page;
    }
    return page;
  }

  Result<std::uint64_t> Purge(const LogPurge& purge) override {
    std::uint64_t purged = 0;
    for (const ExecutionId& id : purge.executions) {
      std::uint64_t next = 1;
      while (next != 0) {
        ASSIGN_OR_RETURN(next, PurgeSome(purge, id, next, purged));
      }
    }
    return purged;
  }

 private:
  Result<std::vector<std::string>> ReadChunks(const ExecutionId& id, std::uint64_t offset) {
    Command call = FunctionCall("read_log", LogKey(id.str()));
    call.Add(offset).Add(kBytesAtOnce);
    ASSIGN_OR_RETURN(Reply reply, core_->pool.Call(std::move(call)));
    std::vector<std::string> chunks;
    for (Reply& item : reply.items) chunks.push_back(std::move(item.text));
    return chunks;
  }

  // From this offset on; answers where to go on, 0 at the end.
  Result<std::uint64_t> PurgeSome(const LogPurge& purge, const ExecutionId& id, std::uint64_t from, std::uint64_t& purged) {
    ASSIGN_OR_RETURN(const std::vector<std::string> chunks, ReadChunks(id, from));
    std::uint64_t next = 0;
    for (const std::string& packed : chunks) {
      ASSIGN_OR_RETURN(LogChunk chunk, UnpackLogChunk(id, packed));
      if (chunk.lines.empty() || chunk.lines.back().offset < from) continue;
      next = chunk.lines.back().offset + 1;
      const std::size_t gone = std::erase_if(chunk.lines, [&](const LogLine& line) { return Matches(purge, line.row); });
      if (gone == 0) continue;
      Command call = FunctionCall("swap_log", LogKey(id.str()));
      call.Add(packed).Add(chunk.lines.empty() ? std::string() : PackLogChunk(chunk.first, chunk.lines));
      ASSIGN_OR_RETURN(const Reply reply, core_->pool.Call(std::move(call)));
      if (reply.integer == 1) purged += gone;
    }
    return next;
  }

  const RedisCorePtr core_;
};

}  // namespace

std::unique_ptr<LogStore> MakeRedisLogStore(RedisCorePtr core) { return std::make_unique<RedisLogStore>(std::move(core)); }

}  // namespace headrace::store
