#include "tests/unit/api/fake_engine.h"

#include <algorithm>
#include <utility>

namespace headrace::api::testing {

Result<std::optional<scheduler::WatchUpdate>> FakeSubscription::Next() {
  std::lock_guard lock(mutex_);
  if (!updates_.empty()) {
    std::optional<scheduler::WatchUpdate> update = std::move(updates_.front());
    updates_.pop_front();
    return update;
  }
  if (error_) return Fail(*error_);
  return std::optional<scheduler::WatchUpdate>();
}

void FakeSubscription::Push(scheduler::WatchUpdate update) {
  {
    std::lock_guard lock(mutex_);
    updates_.push_back(std::move(update));
  }
  on_ready_();
}

void FakeSubscription::Break(Error error) {
  {
    std::lock_guard lock(mutex_);
    error_ = std::move(error);
  }
  on_ready_();
}

std::size_t FakeSubscription::waiting() const {
  std::lock_guard lock(mutex_);
  return updates_.size();
}

Result<scheduler::FlowView> FakeEngine::ValidateFlow(const std::string& source, const std::string&) {
  return build(source);
}
Result<scheduler::FlowView> FakeEngine::ApplyFlow(const std::string& source, const std::string&) {
  return build(source);
}

Result<scheduler::FlowView> FakeEngine::GetFlow(const std::string& ns, const std::string& id, int) {
  if (ns != "release" || id != "poll-it") return NotFound("flow " + ns + "/" + id + " does not exist");
  return scheduler::FlowView{LoopFlow(), FromMicros(1'000'000)};
}

Result<std::vector<store::FlowRow>> FakeEngine::ListFlows(const std::string&) {
  std::lock_guard lock(mutex);
  return flows;
}

Result<std::vector<store::FlowRow>> FakeEngine::ListRevisions(const std::string& ns, const std::string& id) {
  std::lock_guard lock(mutex);
  std::vector<store::FlowRow> rows = flows;
  std::erase_if(rows, [&](const store::FlowRow& row) { return row.ns != ns || row.id != id; });
  return rows;
}

void FakeEngine::Submit(scheduler::SubmitRequest request, SubmitDone done) {
  submit(std::move(request), std::move(done));
}

Result<scheduler::ExecutionView> FakeEngine::GetExecution(const ExecutionId& id) {
  std::lock_guard lock(mutex);
  const auto found = executions.find(id.str());
  if (found == executions.end()) return NotFound("execution " + id.str() + " does not exist");
  return found->second;
}

Result<model::Execution> FakeEngine::GetExecutionHead(const ExecutionId& id) {
  ASSIGN_OR_RETURN(scheduler::ExecutionView view, GetExecution(id));
  view.execution.task_runs.clear();
  return std::move(view.execution);
}

Result<std::vector<store::FlowCount>> FakeEngine::CountExecutions(const store::ExecutionQuery& query) {
  std::lock_guard lock(mutex);
  last_query = query;
  std::map<std::pair<std::string, std::string>, std::uint64_t> counts;
  for (const auto& [id, view] : executions) ++counts[{view.execution.ns, view.execution.flow_id}];
  std::vector<store::FlowCount> out;
  for (const auto& [flow, count] : counts) out.push_back({flow.first, flow.second, count});
  return out;
}

Result<scheduler::PurgeReply> FakeEngine::PurgeExecutions(const std::vector<ExecutionId>& ids, bool files) {
  std::lock_guard lock(mutex);
  scheduler::PurgeReply reply;
  for (const ExecutionId& id : ids) {
    const auto found = executions.find(id.str());
    if (found == executions.end()) continue;
    if (!found->second.execution.closed) {
      reply.kept.push_back(id);
      continue;
    }
    executions.erase(found);
    ++reply.executions;
    reply.logs += std::erase_if(logs, [&](const store::LogRow& row) { return row.execution == id; });
    if (files) ++reply.files;
  }
  return reply;
}

Result<std::uint64_t> FakeEngine::PurgeLogs(const store::LogPurge& purge) {
  std::lock_guard lock(mutex);
  last_log_purge = purge;
  return std::erase_if(logs, [&](const store::LogRow& row) {
    return std::find(purge.executions.begin(), purge.executions.end(), row.execution) != purge.executions.end();
  });
}

Result<scheduler::ExecutionList> FakeEngine::ListExecutions(const store::ExecutionQuery& query) {
  std::lock_guard lock(mutex);
  last_query = query;
  scheduler::ExecutionList list;
  for (auto it = executions.upper_bound(query.page_token); it != executions.end(); ++it) {
    if (list.executions.size() == query.limit) {
      list.next_page_token = list.executions.back().id.str();
      break;
    }
    list.executions.push_back(it->second.execution);
    list.executions.back().task_runs.clear();
  }
  return list;
}

void FakeEngine::Kill(const ExecutionId& id, std::string reason, std::function<void(Status)> done) {
  {
    std::lock_guard lock(mutex);
    killed.push_back(id.str() + ": " + reason);
  }
  done({});
}

void FakeEngine::Restart(const ExecutionId& id, std::function<void(Status)> done) {
  done(Fail(Code::kFailedPrecondition, "execution " + id.str() + " is RUNNING; only one that failed restarts"));
}

Result<std::shared_ptr<scheduler::Subscription>> FakeEngine::Watch(const ExecutionId& id, std::uint64_t after,
                                                                   std::function<void()> on_ready) {
  auto subscription = std::make_shared<FakeSubscription>(std::move(on_ready));
  {
    std::lock_guard lock(mutex);
    const auto found = executions.find(id.str());
    if (found == executions.end()) return NotFound("execution " + id.str() + " does not exist");
    watched_after.push_back(after);
    watches_[id.str()] = subscription;
    if (after == 0) {
      scheduler::WatchUpdate update{true, found->second.flow, found->second.execution};
      update.execution.task_runs.clear();
      for (const model::TaskRun& run : found->second.execution.task_runs) update.task_runs.push_back(run);
      subscription->Push(std::move(update));
    }
  }
  watched_.notify_all();
  return subscription;
}

std::shared_ptr<FakeSubscription> FakeEngine::AwaitWatch(const ExecutionId& id) {
  std::unique_lock lock(mutex);
  watched_.wait(lock, [&] { return watches_.contains(id.str()); });
  return watches_.at(id.str());
}

Result<store::LogPage> FakeEngine::ReadLogs(const store::LogQuery& query) {
  std::lock_guard lock(mutex);
  store::LogPage page;
  for (std::size_t i = 0; i < logs.size() && page.rows.size() < query.limit; ++i) {
    const bool wanted = logs[i].execution == query.execution && i + 1 > query.after &&
                        (query.task_id.empty() || logs[i].task_id == query.task_id) &&
                        (query.level_min.empty() || logs[i].level == query.level_min);
    if (!wanted) continue;
    page.rows.push_back(logs[i]);
    page.offsets.push_back(i + 1);
  }
  return page;
}

std::shared_ptr<void> FakeEngine::WatchLogs(const ExecutionId&, std::function<void()> on_ready) {
  auto watch = std::make_shared<std::function<void()>>(std::move(on_ready));
  std::lock_guard lock(mutex);
  log_watches_.push_back(watch);
  return watch;
}

Result<scheduler::EngineSample> FakeEngine::Sample() {
  std::lock_guard lock(mutex);
  scheduler::EngineSample out = sample;
  out.workers = workers;
  return out;
}

Result<std::vector<scheduler::QueueView>> FakeEngine::ListQueues() {
  std::lock_guard lock(mutex);
  if (queues_unknown) return Fail(*queues_unknown);
  return sample.queues;
}

Result<std::vector<scheduler::WorkerView>> FakeEngine::ListWorkers() {
  std::lock_guard lock(mutex);
  return workers;
}

Status FakeEngine::DrainWorker(const WorkerId& id) {
  std::lock_guard lock(mutex);
  if (id.str() != "w1") return NotFound("worker " + id.str() + " is not connected; did you mean w1?");
  drained.push_back(id.str());
  return {};
}

void FakeEngine::Put(scheduler::ExecutionView view) {
  std::lock_guard lock(mutex);
  executions[view.execution.id.str()] = std::move(view);
}

void FakeEngine::Log(store::LogRow row) {
  std::vector<std::shared_ptr<std::function<void()>>> watches;
  {
    std::lock_guard lock(mutex);
    logs.push_back(std::move(row));
    for (const auto& weak : log_watches_) {
      if (auto watch = weak.lock()) watches.push_back(std::move(watch));
    }
  }
  for (const auto& watch : watches) (*watch)();
}

model::FlowPtr LoopFlow() {
  auto flow = std::make_shared<model::Flow>();
  flow->ns = "release";
  flow->id = "poll-it";
  flow->revision = 3;
  flow->source = "id: poll-it\n";
  flow->inputs.push_back({.id = "version", .type = "STRING"});
  model::Task loop;
  loop.index = 0;
  loop.id = "poll";
  loop.type = "io.kestra.plugin.core.flow.LoopUntil";
  loop.role = model::TaskRole::kFlowable;
  loop.groups.push_back({"tasks", {1}});
  model::Task check;
  check.index = 1;
  check.parent = 0;
  check.id = "check";
  check.type = "io.kestra.plugin.scripts.shell.Commands";
  flow->arena = {loop, check};
  flow->tasks = {0};
  return flow;
}

model::Execution LoopExecution(const std::string& id) {
  model::Execution execution;
  execution.id = ExecutionId(id);
  execution.ns = "release";
  execution.flow_id = "poll-it";
  execution.flow_revision = 3;
  execution.version = 7;
  execution.state.Enter(model::State::kCreated, FromMicros(1'000'000));
  execution.state.Enter(model::State::kRunning, FromMicros(1'500'000));
  execution.inputs["version"] = "1.2.3";
  execution.labels.emplace_back("release", "1.2.3");
  const auto add = [&](model::TaskIndex task, std::optional<model::TaskRunIndex> parent, int iteration, bool old) {
    model::TaskRun run;
    run.index = static_cast<model::TaskRunIndex>(execution.task_runs.size());
    run.id = TaskRunId("run" + std::to_string(run.index));
    run.task = task;
    run.parent = parent;
    run.iteration = iteration;
    run.superseded = old;
    run.state.Enter(model::State::kCreated, FromMicros(2'000'000));
    run.state.Enter(old ? model::State::kSuccess : model::State::kRunning, FromMicros(3'250'000));
    run.attempts.push_back({run.state, WorkerId("w1")});
    execution.task_runs.push_back(run);
  };
  add(0, std::nullopt, 1, false);
  add(1, 0, 0, true);
  add(1, 0, 1, false);
  return execution;
}

}  // namespace headrace::api::testing
