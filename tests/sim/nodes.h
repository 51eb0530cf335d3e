// The processes of a simulated world: schedulers and workers, running the real Core and the real WorkerSession.
// Shapes: a frame names the connection it came over; a new connection is a new peer, as with ZeroMQ.
// Threads: one.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/store/memory_cluster.h"
#include "tests/sim/sim_store.h"
#include "worker/session.h"

namespace headrace::sim {

// What the nodes share. Frames go through `to_scheduler` and `to_worker`, which lose, delay and repeat them.
struct Surroundings {
  World& world;
  Laws& laws;
  store::MemoryCluster& disk;
  StoreServer& server;
  std::shared_ptr<const flow::Catalog> catalog;
  StoreFaults store_faults;
  std::function<void(int worker, int scheduler, std::string frame)> to_scheduler;
  std::function<void(int scheduler, const std::string& peer, std::string frame)> to_worker;
  // How many partitions there are, shared by lease; one is taken by force, by whoever starts last.
  store::PartitionId partitions = 1;
  int schedulers = 1;
  // From one scheduler to whoever drives the partition; the answer may never come.
  std::function<void(int from, store::PartitionId to, const std::string& name, const wire::OutboxItem& item,
                     std::function<void(Status)> done)>
      tell{};
  // Whether any other scheduler reaches the store.
  std::function<bool(int scheduler)> others_reach_store = [](int) { return false; };
};

struct SchedulerLife {
  int number = 0;
  Duration skew{};      // of its clock
  bool before = false;  // of the release before
};

class SchedulerNode final : private scheduler::CorePort {
 public:
  SchedulerNode(Surroundings& around, int index, const SchedulerLife& life);
  ~SchedulerNode() override;  // a crash

  void OnFrame(const std::string& peer, const std::string& frame);
  void Submit(scheduler::SubmitRequest request, scheduler::Engine::SubmitDone done);
  void Kill(const ExecutionId& id);
  void Restart(const ExecutionId& id);
  void Purge(const ExecutionId& id);
  // A flow was deployed: its triggers.
  void Follow(const std::string& flow_id);
  void Pause() { paused_ = true; }
  void Resume();
  bool failed() const { return !core_->failed(); }
  bool drives(store::PartitionId id) const { return core_->Drives(id); }
  void Accept(const std::string& name, const wire::OutboxItem& item, std::function<void(Status)> done);
  // Gives everything away, and takes nothing any more.
  void Leave() { leaving_ = true; }
  bool left() const { return leaving_ && mine_.empty(); }
  int index() const { return index_; }
  bool before() const { return life_.before; }
  bool reaches_store() const;
  scheduler::FlowRegistry& flows() { return registry_; }
  const scheduler::Core& core() const { return *core_; }

 private:
  void Do(std::function<void()> work);
  void Tick();
  void PlanWake();
  // What the keeper of a process does, at the pace of simulated time.
  void Keep();
  void KeepOn();
  void RenewLeases();
  void TakeFree(std::size_t share, const std::vector<store::LeaseHolder>& holders);
  bool Take(store::PartitionId partition);
  void GiveAway(std::size_t share);
  std::size_t Kept() const;
  scheduler::Moment Moment() const;
  void Tell(store::PartitionId to, const std::string& name, const wire::OutboxItem& item, std::function<void(Status)> done) override;
  void SendFrame(const std::string& peer, std::string bytes) override;
  void AppendLogs(std::vector<store::LogRow>) override {}
  void Commit(store::WriteBatch batch) override;

  struct Mine {
    store::Epoch epoch = 0;
    Duration renewed{};
    bool closing = false;
  };

  Surroundings& around_;
  const int index_;
  const std::string owner_;
  const SchedulerLife life_;
  const store::MemoryStores stores_;
  SimStore store_;
  SimLeases leases_;
  SimFlows flows_;
  Duration reached_{};  // the store, last
  scheduler::FlowRegistry registry_;
  std::map<store::PartitionId, Mine> mine_;
  bool leaving_ = false;
  std::shared_ptr<scheduler::WatchHub> hub_;
  std::unique_ptr<scheduler::Core> core_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  bool paused_ = false;
  std::vector<std::function<void()>> waiting_;  // what came while paused
  std::uint64_t wake_ = 0;
};

// What a task does: a pure function of what it is, so that a world without faults ends the same.
struct TaskFate {
  Duration takes{};
  model::State outcome = model::State::kSuccess;
  std::string outputs_json = "{}";
};

class WorkerNode final : private worker::SessionPort {
 public:
  WorkerNode(Surroundings& around, int index, std::string name, std::function<TaskFate(const worker::StartOrder&)> fate);
  ~WorkerNode() override;  // a crash: its tasks die with it

  void OnFrame(int scheduler, const std::string& frame);
  void Pause();
  void Resume();
  void Drain();
  bool done() const { return session_->done(); }
  int index() const { return index_; }

 private:
  struct Running {
    worker::StartOrder order;
    Timestamp started{};
    TaskFate fate;
    std::uint64_t number = 0;
    bool abandoned = false;
  };
  struct Assigned {
    wire::TaskKey key;
    store::PartitionId partition = 0;
    store::Epoch epoch = 0;
  };
  void Do(std::function<void()> work);
  void Settle();
  void Finish(const wire::TaskKey& key, model::State outcome, const std::string& message);
  void Plan(const wire::TaskKey& key, std::uint64_t number, Duration delay, model::State outcome);
  void Send(worker::LinkId link, wire::FromWorker message) override { outgoing_[link].push_back(std::move(message)); }
  void StartTask(worker::StartOrder order) override;
  void CancelTask(const wire::TaskKey& key, Duration grace, const std::string& reason) override;
  void AbandonTask(const wire::TaskKey& key) override;

  Surroundings& around_;
  const int index_;
  const std::function<TaskFate(const worker::StartOrder&)> fate_;
  std::unique_ptr<worker::WorkerSession> session_;
  std::map<wire::TaskKey, Running, worker::TaskKeyLess> running_;
  std::map<worker::LinkId, std::vector<wire::FromWorker>> outgoing_;
  Assigned assigned_;  // last
  std::map<store::PartitionId, store::Epoch> began_in_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  bool paused_ = false;
  std::vector<std::function<void()>> waiting_;
  std::uint64_t wake_ = 0;
  std::uint64_t next_run_ = 0;
};

}  // namespace headrace::sim
