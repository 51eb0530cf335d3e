#include "common/store/redis_store.h"

#include <algorithm>
#include <charconv>
#include <map>

#include "common/base/log.h"
#include "common/store/redis_core.h"
#include "common/store/redis_layout.h"
#include "common/store/redis_library.h"

namespace headrace::store {
namespace {

constexpr std::size_t kFlowBytes = 4;
constexpr const char* kFieldsAtOnce = "1000";
constexpr int kScans = 10;

class RedisStore final : public Store {
 public:
  explicit RedisStore(RedisCorePtr core) : core_(std::move(core)) {}
  // What `done` refers to may end with this store.
  ~RedisStore() override {
    core_->Hurry();
    core_->writer->Drain();
  }

  Result<Epoch> Acquire(PartitionId partition) override {
    ASSIGN_OR_RETURN(const std::optional<Epoch> epoch, core_->Take(partition, core_->options.owner, Duration(0), true));
    return *epoch;
  }

  void Commit(WriteBatch batch, CommitDone done) override { core_->writer->Commit(batch, core_->Now(), std::move(done)); }

  Result<PartitionSnapshot> Load(PartitionId partition) override {
    PartitionSnapshot snapshot;
    RETURN_IF_ERROR(LoadActive(partition, snapshot));
    RETURN_IF_ERROR(ForEachField(partition, "d", [&](const std::string& field, const std::string& value) -> Status {
      ASSIGN_OR_RETURN(TimerRow timer, UnpackTimer(field, value));
      snapshot.timers.push_back(std::move(timer));
      return {};
    }));
    RETURN_IF_ERROR(ForEachField(partition, "o", [&](const std::string& field, const std::string& value) -> Status {
      ASSIGN_OR_RETURN(OutboxRow row, UnpackOutbox(field, value));
      snapshot.outbox.push_back(std::move(row));
      return {};
    }));
    std::sort(snapshot.outbox.begin(), snapshot.outbox.end(), [](const OutboxRow& a, const OutboxRow& b) { return a.id < b.id; });
    RETURN_IF_ERROR(ForEachField(partition, "s", [&](const std::string& field, const std::string& value) -> Status {
      auto record = UnpackRecord(value);
      if (!record) return Fail(std::move(record.error()).Wrap("note " + field));
      snapshot.notes.push_back({field, std::move(*record)});
      return {};
    }));
    std::sort(snapshot.timers.begin(), snapshot.timers.end(), [](const TimerRow& a, const TimerRow& b) {
      return a.execution != b.execution ? a.execution < b.execution : a.timer < b.timer;
    });
    return snapshot;
  }

  Result<StoredExecution> Read(const ExecutionId& id) override {
    ASSIGN_OR_RETURN(auto found, core_->partitions.Find(
        HomePartition(id), [&](PartitionId partition) { return Command{"LRANGE", ExecutionKey(partition, id.str()), "0", "-1"}; },
        [](const Reply& reply) { return !reply.items.empty() && !reply.items[0].text.empty(); }));
    if (!found) return Missing(id);
    std::vector<Reply> lists;
    if (found->reply.items.size() < kRunsAList) {
      lists.push_back(std::move(found->reply));
    } else {
      ASSIGN_OR_RETURN(Reply all, core_->steady_pool.Call(GuardedCall("read", ExecutionKey(found->partition, id.str()))));
      lists = std::move(all.items);
    }
    return Unpack(id, lists);
  }

  Result<std::string> ReadRecord(const ExecutionId& id) override {
    ASSIGN_OR_RETURN(const auto found, core_->partitions.Find(
        HomePartition(id), [&](PartitionId partition) { return Command{"LINDEX", ExecutionKey(partition, id.str()), "0"}; },
        [](const Reply& reply) { return !reply.text.empty(); }));
    if (!found) return Missing(id);
    ASSIGN_OR_RETURN(ExecutionRow row, UnpackRow(id.str(), std::string_view(found->reply.text).substr(kFlowBytes)));
    return std::move(row.record);
  }

  Result<ExecutionPage> List(const ExecutionQuery& query) override { return ListExecutions(*core_, query); }
  Result<std::vector<FlowCount>> Count(const ExecutionQuery& query) override { return CountExecutions(*core_, query); }

  Result<std::optional<RequestRow>> FindRequest(const std::string& request_id) override {
    ASSIGN_OR_RETURN(const auto found, core_->partitions.Find(
        HomePartition(request_id), [&](PartitionId partition) { return AskRequest(partition, request_id); },
        [](const Reply& reply) { return !reply.nil(); }));
    if (!found) return std::nullopt;
    return UnlessExpired(UnpackRequest(request_id, found->reply.text));
  }

