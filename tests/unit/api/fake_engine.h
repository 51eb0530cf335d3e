// A scripted Engine: flows and executions that a test puts there, and answers it gives when it wants to.
// Threads: the server's; a test changes it under the lock that the functions take.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "scheduler/engine.h"

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
  Result<scheduler::ExecutionList> ListExecutions(const store::ExecutionQuery& query) override;
  void Kill(const ExecutionId& id, std::string reason, std::function<void(Status)> done) override;
  void Restart(const ExecutionId& id, std::function<void(Status)> done) override;
  Result<std::shared_ptr<scheduler::Subscription>> Watch(const ExecutionId& id, std::uint64_t after,
                                                         std::function<void()> on_ready) override;
  Result<store::LogPage> ReadLogs(const store::LogQuery& query) override;
  std::shared_ptr<void> WatchLogs(const ExecutionId& id, std::function<void()> on_ready) override;
  Result<std::vector<scheduler::WorkerView>> ListWorkers() override;
  Status DrainWorker(const WorkerId& id) override;
  std::string worker_endpoint() const override { return "tcp://127.0.0.1:5555"; }

  // ---- the script ----
  void Put(scheduler::ExecutionView view);
  // Appends a log row and tells who follows.
  void Log(store::LogRow row);
  // The newest subscription to `id`, waited for.
  std::shared_ptr<FakeSubscription> AwaitWatch(const ExecutionId& id);

  std::mutex mutex;
  std::function<Result<scheduler::FlowView>(const std::string& source)> build;  // validate and apply
  std::function<void(scheduler::SubmitRequest, SubmitDone)> submit;
  std::vector<store::FlowRow> flows;
  std::map<std::string, scheduler::ExecutionView> executions;
  std::vector<store::LogRow> logs;
  std::vector<scheduler::WorkerView> workers;
  std::vector<std::string> killed;  // "id: reason"
  std::vector<std::string> drained;
  std::vector<std::uint64_t> watched_after;
  store::ExecutionQuery last_query;

 private:
  std::condition_variable watched_;
  std::map<std::string, std::shared_ptr<FakeSubscription>> watches_;
  std::vector<std::weak_ptr<std::function<void()>>> log_watches_;
};

// A flow with a loop `poll` (task 0) around `check` (task 1), and its execution with both running.
model::FlowPtr LoopFlow();
model::Execution LoopExecution(const std::string& id);

}  // namespace headrace::api::testing
