// A scripted Engine: flows and executions that a test puts there, and answers it gives when it wants to.
// Threads: the server's; a test changes it under the lock that the functions take.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "scheduler/engine.h"
#include "tests/unit/api/fake_triggers.h"

namespace headrace::api::testing {

class FakeSubscription final : public scheduler::Subscription {
 public:
  explicit FakeSubscription(std::function<void()> on_ready) : on_ready_(std::move(on_ready)) {}
  Result<std::optional<scheduler::WatchUpdate>> Next() override;
  void Push(scheduler::WatchUpdate update);
  void Break(Error error);
  std::size_t waiting() const;

 private:
  std::function<void()> on_ready_;
  mutable std::mutex mutex_;
  std::deque<scheduler::WatchUpdate> updates_;
  std::optional<Error> error_;
};

class FakeEngine final : public scheduler::Engine {
 public:
  Result<scheduler::FlowView> ValidateFlow(const std::string& source, const std::string& file) override;
  Result<scheduler::FlowView> ApplyFlow(const std::string& source, const std::string& file) override;
  Result<scheduler::FlowView> GetFlow(const std::string& ns, const std::string& id, int revision) override;
  Result<std::vector<store::FlowRow>> ListFlows(const std::string& ns_prefix) override;
  Result<std::vector<store::FlowRow>> ListRevisions(const std::string& ns, const std::string& id) override;
  void Submit(scheduler::SubmitRequest request, SubmitDone done) override;
  Result<scheduler::ExecutionView> GetExecution(const ExecutionId& id) override;
  Result<model::Execution> GetExecutionHead(const ExecutionId& id) override;
  Result<scheduler::ExecutionList> ListExecutions(const store::ExecutionQuery& query) override;
  Result<std::vector<store::FlowCount>> CountExecutions(const store::ExecutionQuery& query) override;
  // What has not ended stays.
  Result<scheduler::PurgeReply> PurgeExecutions(const std::vector<ExecutionId>& ids, bool files) override;
  void Kill(const ExecutionId& id, std::string reason, std::function<void(Status)> done) override;
  void Restart(const ExecutionId& id, std::function<void(Status)> done) override;
  void Pause(const ExecutionId& id, std::function<void(Status)> done) override { Note("pause " + id.str(), done); }
  void Resume(const ExecutionId& id, scheduler::ResumeRequest request, std::function<void(Status)> done) override {
    Note("resume " + id.str() + " " + ToJson(Value(request.inputs)) + " by " + request.by, done);
  }
  void Replay(const ExecutionId& id, scheduler::ReplayRequest request, SubmitDone done) override {
    Note("replay " + id.str() + " from " + request.task_run.str(), [](const Status&) {});
    done(scheduler::SubmitReply{ExecutionId("replayed"), false, {}});
  }
  void MarkTaskRun(const ExecutionId& id, const TaskRunId& task_run, model::State state,
                   std::function<void(Status)> done) override {
    Note("mark " + id.str() + " " + task_run.str() + " " + std::string(model::StateName(state)), done);
  }
  void ChangeStatus(const ExecutionId& id, model::State state, std::function<void(Status)> done) override {
    Note("status " + id.str() + " " + std::string(model::StateName(state)), done);
  }
  void SetLabels(const ExecutionId& id, std::vector<model::Label> labels, std::function<void(Status)> done) override {
    Note("labels " + id.str() + " " + std::to_string(labels.size()), done);
  }
  void Unqueue(const ExecutionId& id, model::Admission admission, std::function<void(Status)> done) override {
    Note("unqueue " + id.str() + " " + std::to_string(static_cast<int>(admission)), done);
  }
  Result<std::shared_ptr<scheduler::Subscription>> Watch(const ExecutionId& id, std::uint64_t after,
                                                         std::function<void()> on_ready) override;
  scheduler::TriggerDoor& triggers() override { return trigger_door; }
  void Share(model::ShareRequest, std::function<void(Result<model::ShareReply>)> done) override {
    done(Fail(Code::kUnimplemented, "no shared records here"));
  }
  Status Settle() override {
    ++settles;
    return settled;
  }
  Result<store::LogPage> ReadLogs(const store::LogQuery& query) override;
  Result<std::uint64_t> PurgeLogs(const store::LogPurge& purge) override;
  std::shared_ptr<void> WatchLogs(const ExecutionId& id, std::function<void()> on_ready) override;
  Result<scheduler::EngineSample> Sample() override;
  Result<std::vector<scheduler::QueueView>> ListQueues() override;
  Result<std::vector<scheduler::WorkerView>> ListWorkers() override;
  Status DrainWorker(const WorkerId& id) override;
  std::string worker_endpoint() const override { return "tcp://127.0.0.1:5555"; }
  Duration StuckFor() const override { return stuck_for; }
  Result<std::vector<scheduler::SchedulerView>> ListSchedulers() override { return schedulers; }
  void OnPeerCall(std::string request, scheduler::PeerDone done) override { peer_call(std::move(request), std::move(done)); }
  void HandOver() override {}

  // ---- the script ----
  void Put(scheduler::ExecutionView view);
  // Appends a log row and tells who follows.
  void Log(store::LogRow row);
  // The newest subscription to `id`, waited for.
  std::shared_ptr<FakeSubscription> AwaitWatch(const ExecutionId& id);

  FakeTriggers trigger_door;
  std::mutex mutex;
  std::function<Result<scheduler::FlowView>(const std::string& source)> build;  // validate and apply
  std::function<void(scheduler::SubmitRequest, SubmitDone)> submit;
  std::vector<store::FlowRow> flows;
  std::map<std::string, scheduler::ExecutionView> executions;
  std::vector<store::LogRow> logs;
  Status settled{};
  std::atomic<int> settles{0};
  std::atomic<Duration> stuck_for{Duration(0)};
  std::vector<scheduler::WorkerView> workers;
  scheduler::EngineSample sample;  // without the workers above
  std::optional<Error> queues_unknown;
  std::vector<scheduler::SchedulerView> schedulers;
  std::function<void(std::string request, scheduler::PeerDone done)> peer_call;
  std::vector<std::string> killed;  // "id: reason"
  std::vector<std::string> drained;
  std::vector<std::string> operations;
  std::vector<std::uint64_t> watched_after;
  store::ExecutionQuery last_query;
  store::LogPurge last_log_purge;

 private:
  void Note(std::string operation, const std::function<void(Status)>& done) {
    {
      std::lock_guard lock(mutex);
      operations.push_back(std::move(operation));
    }
    done({});
  }

  std::condition_variable watched_;
  std::map<std::string, std::shared_ptr<FakeSubscription>> watches_;
  std::vector<std::weak_ptr<std::function<void()>>> log_watches_;
};

// A flow with a loop `poll` (task 0) around `check` (task 1), and its execution with both running.
model::FlowPtr LoopFlow();
model::Execution LoopExecution(const std::string& id);

}  // namespace headrace::api::testing
