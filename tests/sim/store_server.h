// The store's server as schedulers meet it: it may be away for all or for one of them, and another one may be promoted that has
// forgotten who took what last.
// Shapes: epochs as the Redis functions make them (common/store/redis_functions.lua): a taking goes beyond all that its taker ever
//   saw, and far beyond when the partition was last taken on another server. What is durable lies in a MemoryCluster, which knows
//   only rising epochs of its own: each epoch given here stands for one of those, which is how one can come back.
// What it never forgets: what it has answered. A taking is forgotten only while nothing was committed in its epoch, for what
//   follows a lost write in a replica's stream is lost with it.
// Threads: one. Source: docs/redis.md; FAILURES 2.5.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>

#include "common/store/memory_cluster.h"
#include "tests/sim/world.h"

namespace headrace::sim {

class StoreServer {
 public:
  StoreServer(World& world, const store::MemoryCluster& disk) : world_(world), stores_(disk.Open()) {}

  // UNAVAILABLE while this scheduler cannot reach it.
  Status Reach(int scheduler) const;
  bool away() const { return away_; }
  void SetAway(bool away) { away_ = away; }
  void CutOff(int scheduler, bool cut);
  // A replica is the server from now on; some of what it had not heard yet of leases is gone.
  void Promote(bool forgets_takings, Random& chance);

  Result<std::optional<store::Epoch>> Take(store::PartitionId partition, const std::string& owner, Duration lease, store::Epoch& seen);
  // What this epoch is on the disk.
  store::Epoch OnDisk(store::PartitionId partition, store::Epoch epoch) const;
  void OnWritten(store::PartitionId partition, store::Epoch epoch);
  // After each taking, and when what is to be driven has been read.
  std::function<void()> on_taken = [] {};
  std::function<void()> on_loaded = [] {};

 private:
  struct Head {
    store::Epoch epoch = 0;
    std::string owner{};
    Duration lease{};
    int server = 0;      // that it was taken on
    bool wrote = false;  // something was committed in this epoch
  };
  void Forget(store::PartitionId partition, Random& chance);

  World& world_;
  const store::MemoryStores stores_;
  bool away_ = false;
  int server_ = 1;
  std::set<int> cut_off_;
  std::map<store::PartitionId, Head> heads_;
  std::map<store::PartitionId, Head> before_;  // the taking before the last one
  std::map<std::pair<store::PartitionId, store::Epoch>, store::Epoch> on_disk_;
};

// Leases as one scheduler asks for them.
class SimLeases final : public store::LeaseStore {
 public:
  SimLeases(StoreServer& server, int scheduler, store::LeaseStore& leases) : server_(server), scheduler_(scheduler), leases_(leases) {}

  Result<std::optional<store::Epoch>> Acquire(store::PartitionId partition, const std::string& owner, Duration lease) override;
  Status Renew(store::PartitionId partition, const std::string& owner, store::Epoch epoch, Duration lease) override;
  Status Release(store::PartitionId partition, const std::string& owner, store::Epoch epoch) override;
  Result<std::vector<store::LeaseHolder>> Holders(const std::vector<store::PartitionId>& partitions) override;
  store::PartitionId partitions() const override { return leases_.partitions(); }
  Status Announce(const store::Member& member, Duration lifetime) override;
  Status Leave(const std::string& id) override;
  Result<std::vector<store::Present>> Members() override;

 private:
  StoreServer& server_;
  const int scheduler_;
  store::LeaseStore& leases_;
  store::Epoch seen_ = 0;  // the highest that this process was given
};

// Flows as one scheduler reads them.
class SimFlows final : public store::FlowStore {
 public:
  SimFlows(const StoreServer& server, int scheduler, store::FlowStore& flows) : server_(server), scheduler_(scheduler), flows_(flows) {}

  Result<store::FlowRow> Put(store::FlowRow flow) override;
  Result<store::FlowRow> Get(const std::string& ns, const std::string& id, int revision) override;
  Result<std::vector<store::FlowRow>> ListLatest(const std::string& ns_prefix) override;
  Result<std::vector<store::FlowRow>> Revisions(const std::string& ns, const std::string& id) override;

 private:
  const StoreServer& server_;
  const int scheduler_;
  store::FlowStore& flows_;
};

}  // namespace headrace::sim
