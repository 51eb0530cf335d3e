// The engine of one process: a loop, its stores and the channel to workers.
// Place: what Engine::Start gives where the process has its store alone; a cluster's engine builds on it, and hands what
//   concerns other partitions to those who drive them.
// Errors, threads: as engine.h.
#pragma once

#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "scheduler/engine.h"
#include "scheduler/loop.h"

namespace headrace::scheduler {

tl::unexpected<Error> Overloaded();

class LocalEngine : public Engine {
 public:
  explicit LocalEngine(EngineOptions options, Neighbours* neighbours = nullptr, store::PartitionId partitions = 1);
  ~LocalEngine() override;

  Status Begin() { return loop_.Start(); }

  Result<FlowView> ValidateFlow(const std::string& source, const std::string& file) override;
  Result<FlowView> ApplyFlow(const std::string& source, const std::string& file) override;
  Result<FlowView> GetFlow(const std::string& ns, const std::string& id, int revision) override;
  Result<std::vector<store::FlowRow>> ListFlows(const std::string& ns_prefix) override { return registry_.ListLatest(ns_prefix); }
  Result<std::vector<store::FlowRow>> ListRevisions(const std::string& ns, const std::string& id) override {
    return registry_.Revisions(ns, id);
  }

  void Submit(SubmitRequest request, SubmitDone done) override;
  Result<ExecutionView> GetExecution(const ExecutionId& id) override;
  Result<model::Execution> GetExecutionHead(const ExecutionId& id) override;
  Result<ExecutionList> ListExecutions(const store::ExecutionQuery& query) override;
  Result<std::vector<store::FlowCount>> CountExecutions(const store::ExecutionQuery& query) override { return store_->Count(query); }
  void Kill(const ExecutionId& id, std::string reason, std::function<void(Status)> done) override;
  void Restart(const ExecutionId& id, std::function<void(Status)> done) override;
  void Pause(const ExecutionId& id, std::function<void(Status)> done) override;
  void Resume(const ExecutionId& id, ResumeRequest request, std::function<void(Status)> done) override;
  void Replay(const ExecutionId& id, ReplayRequest request, SubmitDone done) override;
  void MarkTaskRun(const ExecutionId& id, const TaskRunId& task_run, model::State state,
                   std::function<void(Status)> done) override;
  void ChangeStatus(const ExecutionId& id, model::State state, std::function<void(Status)> done) override;
  void SetLabels(const ExecutionId& id, std::vector<model::Label> labels, std::function<void(Status)> done) override;
  void Unqueue(const ExecutionId& id, model::Admission admission, std::function<void(Status)> done) override;
  Result<PurgeReply> PurgeExecutions(const std::vector<ExecutionId>& ids, bool files) override;
  Result<std::shared_ptr<Subscription>> Watch(const ExecutionId& id, std::uint64_t after,
                                              std::function<void()> on_ready) override {
    return hub_->Watch(id, after, std::move(on_ready));
  }
  TriggerDoor& triggers() override { return *triggers_; }
  void Share(model::ShareRequest request, std::function<void(Result<model::ShareReply>)> done) override;
  Status Settle() override;
  Result<store::LogPage> ReadLogs(const store::LogQuery& query) override;
  Result<std::uint64_t> PurgeLogs(const store::LogPurge& purge) override;
  std::shared_ptr<void> WatchLogs(const ExecutionId& id, std::function<void()> on_ready) override {
    return hub_->WatchLogs(id, std::move(on_ready));
  }
  Result<EngineSample> Sample() override;
  Result<std::vector<QueueView>> ListQueues() override;
  Result<std::vector<WorkerView>> ListWorkers() override;
  Status DrainWorker(const WorkerId& id) override;
  std::string worker_endpoint() const override { return workers_->endpoint(); }
  Duration StuckFor() const override { return loop_.StuckFor(); }
  Result<std::vector<SchedulerView>> ListSchedulers() override;
  void OnPeerCall(std::string request, PeerDone done) override;
  void HandOver() override;

 protected:
  // As Submit, with what subflow() in the inputs does; from a thread that may wait.
  virtual void SubmitAsking(SubmitRequest request, const SubflowCall& subflow, SubmitDone done);
  // Forgets those that have ended for good; which went. Waits.
  virtual Result<std::vector<ExecutionId>> DeleteRows(const std::vector<ExecutionId>& ids);

  bool Post(std::function<void(Core&, Moment)> work) { return loop_.Post(std::move(work)); }

  // Runs `work` on the loop thread and waits until it calls what it was given.
  template <typename T, typename Work>
  Result<T> Await(Work work) {
    auto promise = std::make_shared<std::promise<Result<T>>>();
    std::future<Result<T>> answer = promise->get_future();
    if (!loop_.Post([promise, work = std::move(work)](Core& core, Moment now) {
          work(core, [promise](Result<T> result) { promise->set_value(std::move(result)); }, now);
        })) {
      return Overloaded();
    }
    if (answer.wait_for(std::chrono::seconds(10)) != std::future_status::ready) {
      return Fail(Code::kDeadlineExceeded, "the scheduler did not answer within 10 s");
    }
    return answer.get();
  }

  // Runs `work` on the loop thread and waits for its answer.
  template <typename T>
  Result<T> OnLoop(std::function<T(Core&, Moment)> work) {
    return Await<T>([work = std::move(work)](Core& core, auto done, Moment now) { done(Result<T>(tl::in_place, work(core, now))); });
  }

  template <typename Done, typename Call>
  void PostCall(Done done, Call call) {
    const bool posted = loop_.Post(
        [call = std::move(call), done](Core& core, Moment now) mutable { call(core, std::move(done), now); });
    if (!posted) done(Overloaded());
  }

  // What trigger_calls.h knows, for the partitions that are driven here.
  void DoTriggerCallHere(Object call, std::function<void(Result<Value>)> done);

  // No more calls reach the loop, and what was accepted is answered. Whoever overrides what the loop or its threads call
  // stops them before it ends.
  void StopAll();

  const Clock& clock_;
  const std::unique_ptr<store::Store> store_;
  const std::unique_ptr<store::FlowStore> flow_store_;
  const std::unique_ptr<store::LogStore> logs_;
  const std::unique_ptr<queue::ServerQueue> workers_;
  const std::string name_;
  FlowRegistry registry_;
  const std::shared_ptr<WatchHub> hub_;

 private:
  void PostPrepared(Result<PreparedSubmission> prepared, SubmitDone done);
  void PostEvent(const ExecutionId& id, model::EventBody body, std::function<void(Status)> done);

  const ForgetFiles forget_files_;
  Loop loop_;
  InputSubflows subflows_;
  const std::unique_ptr<TriggerDoor> triggers_;
  std::mutex random_mutex_;
  Random random_;
};

}  // namespace headrace::scheduler
