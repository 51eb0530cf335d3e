// The durable store of a simulated world: commits take time, a crash keeps some prefix of those under way.
// Shapes: one SimStore a scheduler process, all on one MemoryStore that outlives them.
// Threads: one.
#pragma once

#include <deque>
#include <memory>

#include "common/store/memory_store.h"
#include "tests/sim/laws.h"
#include "tests/sim/world.h"

namespace headrace::sim {

struct StoreFaults {
  Duration commit_min = std::chrono::microseconds(100);
  Duration commit_max = std::chrono::milliseconds(2);
  double stall = 0;  // chance that a commit takes up to stall_max
  Duration stall_max = std::chrono::seconds(3);
};

class SimStore final : public store::Store {
 public:
  SimStore(World& world, store::Store& disk, Laws& laws, const StoreFaults& faults)
      : world_(world), disk_(disk), laws_(laws), faults_(faults) {}

  Result<store::Epoch> Acquire(store::PartitionId partition) override { return disk_.Acquire(partition); }
  void Commit(store::WriteBatch batch, store::CommitDone done) override;
  Result<store::PartitionSnapshot> Load(store::PartitionId partition) override { return disk_.Load(partition); }
  Result<store::StoredExecution> Read(const ExecutionId& id) override { return disk_.Read(id); }
  Result<std::string> ReadRecord(const ExecutionId& id) override { return disk_.ReadRecord(id); }
  Result<std::vector<store::FlowCount>> Count(const store::ExecutionQuery& query) override { return disk_.Count(query); }
  Result<store::ExecutionPage> List(const store::ExecutionQuery& query) override { return disk_.List(query); }
  Result<std::optional<store::RequestRow>> FindRequest(const std::string& id) override { return disk_.FindRequest(id); }

  // The process dies: of what was under way a random prefix is durable, nobody hears of it.
  void Crash();

 private:
  struct Pending {
    store::WriteBatch batch;
    store::CommitDone done;
  };
  Status Write(store::WriteBatch batch);
  void Next();

  World& world_;
  store::Store& disk_;
  Laws& laws_;
  const StoreFaults faults_;
  std::deque<Pending> pending_;
  bool busy_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace headrace::sim
