#include <algorithm>
#include <set>

#include "common/store/look.h"
#include "common/store/redis_layout.h"
#include "common/store/redis_pool.h"

namespace headrace::store {
namespace {

constexpr std::size_t kFlowBytes = 4;
constexpr std::size_t kRowsAtOnce = 256;
constexpr std::size_t kPlacesAtOnce = 1000;
constexpr const char* kFieldsAtOnce = "1000";
constexpr const char* kFormat = "1";

class RedisLook final : public StoreLook {
 public:
  explicit RedisLook(const RedisOptions& options, RedisAddress address)
      : locator_(std::move(address)), pool_(locator_, {.connect = options.connect, .reply = options.reply, .total = options.read_patience}) {}

  // By functions or scripts nothing is asked: they would have to be put there first.
  Status Check() {
    ASSIGN_OR_RETURN(const Reply known, pool_.Call({"HGET", kIdentityKey, "format"}));
    const std::string place = locator_.address().ToString();
    if (known.text.empty()) return NotFound("Redis at " + place + " holds no store of headrace: name the one that schedulers have as --store, with its database");
    if (known.text == kFormat) return {};
    return Fail(Code::kFailedPrecondition, "the data in Redis at " + place + " has format " + known.text + ", this headrace knows " + kFormat + ": use the headrace that wrote it");
  }

  Result<std::vector<PartitionId>> Partitions() override {
    ASSIGN_OR_RETURN(const Reply reply, pool_.Call({"SMEMBERS", "{hr}:in_use"}));
    std::vector<PartitionId> partitions;
    for (const Reply& item : reply.items) partitions.push_back(static_cast<PartitionId>(item.number()));
    std::sort(partitions.begin(), partitions.end());
    return partitions;
  }

  Result<PartitionLook> Look(PartitionId partition) override {
    PartitionLook look;
    RETURN_IF_ERROR(AddHolder(partition, look));
    ASSIGN_OR_RETURN(look.found.active, Active(partition));
    const auto damaged = [&look](const Error& error) { look.damaged.push_back(error.message); };
    RETURN_IF_ERROR(ForEachField(partition, "d", [&](const std::string& field, const std::string& value) {
      if (auto timer = UnpackTimer(field, value)) look.found.timers.push_back(std::move(*timer));
      else damaged(timer.error());
    }));
    RETURN_IF_ERROR(ForEachField(partition, "o", [&](const std::string& field, const std::string& value) {
      if (auto row = UnpackOutbox(field, value)) look.found.outbox.push_back(std::move(*row));
      else damaged(row.error());
    }));
    RETURN_IF_ERROR(ForEachField(partition, "s", [&](const std::string& field, const std::string& value) {
      if (auto record = UnpackRecord(value)) look.found.notes.push_back({field, std::move(*record)});
      else damaged(Error{Code::kDataLoss, "note " + field + " does not pass its checksum", {}});
    }));
    std::sort(look.found.outbox.begin(), look.found.outbox.end(), [](const OutboxRow& a, const OutboxRow& b) { return a.id < b.id; });
    return look;
  }

  Status EachExecution(PartitionId partition, bool all_task_runs, const std::function<void(const ExecutionLook&)>& each) override {
    ASSIGN_OR_RETURN(const std::vector<ExecutionId> active, Active(partition));
    ASSIGN_OR_RETURN(const std::vector<std::string> ids, Index(partition));
    for (std::size_t at = 0; at < ids.size(); at += kRowsAtOnce) {
      std::vector<std::string> questions;
      const std::size_t end = std::min(ids.size(), at + kRowsAtOnce);
      for (std::size_t i = at; i < end; ++i) questions.push_back(Command{"LINDEX", ExecutionKey(partition, ids[i]), "0"}.Take());
      ASSIGN_OR_RETURN(const std::vector<Reply> rows, pool_.Call(questions));
      for (std::size_t i = at; i < end; ++i) {
        if (rows[i - at].nil()) continue;  // purged meanwhile
        ExecutionLook look{.id = ExecutionId(ids[i]), .partition = partition};
        look.active = std::binary_search(active.begin(), active.end(), look.id);
        AddRow(rows[i - at].text, look);
        if (all_task_runs || look.active) RETURN_IF_ERROR(AddTaskRuns(look));
        each(look);
      }
    }
    return {};
  }

  Result<ExecutionLook> Find(const ExecutionId& id) override {
    ASSIGN_OR_RETURN(std::vector<PartitionId> partitions, Partitions());
    const auto home = std::find(partitions.begin(), partitions.end(), HomePartition(id));
    if (home != partitions.end()) std::rotate(partitions.begin(), home, home + 1);
    for (const PartitionId partition : partitions) {
      ASSIGN_OR_RETURN(const Reply row, pool_.Call({"LINDEX", ExecutionKey(partition, id.str()), "0"}));
      if (row.nil()) continue;
      ExecutionLook look{.id = id, .partition = partition};
      ASSIGN_OR_RETURN(const std::vector<ExecutionId> active, Active(partition));
      look.active = std::binary_search(active.begin(), active.end(), id);
      AddRow(row.text, look);
      RETURN_IF_ERROR(AddTaskRuns(look));
      return look;
    }
    return NotFound("execution " + id.str() + " does not exist in Redis at " + locator_.address().ToString());
  }

