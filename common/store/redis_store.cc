#include "common/store/redis_store.h"

#include <algorithm>
#include <charconv>
#include <map>

#include "common/store/redis_core.h"
#include "common/store/redis_layout.h"
#include "common/store/redis_library.h"

namespace headrace::store {
namespace {

constexpr std::size_t kFlowBytes = 4;
constexpr const char* kFieldsAtOnce = "1000";

class RedisStore final : public Store {
 public:
  explicit RedisStore(RedisCorePtr core) : core_(std::move(core)) {}
  // What `done` refers to may end with this store.
  ~RedisStore() override { core_->writer->Drain(); }

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
      ASSIGN_OR_RETURN(std::string record, UnpackRecord(value));
      OutboxRow& row = snapshot.outbox.emplace_back(OutboxRow{.record = std::move(record)});
      std::from_chars(field.data(), field.data() + field.size(), row.id);
      return {};
    }));
    std::sort(snapshot.outbox.begin(), snapshot.outbox.end(), [](const OutboxRow& a, const OutboxRow& b) { return a.id < b.id; });
    RETURN_IF_ERROR(ForEachField(partition, "s", [&](const std::string& field, const std::string& value) -> Status {
      ASSIGN_OR_RETURN(std::string record, UnpackRecord(value));
      snapshot.notes.push_back({field, std::move(record)});
      return {};
    }));
    std::sort(snapshot.timers.begin(), snapshot.timers.end(), [](const TimerRow& a, const TimerRow& b) {
      return a.execution != b.execution ? a.execution < b.execution : a.timer < b.timer;
    });
    return snapshot;
  }

  Result<StoredExecution> Read(const ExecutionId& id) override {
    ASSIGN_OR_RETURN(auto found, core_->partitions.Find(
        id.str(), [&](PartitionId partition) { return Command{"LRANGE", ExecutionKey(partition, id.str()), "0", "-1"}; },
        [](const Reply& reply) { return !reply.items.empty() && !reply.items[0].text.empty(); }));
    if (!found) return Missing(id);
    std::vector<Reply> lists;
    if (found->reply.items.size() < kRunsAList) {
      lists.push_back(std::move(found->reply));
    } else {
      ASSIGN_OR_RETURN(Reply all, core_->steady_pool.Call(FunctionCall("read", ExecutionKey(found->partition, id.str()))));
      lists = std::move(all.items);
    }
    return Unpack(id, lists);
  }

  Result<std::string> ReadRecord(const ExecutionId& id) override {
    ASSIGN_OR_RETURN(const auto found, core_->partitions.Find(
        id.str(), [&](PartitionId partition) { return Command{"LINDEX", ExecutionKey(partition, id.str()), "0"}; },
        [](const Reply& reply) { return !reply.text.empty(); }));
    if (!found) return Missing(id);
    ASSIGN_OR_RETURN(ExecutionRow row, UnpackRow(id.str(), std::string_view(found->reply.text).substr(kFlowBytes)));
    return std::move(row.record);
  }

  Result<ExecutionPage> List(const ExecutionQuery& query) override { return ListExecutions(*core_, query); }
  Result<std::vector<FlowCount>> Count(const ExecutionQuery& query) override { return CountExecutions(*core_, query); }

  Result<std::optional<RequestRow>> FindRequest(const std::string& request_id) override {
    ASSIGN_OR_RETURN(const auto found, core_->partitions.Find(
        request_id, [&](PartitionId partition) { return Command{"GET", PartitionPrefix(partition) + "k:" + request_id}; },
        [](const Reply& reply) { return !reply.nil(); }));
    if (!found) return std::nullopt;
    ASSIGN_OR_RETURN(RequestRow row, UnpackRequest(request_id, found->reply.text));
    if (row.expires <= core_->Now()) return std::nullopt;
    return row;
  }

  Status HasRoom() const override { return core_->watch->HasRoom(); }

 private:
  static tl::unexpected<Error> Missing(const ExecutionId& id) { return NotFound("execution " + id.str() + " does not exist"); }

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
    ASSIGN_OR_RETURN(const Reply active, core_->steady_pool.Call({"SMEMBERS", PartitionPrefix(partition) + "a"}));
    for (const Reply& id : active.items) snapshot.active.emplace_back(id.text);
    std::sort(snapshot.active.begin(), snapshot.active.end());
    return {};
  }

  // In the order of their names; a scan may give a field twice.
  template <typename Each>
  Status ForEachField(PartitionId partition, std::string_view hash, Each each) {
    std::map<std::string, std::string> fields;
    std::string cursor = "0";
    do {
      ASSIGN_OR_RETURN(Reply part, core_->steady_pool.Call({"HSCAN", PartitionPrefix(partition) + std::string(hash), cursor, "COUNT", kFieldsAtOnce}));
      if (part.items.size() != 2) return Fail(Code::kInternal, "Redis gave no part of a hash");
      cursor = part.items[0].text;
      std::vector<Reply>& items = part.items[1].items;
      for (std::size_t i = 0; i + 1 < items.size(); i += 2) fields[std::move(items[i].text)] = std::move(items[i + 1].text);
    } while (cursor != "0");
    for (const auto& [field, value] : fields) RETURN_IF_ERROR(each(field, value));
    return {};
  }

  const RedisCorePtr core_;
};

}  // namespace

std::unique_ptr<Store> MakeRedisStore(RedisCorePtr core) { return std::make_unique<RedisStore>(std::move(core)); }

}  // namespace headrace::store
