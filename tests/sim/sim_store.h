// The durable store of a simulated world: commits take time, a crash keeps some prefix of those under way.
// Shapes: one SimStore a scheduler process, all on one MemoryStore that outlives them. While the server is away reads are refused
//   and commits wait; of those that are unanswered some were applied, and all are sent again (common/store/redis_writer.h).
// Threads: one.
#pragma once

#include <deque>
#include <memory>

#include "common/store/memory_store.h"
#include "tests/sim/laws.h"
#include "tests/sim/store_server.h"

namespace headrace::sim {

struct StoreFaults {
  Duration commit_min = std::chrono::microseconds(100);
  Duration commit_max = std::chrono::milliseconds(2);
  double stall = 0;  // chance that a commit takes up to stall_max
  Duration stall_max = std::chrono::seconds(3);
};

// Who asks.
struct StoreUser {
  int scheduler = 0;
  bool before = false;  // of the release before
};

class SimStore final : public store::Store {
 public:
  SimStore(World& world, StoreServer& server, StoreUser user, store::Store& disk, Laws& laws, const StoreFaults& faults)
      : world_(world), server_(server), user_(user), disk_(disk), laws_(laws), faults_(faults) {}

  Result<store::Epoch> Acquire(store::PartitionId partition) override;
  void Commit(store::WriteBatch batch, store::CommitDone done) override;
  Result<store::PartitionSnapshot> Load(store::PartitionId partition) override;
  Result<store::StoredExecution> Read(const ExecutionId& id) override;
  Result<std::string> ReadRecord(const ExecutionId& id) override;
  Result<std::vector<store::FlowCount>> Count(const store::ExecutionQuery& query) override;
  Result<store::ExecutionPage> List(const store::ExecutionQuery& query) override;
  Result<std::optional<store::RequestRow>> FindRequest(const std::string& id) override;

  // The process dies: of what was under way a random prefix is durable, nobody hears of it.
  void Crash();

 private:
  struct Pending {
    store::WriteBatch batch;
    store::CommitDone done;
    bool applied = false;  // and not answered: it is sent again
  };
  Status Reach() const { return server_.Reach(user_.scheduler); }
  Status Write(store::WriteBatch batch);
  Status Ask(const store::WriteBatch& batch);
  void Next();
  void Send(Duration delay);
  void LoseAnswers();

  World& world_;
  StoreServer& server_;
  const StoreUser user_;
  store::Store& disk_;
  Laws& laws_;
  const StoreFaults faults_;
  std::deque<Pending> pending_;
  bool busy_ = false;
  bool waits_ = false;  // for the server
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace headrace::sim
