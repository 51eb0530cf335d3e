#include "common/store/memory_cluster.h"

#include <algorithm>
#include <map>
#include <mutex>

namespace headrace::store {

// Epochs are the store's; who holds which stands beside them. `mutex` guards what follows it, and is taken before the store's.
struct MemoryCluster::Truth {
  struct Holding {
    std::string owner;
    Epoch epoch = 0;
    Timestamp ends{};
    Duration length{};
  };
  struct Announced {
    Member member;
    Timestamp ends{};
    Duration lifetime{};
  };

  Truth(const Clock& time, PartitionId count, LogLimits limits)
      : clock(time), partitions(count), store(MakeMemoryStore(time)), flows(MakeMemoryFlowStore()), logs(MakeMemoryLogStore(limits)) {}

  // Never more than was asked for, should the clock have gone back.
  Duration Left(const Holding& holding) const {
    return std::clamp(std::chrono::duration_cast<Duration>(holding.ends - clock.Now()), Duration(0), holding.length);
  }

  Status Exists(PartitionId partition) const {
    if (partition < partitions) return {};
    return InvalidArgument("partition " + std::to_string(partition) + " is none of the " + std::to_string(partitions));
  }

  Result<Epoch> Take(PartitionId partition, const std::string& owner, Duration lease) {
    ASSIGN_OR_RETURN(const Epoch epoch, store->Acquire(partition));
    holdings[partition] = {owner, epoch, clock.Now() + lease, lease};
    return epoch;
  }

  // Of this owner, at this epoch.
  Result<Holding*> Held(PartitionId partition, const std::string& owner, Epoch epoch) {
    const auto found = holdings.find(partition);
    if (found != holdings.end() && found->second.owner == owner && found->second.epoch == epoch) return &found->second;
    return Fail(Code::kAborted, "the lease of partition " + std::to_string(partition) + " is another scheduler's now");
  }

  const Clock& clock;
  const PartitionId partitions;
  const std::unique_ptr<Store> store;
  const std::unique_ptr<FlowStore> flows;
  const std::unique_ptr<LogStore> logs;
  std::mutex mutex;
  std::uint64_t flow_version = 0;
  std::map<std::pair<std::string, std::string>, std::uint64_t> flow_changes;
  std::map<PartitionId, Holding> holdings;
  std::map<std::string, Announced> members;
};

class MemoryCluster::SharedStore final : public Store {
 public:
  explicit SharedStore(std::shared_ptr<Truth> truth) : truth_(std::move(truth)) {}

  // From whoever has it.
  Result<Epoch> Acquire(PartitionId partition) override {
    RETURN_IF_ERROR(truth_->Exists(partition));
    std::lock_guard lock(truth_->mutex);
    return truth_->Take(partition, "", Duration(0));
  }
  void Commit(WriteBatch batch, CommitDone done) override { truth_->store->Commit(std::move(batch), std::move(done)); }
  Result<PartitionSnapshot> Load(PartitionId partition) override { return truth_->store->Load(partition); }
  Result<StoredExecution> Read(const ExecutionId& id) override { return truth_->store->Read(id); }
  Result<std::string> ReadRecord(const ExecutionId& id) override { return truth_->store->ReadRecord(id); }
  Result<ExecutionPage> List(const ExecutionQuery& query) override { return truth_->store->List(query); }
  Result<std::vector<FlowCount>> Count(const ExecutionQuery& query) override { return truth_->store->Count(query); }
  Result<std::optional<RequestRow>> FindRequest(const std::string& request_id) override { return truth_->store->FindRequest(request_id); }

 private:
  const std::shared_ptr<Truth> truth_;
};

class MemoryCluster::SharedFlows final : public FlowStore {
 public:
  explicit SharedFlows(std::shared_ptr<Truth> truth) : truth_(std::move(truth)) {}

  Result<FlowRow> Put(FlowRow flow) override {
    const std::pair<std::string, std::string> name(flow.ns, flow.id);
    auto put = truth_->flows->Put(std::move(flow));
    std::lock_guard lock(truth_->mutex);
    truth_->flow_changes[name] = ++truth_->flow_version;  // also when nothing changed: to look in vain is cheap here
    return put;
  }
  Result<FlowRow> Get(const std::string& ns, const std::string& id, int revision) override { return truth_->flows->Get(ns, id, revision); }
  Result<std::vector<FlowRow>> ListLatest(const std::string& ns_prefix) override { return truth_->flows->ListLatest(ns_prefix); }
  Result<std::vector<FlowRow>> Revisions(const std::string& ns, const std::string& id) override { return truth_->flows->Revisions(ns, id); }
  Result<FlowChanges> ChangedSince(std::uint64_t version) override {
    std::lock_guard lock(truth_->mutex);
    FlowChanges changes{.version = truth_->flow_version};
    for (const auto& [name, changed] : truth_->flow_changes) {
      if (changed > version) changes.flows.push_back(name);
    }
    return changes;
  }