 private:
  // As redis_functions.lua reckons what is left.
  Status AddHolder(PartitionId partition, PartitionLook& look) {
    const std::vector<std::string> questions{Command{"HMGET", PartitionHead(partition), "e", "o", "u", "d"}.Take(), Command{"TIME"}.Take()};
    ASSIGN_OR_RETURN(const std::vector<Reply> replies, pool_.Call(questions));
    if (replies[0].items.size() != 4 || replies[1].items.size() != 2) return Fail(Code::kInternal, "Redis does not say who has partition " + std::to_string(partition));
    const std::vector<Reply>& head = replies[0].items;
    const std::int64_t now = replies[1].items[0].number() * 1000 + replies[1].items[1].number() / 1000;
    const std::int64_t left = std::max<std::int64_t>(0, std::min(head[2].number() - now, head[3].number()));
    look.holder = {partition, head[1].text, static_cast<Epoch>(head[0].number()), std::chrono::milliseconds(left)};
    return {};
  }

  Result<std::vector<ExecutionId>> Active(PartitionId partition) {
    ASSIGN_OR_RETURN(const Reply reply, pool_.Call({"SMEMBERS", PartitionPrefix(partition) + "a"}));
    std::vector<ExecutionId> active;
    for (const Reply& id : reply.items) active.emplace_back(id.text);
    std::sort(active.begin(), active.end());
    return active;
  }

  template <typename Each>
  Status ForEachField(PartitionId partition, std::string_view hash, Each each) {
    const std::string key = PartitionPrefix(partition) + std::string(hash);
    std::map<std::string, std::string> fields;  // a scan may give one twice
    std::string cursor = "0";
    do {
      ASSIGN_OR_RETURN(Reply part, pool_.Call({"HSCAN", key, cursor, "COUNT", kFieldsAtOnce}));
      if (part.items.size() != 2) return Fail(Code::kInternal, "Redis gave no part of a hash");
      cursor = part.items[0].text;
      std::vector<Reply>& items = part.items[1].items;
      for (std::size_t i = 0; i + 1 < items.size(); i += 2) fields[std::move(items[i].text)] = std::move(items[i + 1].text);
    } while (cursor != "0");
    for (const auto& [field, value] : fields) each(field, value);
    return {};
  }

  // Every execution, newest first. Several may share the time at which a page ends.
  Result<std::vector<std::string>> Index(PartitionId partition) {
    std::vector<std::string> ids;
    std::set<std::string> at_end;
    std::string from = "+inf";
    for (std::size_t most = kPlacesAtOnce;;) {
      ASSIGN_OR_RETURN(const Reply page, pool_.Call({"ZREVRANGEBYSCORE", PartitionPrefix(partition) + "c", from, "-inf", "WITHSCORES", "LIMIT", "0", std::to_string(most)}));
      const std::size_t known = ids.size();
      for (std::size_t i = 0; i + 1 < page.items.size(); i += 2) {
        const std::string& member = page.items[i].text;
        if (at_end.contains(member) || member.size() <= kFlowBytes) continue;
        ids.push_back(member.substr(0, member.size() - kFlowBytes - 1));
      }
      if (page.items.size() / 2 < most) return ids;
      if (ids.size() == known) most *= 2;
      const std::string& last = page.items.back().text;
      if (last != from) at_end.clear();
      from = last;
      for (std::size_t i = 0; i + 1 < page.items.size(); i += 2) {
        if (page.items[i + 1].text == last) at_end.insert(page.items[i].text);
      }
    }
  }

  static void AddRow(const std::string& packed, ExecutionLook& look) {
    auto row = UnpackRow(look.id.str(), std::string_view(packed).substr(std::min(packed.size(), kFlowBytes)));
    if (!row) {
      look.damaged.push_back(row.error().message);
      return;
    }
    look.state = row->state;
    look.stored.record = std::move(row->record);
  }

  Status AddTaskRuns(ExecutionLook& look) {
    for (std::size_t list = 0;; ++list) {
      const std::string key = list == 0 ? ExecutionKey(look.partition, look.id.str()) : PartitionPrefix(look.partition) + "t:" + look.id.str() + ":" + std::to_string(list);
      ASSIGN_OR_RETURN(const Reply part, pool_.Call({"LRANGE", key, list == 0 ? "1" : "0", "-1"}));
      for (const Reply& packed : part.items) {
        std::string record;
        if (auto unpacked = UnpackRecord(packed.text)) record = std::move(*unpacked);
        else if (!packed.text.empty()) look.damaged.push_back("task run " + std::to_string(look.stored.task_runs.size()) + " does not pass its checksum");
        look.stored.task_runs.push_back(std::move(record));
      }
      if (part.items.size() + (list == 0 ? 1 : 0) < kRunsAList) return {};
    }
  }

  RedisLocator locator_;
  RedisPool pool_;
};

}  // namespace

Result<std::unique_ptr<StoreLook>> LookAtRedis(const RedisOptions& options) {
  ASSIGN_OR_RETURN(RedisAddress address, ParseRedisUrl(options.url));
  auto look = std::make_unique<RedisLook>(options, std::move(address));
  RETURN_IF_ERROR(look->Check());
  return look;
}

}  // namespace headrace::store
