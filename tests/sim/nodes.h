// The processes of a simulated world: schedulers and workers, running the real Core and the real WorkerSession.
// Shapes: a frame names the connection it came over; a new connection is a new peer, as with ZeroMQ.
// Threads: one.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/sim/sim_store.h"
#include "worker/session.h"

namespace headrace::sim {

// What the nodes share. Frames go through `to_scheduler` and `to_worker`, which lose, delay and repeat them.
struct Surroundings {
  World& world;
  Laws& laws;
  store::Store& disk;
  store::FlowStore& flow_disk;
  std::shared_ptr<const flow::Catalog> catalog;
  StoreFaults store_faults;
  std::function<void(int worker, std::string frame)> to_scheduler;
  std::function<void(const std::string& peer, std::string frame)> to_worker;
};

class SchedulerNode final : private scheduler::CorePort {
 public:
  explicit SchedulerNode(Surroundings& around);
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
  scheduler::FlowRegistry& flows() { return registry_; }
  const scheduler::Core& core() const { return *core_; }

 private:
  void Do(std::function<void()> work);
  void Tick();
  void PlanWake();
  void SendFrame(const std::string& peer, std::string bytes) override;
  void AppendLogs(std::vector<store::LogRow>) override {}
  void Commit(store::WriteBatch batch) override;

  Surroundings& around_;
  SimStore store_;
  scheduler::FlowRegistry registry_;
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

  void OnFrame(const std::string& frame);
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
  void Do(std::function<void()> work);
  void Settle();
  void Finish(const wire::TaskKey& key, model::State outcome, const std::string& message);
  void Plan(const wire::TaskKey& key, std::uint64_t number, Duration delay, model::State outcome);
  void Send(wire::FromWorker message) override { outgoing_.push_back(std::move(message)); }
  void StartTask(worker::StartOrder order) override;
  void CancelTask(const wire::TaskKey& key, Duration grace, const std::string& reason) override;
  void AbandonTask(const wire::TaskKey& key) override;

  Surroundings& around_;
  const int index_;
  const std::function<TaskFate(const worker::StartOrder&)> fate_;
  std::unique_ptr<worker::WorkerSession> session_;
  std::map<wire::TaskKey, Running, worker::TaskKeyLess> running_;
  std::vector<wire::FromWorker> outgoing_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  bool paused_ = false;
  std::vector<std::function<void()>> waiting_;
  std::uint64_t wake_ = 0;
  std::uint64_t next_run_ = 0;
};

}  // namespace headrace::sim
