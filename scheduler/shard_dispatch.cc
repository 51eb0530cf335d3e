// What the dispatcher asks of the core: assignments out of executions, and events out of what workers report.
#include <spdlog/spdlog.h>

#include <algorithm>

#include "common/base/hash.h"
#include "common/model/for_each_item.h"
#include "executor/look_memo.h"
#include "executor/lost_workers.h"
#include "scheduler/shard.h"
#include "scheduler/telemetry.h"

namespace headrace::scheduler {
namespace {

std::uint64_t SpecId(const model::Flow& flow, model::TaskIndex task) {
  return StableHash(flow.digest, StableHash(flow.ns + '\0' + flow.id, task));
}

Object ParseOutputs(const std::string& text, std::string& message) {
  if (text.empty()) return {};
  auto parsed = ParseJson(text);
  if (parsed && parsed->is_object()) return std::move(parsed->get_object());
  message += message.empty() ? "" : "; ";
  message += "its outputs were no JSON object and are left out";
  return {};
}

wire::TaskSpec SpecOf(const model::Task& task) {
  return {.type = task.type, .task_id = task.id, .properties_json = json::serialize(task.properties),
          .timeout = task.timeout, .log_level = task.log_level, .run_if = task.run_if,
          .allow_failure = task.allow_failure, .allow_warning = task.allow_warning};
}

}  // namespace

const model::TaskRun* Shard::FindTaskRun(const wire::TaskKey& key, const executor::LiveExecution** live) {
  auto found = partition_->Find(key.execution);
  if (!found) return nullptr;
  *live = *found;
  const auto& task_runs = (*found)->execution().task_runs;
  return key.fence.task_run < task_runs.size() ? &task_runs[key.fence.task_run] : nullptr;
}

bool Shard::IsCurrent(const wire::TaskKey& key) {
  if (IsLook(key)) return triggers_.IsCurrentLook(key);
  const executor::LiveExecution* live = nullptr;
  const model::TaskRun* task_run = FindTaskRun(key, &live);
  return task_run != nullptr && task_run->fence() == key.fence &&
         (task_run->state.current() == model::State::kSubmitted || task_run->state.current() == model::State::kRunning);
}

std::optional<wire::Assign> Shard::MakeAssign(const wire::TaskKey& key) {
  if (IsLook(key)) {
    std::optional<wire::Assign> look = triggers_.AssignLook(key, now_.wall);
    if (look) look->partition = id_;
    return look;
  }
  if (!IsCurrent(key)) return std::nullopt;
  const executor::LiveExecution* live = nullptr;
  const model::TaskRun& task_run = *FindTaskRun(key, &live);
  const executor::Program& program = live->program();
  wire::Assign assign;
  assign.key = key;
  assign.epoch = partition_->epoch();
  assign.partition = id_;
  assign.spec_id = SpecId(program.flow(), task_run.task);
  const expr::References& references = program.worker_references(task_run.task);
  Object context = executor::BuildContext(*live, task_run.index, references);
  const auto& called = references.functions;
  if (std::find(called.begin(), called.end(), "errorLogs") != called.end()) context["errorLogs"] = ErrorLogs(*live);
  assign.context_json = json::serialize(context);
  assign.task_run = task_run.id;
  assign.ns = program.flow().ns;
  assign.flow_id = program.flow().id;
  if (options_.telemetry != nullptr) assign.trace_parent = options_.telemetry->TraceParent(live->execution(), task_run);
  if (const Value* memo = executor::LookMemo(task_run); memo != nullptr && !task_run.attempts.empty()) {
    assign.memo_json = ToJson(*memo);
    assign.started = task_run.attempts.back().state.started();
  }
  return assign;
}

// Rare, and asked for when something has failed already: it may wait for the log store.
Array Shard::ErrorLogs(const executor::LiveExecution& live) {
  const model::Execution& execution = live.execution();
  FlushLogs();
  Array logs;
  for (const store::LogRow& row : port_.ErrorLogs(execution.id)) {
    Object entry{{"namespace", execution.ns},   {"flowId", execution.flow_id},
                 {"executionId", execution.id.str()}, {"timestamp", FormatInstant(row.at)},
                 {"level", row.level},          {"message", row.message}};
    if (!row.task_id.empty()) entry["taskId"] = row.task_id;
    if (row.task_run && *row.task_run < execution.task_runs.size()) {
      entry["taskRunId"] = execution.task_runs[*row.task_run].id.str();
    }
    if (row.attempt > 0) entry["attemptNumber"] = row.attempt - 1;
    logs.emplace_back(std::move(entry));
  }
  return logs;
}

wire::TaskSpec Shard::MakeSpec(const wire::TaskKey& key) {
  if (IsLook(key)) return triggers_.SpecOfLook(key);
  const executor::LiveExecution* live = nullptr;
  const model::TaskRun* task_run = FindTaskRun(key, &live);
  if (task_run == nullptr) return {};
  const model::Flow& flow = live->program().flow();
  const model::Task& task = flow.task(task_run->task);
  wire::TaskSpec spec = SpecOf(task);
  if (!live->program().worker_renders_run_if(task_run->task)) spec.run_if.clear();
  const model::TaskGroup* children = task.FindGroup("tasks");
  if (children != nullptr) {
    for (const model::TaskIndex child : children->tasks) spec.children.push_back(SpecOf(flow.task(child)));
  }
  return spec;
}

void Shard::OnStarted(const wire::TaskKey& key, const WorkerId& worker) {
  if (IsLook(key)) return;
  Apply(key.execution, model::TaskStarted{key.fence, worker});
}

void Shard::OnResult(const std::string& peer, const WorkerId& worker, wire::TaskResult result) {
  if (IsLook(result.key)) return OnLooked(peer, result);
  if (result.look_later) {
    const std::optional<Timestamp> started = result.started == Timestamp{} ? std::nullopt : std::optional(result.started);
    const bool waits = Wait(result.key, worker, std::move(*result.look_later), started);
    if (!peer.empty()) {
      partition_->After(AckOrder{peer, result.key, waits ? wire::Verdict::kAccepted : wire::Verdict::kStale});
    }
    return;
  }
  model::TaskFinished finished;
  finished.fence = result.key.fence;
  finished.worker = worker;
  finished.outcome = result.outcome;
  finished.message = std::move(result.message);
  finished.outputs = ParseOutputs(result.outputs_json, finished.message);
  if (result.started != Timestamp{}) finished.started = result.started;
  for (wire::NestedResult& nested : result.nested) {
    model::NestedRun& run = finished.nested.emplace_back();
    run.outputs = ParseOutputs(nested.outputs_json, nested.message);
    run.task_id = std::move(nested.task_id);
    run.outcome = nested.outcome;
    run.message = std::move(nested.message);
    run.started = nested.started;
    run.ended = nested.ended;
  }
  auto applied = partition_->Apply(result.key.execution, {now_.wall, std::move(finished)});
  // Not acked, it comes again.
  if (!applied && applied.error().code == Code::kUnavailable) return;
  const wire::Verdict verdict = !applied ? wire::Verdict::kUnknown
                                         : (*applied ? wire::Verdict::kAccepted : wire::Verdict::kStale);
  // Also a stale one waits: what made it stale may not be durable yet.
  if (!peer.empty()) partition_->After(AckOrder{peer, result.key, verdict});
}

bool Shard::IsSuspect(const wire::TaskKey& key) {
  if (IsLook(key)) return false;
  const executor::LiveExecution* live = nullptr;
  const model::TaskRun* task_run = FindTaskRun(key, &live);
  return task_run != nullptr && executor::LostWorkers(*task_run).size() + 1 >= executor::kWorkersLostMost;
}

void Shard::OnLost(const wire::TaskKey& key, const Loss& loss) {
  if (IsLook(key)) return triggers_.OnLookLost(key, loss.reason, now_.wall);
  spdlog::warn("execution {} task run {} attempt {} delivery {}: {}", key.execution.str(), key.fence.task_run,
               key.fence.attempt, key.fence.delivery, loss.reason);
  Apply(key.execution, model::TaskLost{key.fence, loss.reason, loss.worker, loss.process});
  const executor::LiveExecution* live = nullptr;
  const model::TaskRun* task_run = FindTaskRun(key, &live);
  if (task_run != nullptr && executor::IsQuarantined(*task_run))
    spdlog::error("execution {} task run {}: {}", key.execution.str(), key.fence.task_run, task_run->message);
}

void Shard::OnLogs(wire::Logs logs) {
  if (IsLook(logs.key)) return;  // there is no execution to keep them with; what went wrong is in the trigger's row
  const executor::LiveExecution* live = nullptr;
  const model::TaskRun* task_run = FindTaskRun(logs.key, &live);
  if (task_run == nullptr) return;
  const model::Flow& flow = live->program().flow();
  const model::TaskRunIndex shown = model::ShownRun(flow, live->execution(), task_run->index);
  const std::string& task_id = flow.task(live->execution().task_runs[shown].task).id;
  for (wire::LogEntry& entry : logs.entries) {
    worker_logs_.push_back({logs.key.execution, shown, task_id, logs.key.fence.attempt, entry.at,
                            std::move(entry.level), std::move(entry.message)});
  }
}

}  // namespace headrace::scheduler