  Result<std::optional<RequestRow>> FindRequestIn(PartitionId partition, const std::string& request_id) override {
    ASSIGN_OR_RETURN(const Reply reply, core_->steady_pool.Call(AskRequest(partition, request_id)));
    if (reply.nil()) return std::nullopt;
    return UnlessExpired(UnpackRequest(request_id, reply.text));
  }

  Status HasRoom() const override { return core_->watch->HasRoom(); }

 private:
  static tl::unexpected<Error> Missing(const ExecutionId& id) { return NotFound("execution " + id.str() + " does not exist"); }

  static Command AskRequest(PartitionId partition, const std::string& request_id) {
    return {"GET", PartitionPrefix(partition) + "k:" + request_id};
  }

  Result<std::optional<RequestRow>> UnlessExpired(Result<RequestRow> row) const {
    if (!row) return Fail(std::move(row.error()));
    if (row->expires <= core_->Now()) return std::nullopt;
    return std::move(*row);
  }

  static Result<StoredExecution> Unpack(const ExecutionId& id, const std::vector<Reply>& lists) {
    if (lists.empty() || lists[0].items.empty() || lists[0].items[0].text.size() < kFlowBytes) return Missing(id);
    ASSIGN_OR_RETURN(ExecutionRow row, UnpackRow(id.str(), std::string_view(lists[0].items[0].text).substr(kFlowBytes)));
    StoredExecution stored{std::move(row.record), {}};
    for (std::size_t list = 0; list < lists.size(); ++list) {
      stored.task_runs.resize(list == 0 ? 0 : list * kRunsAList - 1);
      for (std::size_t place = list == 0 ? 1 : 0; place < lists[list].items.size(); ++place) {
        const std::string& packed = lists[list].items[place].text;
        std::string record;
        if (!packed.empty()) {
          auto unpacked = UnpackRecord(packed);
          if (!unpacked) return Fail(std::move(unpacked.error()).Wrap("execution " + id.str()));
          record = std::move(*unpacked);
        }
        stored.task_runs.push_back(std::move(record));
      }
    }
    return stored;
  }

  Status LoadActive(PartitionId partition, PartitionSnapshot& snapshot) {
    ASSIGN_OR_RETURN(const Reply active, core_->steady_pool.Call({"SMEMBERS", PartitionPrefix(partition) + "a"}, core_->options.outage));
    for (const Reply& id : active.items) snapshot.active.emplace_back(id.text);
    std::sort(snapshot.active.begin(), snapshot.active.end());
    return {};
  }

  // In the order of their names; a scan may give a field twice. One that is damaged stays where it is, and the rest is used:
  // a partition that cannot be taken would stop all its executions.
  template <typename Each>
  Status ForEachField(PartitionId partition, std::string_view hash, Each each) {
    const std::string key = PartitionPrefix(partition) + std::string(hash);
    ASSIGN_OR_RETURN(const auto fields, AllFields(key));
    for (const auto& [field, value] : fields) {
      const Status used = each(field, value);
      if (!used) spdlog::error("{} (it is left out of {})", used.error().message, key);
    }
    return {};
  }

  // A scan that a failover or the move of a slot took to another server may have left some out: then there are more than it gave.
  Result<std::map<std::string, std::string>> AllFields(const std::string& key) {
    for (int tries = 0; tries < kScans; ++tries) {
      std::map<std::string, std::string> fields;
      ASSIGN_OR_RETURN(const std::int64_t there, Scan(key, fields));
      if (there <= static_cast<std::int64_t>(fields.size())) return fields;
    }
    return Fail(Code::kUnavailable, key + " in Redis grows, or moves, while it is read; try again");
  }

  // Answers how many there are.
  Result<std::int64_t> Scan(const std::string& key, std::map<std::string, std::string>& fields) {
    std::string cursor = "0";
    while (true) {
      const std::vector<std::string> questions{Command{"HSCAN", key, cursor, "COUNT", kFieldsAtOnce}.Take(), Command{"HLEN", key}.Take()};
      ASSIGN_OR_RETURN(std::vector<Reply> replies, core_->steady_pool.Call(questions, core_->options.outage));
      if (replies[0].items.size() != 2) return Fail(Code::kInternal, "Redis gave no part of a hash");
      cursor = replies[0].items[0].text;
      std::vector<Reply>& items = replies[0].items[1].items;
      for (std::size_t i = 0; i + 1 < items.size(); i += 2) fields[std::move(items[i].text)] = std::move(items[i + 1].text);
      if (cursor == "0") return replies[1].integer;
    }
  }

  const RedisCorePtr core_;
};

}  // namespace

std::unique_ptr<Store> MakeRedisStore(RedisCorePtr core) { return std::make_unique<RedisStore>(std::move(core)); }

}  // namespace headrace::store
