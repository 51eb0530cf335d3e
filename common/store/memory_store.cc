#include "common/store/memory_store.h"

#include <map>
#include <mutex>
#include <set>
#include <unordered_map>

#include "common/store/query.h"

namespace headrace::store {
namespace {

struct StoredRow {
  PartitionId partition = 0;
  std::optional<ExecutionRow> row;
  std::vector<std::string> task_runs;
};

struct Partition {
  Epoch epoch = 0;
  std::set<ExecutionId> active;
  std::map<std::pair<ExecutionId, model::TimerId>, Timestamp> timers;
  std::map<std::uint64_t, std::string> outbox;
  std::map<std::string, std::string> notes;
};

class MemoryStore final : public Store {
 public:
  explicit MemoryStore(const Clock& clock) : clock_(clock) {}

  Result<Epoch> Acquire(PartitionId partition) override {
    std::lock_guard lock(mutex_);
    return ++partitions_[partition].epoch;
  }

  void Commit(WriteBatch batch, CommitDone done) override {
    Status status;
    {
      std::lock_guard lock(mutex_);
      Partition& partition = partitions_[batch.partition];
      if (batch.epoch == partition.epoch) {
        Write(partition, batch);
      } else {
        status = Fail(Code::kAborted, "partition " + std::to_string(batch.partition) + " is at epoch " +
                                          std::to_string(partition.epoch) + ", the batch at " +
                                          std::to_string(batch.epoch));
      }
    }
    if (done) done(std::move(status));
  }

  Result<PartitionSnapshot> Load(PartitionId id) override {
    std::lock_guard lock(mutex_);
    const Partition& partition = partitions_[id];
    PartitionSnapshot snapshot;
    snapshot.active.assign(partition.active.begin(), partition.active.end());
    for (const auto& [key, due] : partition.timers) snapshot.timers.push_back({key.first, key.second, due});
    for (const auto& [item, record] : partition.outbox) snapshot.outbox.push_back({item, record});
    for (const auto& [key, record] : partition.notes) snapshot.notes.push_back({key, record});
    return snapshot;
  }

  Result<StoredExecution> Read(const ExecutionId& id) override {
    std::lock_guard lock(mutex_);
    const auto found = executions_.find(id);
    if (found == executions_.end() || !found->second.row) return NotFound("execution " + id.str() + " does not exist");
    return StoredExecution{found->second.row->record, found->second.task_runs};
  }

  Result<std::string> ReadRecord(const ExecutionId& id) override {
    std::lock_guard lock(mutex_);
    const auto found = executions_.find(id);
    if (found == executions_.end() || !found->second.row) return NotFound("execution " + id.str() + " does not exist");
    return found->second.row->record;
  }

  Result<ExecutionPage> List(const ExecutionQuery& query) override {
    PagePlace after{Timestamp::max(), {}};
    if (!query.page_token.empty()) {
      ASSIGN_OR_RETURN(after, ParsePageToken(query.page_token));
    }
    std::lock_guard lock(mutex_);
    ExecutionPage page;
    const ExecutionRow* last = nullptr;
    for (auto at = std::make_reverse_iterator(by_age_.lower_bound({after.created, ExecutionId(after.id)}));
         at != by_age_.rend(); ++at) {
      const StoredRow& stored = executions_.at(at->second);
      const ExecutionRow& row = *stored.row;
      if (!IsWanted(query, stored)) continue;
      if (page.records.size() == PageSize(query)) {
        page.next_page_token = MakePageToken({last->created, last->id.str()});
        break;
      }
      page.records.push_back(row.record);
      last = &row;
    }
    return page;
  }

  Result<std::vector<FlowCount>> Count(const ExecutionQuery& query) override {
    std::map<std::pair<std::string, std::string>, std::uint64_t> counts;
    std::lock_guard lock(mutex_);
    for (const auto& [created, id] : by_age_) {
      const StoredRow& stored = executions_.at(id);
      if (IsWanted(query, stored)) ++counts[{stored.row->ns, stored.row->flow_id}];
    }
    std::vector<FlowCount> out;
    for (const auto& [flow, count] : counts) out.push_back({flow.first, flow.second, count});
    return out;
  }

  Result<std::optional<RequestRow>> FindRequest(const std::string& request_id) override {
    std::lock_guard lock(mutex_);
    const auto found = requests_.find(request_id);
    if (found == requests_.end()) return std::nullopt;
    if (found->second.expires <= clock_.Now()) {
      requests_.erase(found);
      return std::nullopt;
    }
    return found->second;
  }

 private:
  static bool IsWanted(const ExecutionQuery& query, const StoredRow& stored) {
    return (!query.partition || *query.partition == stored.partition) && Matches(query, *stored.row);
  }

  void Write(Partition& partition, WriteBatch& batch) {
    for (ExecutionRow& row : batch.executions) {
      executions_[row.id].partition = batch.partition;
      Write(partition, std::move(row));
    }
    for (TaskRunRow& run : batch.task_runs) {
      std::vector<std::string>& runs = executions_[run.execution].task_runs;
      if (runs.size() <= run.index) runs.resize(run.index + std::size_t{1});
      runs[run.index] = std::move(run.record);
    }
    for (const TimerRow& timer : batch.timers_set) partition.timers[{timer.execution, timer.timer}] = timer.due;
    for (const TimerRow& timer : batch.timers_cleared) partition.timers.erase({timer.execution, timer.timer});
    for (OutboxRow& item : batch.outbox_added) partition.outbox[item.id] = std::move(item.record);
    for (const std::uint64_t item : batch.outbox_done) partition.outbox.erase(item);
    for (RequestRow& request : batch.requests) requests_[request.request_id] = std::move(request);
    for (NoteRow& note : batch.notes_put) partition.notes[std::move(note.key)] = std::move(note.record);
    for (const std::string& key : batch.notes_dropped) partition.notes.erase(key);
    for (const ExecutionId& id : batch.executions_deleted) Delete(partition, id);
  }

  void Delete(Partition& partition, const ExecutionId& id) {
    const auto found = executions_.find(id);
    if (found == executions_.end()) return;
    partition.active.erase(id);
    if (found->second.row) by_age_.erase({found->second.row->created, id});
    executions_.erase(found);
  }

  void Write(Partition& partition, ExecutionRow row) {
    std::optional<ExecutionRow>& stored = executions_[row.id].row;
    if (row.active) partition.active.insert(row.id);
    else partition.active.erase(row.id);
    if (stored) by_age_.erase({stored->created, row.id});
    by_age_.insert({row.created, row.id});
    stored = std::move(row);
  }

  const Clock& clock_;
  std::mutex mutex_;
  std::map<PartitionId, Partition> partitions_;
  std::unordered_map<ExecutionId, StoredRow> executions_;
  std::set<std::pair<Timestamp, ExecutionId>> by_age_;
  std::map<std::string, RequestRow> requests_;
};

// Stateless, so one serves all.
constinit const SystemClock kSystemClock;

}  // namespace

std::unique_ptr<Store> MakeMemoryStore() { return MakeMemoryStore(kSystemClock); }
std::unique_ptr<Store> MakeMemoryStore(const Clock& clock) { return std::make_unique<MemoryStore>(clock); }

}  // namespace headrace::store