 private:
  const std::shared_ptr<Truth> truth_;
};

class MemoryCluster::SharedLogs final : public LogStore {
 public:
  explicit SharedLogs(std::shared_ptr<Truth> truth) : truth_(std::move(truth)) {}
  void Append(std::vector<LogRow> rows) override { truth_->logs->Append(std::move(rows)); }
  void Flush() override { truth_->logs->Flush(); }
  Result<LogPage> Read(const LogQuery& query) override { return truth_->logs->Read(query); }
  Result<std::uint64_t> Purge(const LogPurge& purge) override { return truth_->logs->Purge(purge); }

 private:
  const std::shared_ptr<Truth> truth_;
};

class MemoryCluster::Leases final : public LeaseStore {
 public:
  explicit Leases(std::shared_ptr<Truth> truth) : truth_(std::move(truth)) {}

  Result<std::optional<Epoch>> Acquire(PartitionId partition, const std::string& owner, Duration lease) override {
    RETURN_IF_ERROR(truth_->Exists(partition));
    std::lock_guard lock(truth_->mutex);
    const auto found = truth_->holdings.find(partition);
    const bool held = found != truth_->holdings.end() && truth_->Left(found->second) > Duration(0);
    if (held && found->second.owner != owner) return std::nullopt;
    ASSIGN_OR_RETURN(const Epoch epoch, truth_->Take(partition, owner, lease));
    return epoch;
  }

  Status Renew(PartitionId partition, const std::string& owner, Epoch epoch, Duration lease) override {
    std::lock_guard lock(truth_->mutex);
    ASSIGN_OR_RETURN(Truth::Holding* const holding, truth_->Held(partition, owner, epoch));
    holding->ends = truth_->clock.Now() + lease;
    holding->length = lease;
    return {};
  }

  Status Release(PartitionId partition, const std::string& owner, Epoch epoch) override {
    std::lock_guard lock(truth_->mutex);
    ASSIGN_OR_RETURN(Truth::Holding* const holding, truth_->Held(partition, owner, epoch));
    holding->length = Duration(0);
    return {};
  }

  Result<std::vector<LeaseHolder>> Holders(const std::vector<PartitionId>& partitions) override {
    std::lock_guard lock(truth_->mutex);
    std::vector<LeaseHolder> holders;
    for (const PartitionId partition : partitions) {
      LeaseHolder& holder = holders.emplace_back(LeaseHolder{.partition = partition});
      const auto found = truth_->holdings.find(partition);
      if (found == truth_->holdings.end()) continue;
      holder.owner = found->second.owner;
      holder.epoch = found->second.epoch;
      holder.left = truth_->Left(found->second);
    }
    return holders;
  }

  PartitionId partitions() const override { return truth_->partitions; }

  Status Announce(const Member& member, Duration lifetime) override {
    std::lock_guard lock(truth_->mutex);
    truth_->members[member.id] = {member, truth_->clock.Now() + lifetime, lifetime};
    return {};
  }

  Status Leave(const std::string& id) override {
    std::lock_guard lock(truth_->mutex);
    truth_->members.erase(id);
    return {};
  }

  Result<std::vector<Present>> Members() override {
    std::lock_guard lock(truth_->mutex);
    std::erase_if(truth_->members, [&](const auto& one) { return one.second.ends <= truth_->clock.Now(); });
    std::vector<Present> members;
    for (const auto& [id, announced] : truth_->members) {
      const auto left = std::chrono::duration_cast<Duration>(announced.ends - truth_->clock.Now());
      members.push_back({announced.member, std::max(announced.lifetime - left, Duration(0))});
    }
    return members;
  }

 private:
  const std::shared_ptr<Truth> truth_;
};

MemoryCluster::MemoryCluster(const Clock& clock, PartitionId partitions, LogLimits log_limits)
    : truth_(std::make_shared<Truth>(clock, partitions, log_limits)) {}

MemoryStores MemoryCluster::Open() const {
  return {std::make_unique<SharedStore>(truth_), std::make_unique<SharedFlows>(truth_), std::make_unique<SharedLogs>(truth_),
          std::make_unique<Leases>(truth_)};
}

std::unique_ptr<LeaseStore> MakeMemoryLeaseStore(const Clock& clock, PartitionId partitions) {
  return MemoryCluster(clock, partitions).Open().leases;
}

}  // namespace headrace::store
