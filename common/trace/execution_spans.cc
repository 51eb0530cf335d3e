#include "common/trace/execution_spans.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace headrace::trace {
namespace {

using model::State;

// A stretch of a history between two restarts.
struct Stretch {
  std::size_t restart = 0;
  std::vector<model::StateChange> changes{};

  Timestamp start() const { return changes.front().at; }
  Timestamp end() const { return changes.back().at; }
  State outcome() const { return changes.back().state; }
};

std::vector<Stretch> StretchesOf(const model::StateHistory& history) {
  std::vector<Stretch> out;
  for (const model::StateChange& change : history.changes) {
    if (out.empty() || change.state == State::kRestarted) out.push_back({.restart = out.size()});
    out.back().changes.push_back(change);
  }
  return out;
}

// In the words of cicd.pipeline.result and cicd.pipeline.task.run.result.
const char* ResultOf(State state) {
  switch (state) {
    case State::kSuccess:
    case State::kWarning: return "success";
    case State::kFailed:
    case State::kRetried: return "failure";
    case State::kKilled:
    case State::kCancelled: return "cancellation";
    case State::kSkipped: return "skip";
    default: return "error";
  }
}

SpanStatus StatusOf(State state) {
  switch (state) {
    case State::kSuccess:
    case State::kWarning:
    case State::kSkipped: return SpanStatus::kOk;
    case State::kFailed:
    case State::kRetried:
    case State::kResubmitted: return SpanStatus::kError;
    default: return SpanStatus::kUnset;  // whoever cancels knows why
  }
}

std::string Cut(const std::string& text, std::size_t bytes) {
  if (text.size() <= bytes) return text;
  while (bytes > 0 && (static_cast<unsigned char>(text[bytes]) & 0xC0) == 0x80) --bytes;
  return text.substr(0, bytes);
}

class Builder {
 public:
  Builder(const model::Flow* flow, const model::Execution& execution, const SpanLimits& limits)
      : flow_(flow), execution_(execution), limits_(limits), trace_(TraceOf(execution)), stretches_(StretchesOf(execution.state)) {}

  ExecutionTrace Build();

 private:
  const model::Task* TaskOf(const model::TaskRun& run) const {
    return flow_ == nullptr || run.task >= flow_->arena.size() ? nullptr : &flow_->arena[run.task];
  }
  Span Make(SpanId id, std::optional<SpanId> parent, std::string name, const std::vector<model::StateChange>& changes) const;
  void Conclude(Span& span, State outcome, const char* result_key) const;
  Span OfExecution(const Stretch& stretch) const;
  void AddLabels(Span& span) const;
  SpanId Around(const model::TaskRun& run, Timestamp start) const;
  void AddRun(const model::TaskRun& run);
  void AddAttempts(const model::TaskRun& run, const std::vector<Stretch>& stretches);
  // In the stretch that is told: neither before it, nor after it in one that goes on.
  bool IsNew(Timestamp end) const { return end >= since_ && (!until_ || end < *until_); }
  // One more span may be kept; the first has room always.
  bool HasRoom() {
    if (trace_out_.spans.size() < limits_.spans) return true;
    ++trace_out_.left_out;
    return false;
  }

  const model::Flow* const flow_;
  const model::Execution& execution_;
  const SpanLimits& limits_;
  const TraceId trace_;
  const std::vector<Stretch> stretches_;
  Timestamp since_{};
  std::optional<Timestamp> until_{};
  ExecutionTrace trace_out_{};
};

Span Builder::Make(SpanId id, std::optional<SpanId> parent, std::string name, const std::vector<model::StateChange>& changes) const {
  Span span{.trace = trace_, .id = std::move(id), .parent = std::move(parent), .name = std::move(name)};
  span.start = changes.front().at;
  span.end = std::max(changes.back().at, span.start);
  for (const model::StateChange& change : changes) {
    if (span.events.size() < limits_.events) span.events.push_back({change.at, std::string(model::StateName(change.state))});
    else ++span.events_left_out;
  }
  return span;
}

void Builder::Conclude(Span& span, State outcome, const char* result_key) const {
  span.status = StatusOf(outcome);
  span.attributes.emplace_back(result_key, std::string(ResultOf(outcome)));
  span.attributes.emplace_back("headrace.state", std::string(model::StateName(outcome)));
  if (span.status == SpanStatus::kError) {
    span.attributes.emplace_back("error.type", std::string(outcome == State::kResubmitted ? "worker_lost" : model::StateName(outcome)));
  }
}

void Builder::AddLabels(Span& span) const {
  std::size_t count = 0;
  for (const auto& [key, value] : execution_.labels) {
    if (key.starts_with("system.") || ++count > limits_.labels) continue;
    span.attributes.emplace_back("headrace.label." + Cut(key, limits_.text_bytes), Cut(value, limits_.text_bytes));
  }
}

Span Builder::OfExecution(const Stretch& stretch) const {
  const std::string name = execution_.ns + "/" + execution_.flow_id;
  std::optional<SpanId> parent = SpanOfParent(execution_);
  bool remote = false;
  if (!parent && stretch.restart > 0) parent = SpanOfExecution(execution_.id, 0);
  if (const auto caller = CallerOf(execution_); !parent && caller) {
    parent = caller->span;
    remote = true;
  }
  Span span = Make(SpanOfExecution(execution_.id, stretch.restart), std::move(parent), "RUN " + name, stretch.changes);
  span.parent_is_remote = remote;
  span.kind = SpanKind::kServer;
  span.attributes = {{"cicd.pipeline.name", name},
                     {"cicd.pipeline.action.name", std::string("RUN")},
                     {"cicd.pipeline.run.id", execution_.id.str()},
                     {"headrace.namespace", execution_.ns},
                     {"headrace.flow.id", execution_.flow_id},
                     {"headrace.flow.revision", std::int64_t{execution_.flow_revision}}};
  if (execution_.attempt_number > 1) span.attributes.emplace_back("headrace.execution.attempt", std::int64_t{execution_.attempt_number});
  const Value* trigger = execution_.parent ? nullptr : Member(execution_.trigger, "type");
  if (trigger != nullptr && trigger->is_string()) span.attributes.emplace_back("headrace.trigger.type", std::string(trigger->get_string()));
  AddLabels(span);
  Conclude(span, stretch.outcome(), "cicd.pipeline.result");
  if (stretch.restart > 0) span.links.push_back({trace_, SpanOfExecution(execution_.id, stretch.restart - 1), "restart of"});
  const Value* source = execution_.parent ? nullptr : AtPath(execution_.trigger, "variables.executionId");
  if (source != nullptr && source->is_string() && !execution_.replay_of) {
    span.links.push_back({trace_, SpanOfExecution(ExecutionId(std::string(source->get_string())), 0), "triggered by"});
  }
  // Both share labels, and so the trace.
  if (execution_.replay_of) span.links.push_back({trace_, SpanOfExecution(*execution_.replay_of, 0), "replay of"});
  return span;
}

// The stretch of what is around that was going on when this began.
SpanId Builder::Around(const model::TaskRun& run, Timestamp start) const {
  const bool nested = run.parent && *run.parent < execution_.task_runs.size();
  const model::TaskRun* outer = nested ? &execution_.task_runs[*run.parent] : nullptr;
  if (outer != nullptr && outer->id.empty()) outer = nullptr;
  std::size_t restart = 0;
  for (const model::StateChange& change : (outer == nullptr ? execution_.state : outer->state).changes) {
    if (change.state == State::kRestarted && change.at <= start) ++restart;
  }
  return outer == nullptr ? SpanOfExecution(execution_.id, restart) : SpanOfTaskRun(outer->id, restart);
}

void Builder::AddRun(const model::TaskRun& run) {
  if (run.id.empty() || run.state.changes.empty()) return;  // history too old to be kept
  const model::Task* task = TaskOf(run);
  const std::vector<Stretch> stretches = StretchesOf(run.state);
  for (const Stretch& stretch : stretches) {
    if (!IsNew(stretch.end()) || !HasRoom()) continue;
    Span span = Make(SpanOfTaskRun(run.id, stretch.restart), Around(run, stretch.start()), task == nullptr ? "task" : task->id, stretch.changes);
    if (task != nullptr) {
      span.attributes.emplace_back("cicd.pipeline.task.name", task->id);
      span.attributes.emplace_back("headrace.task.type", task->type);
    }
    span.attributes.emplace_back("cicd.pipeline.task.run.id", run.id.str());
    if (run.iteration) span.attributes.emplace_back("headrace.task.iteration", std::int64_t{*run.iteration});
    if (run.superseded) span.attributes.emplace_back("headrace.task.superseded", true);
    Conclude(span, stretch.outcome(), "cicd.pipeline.task.run.result");
    trace_out_.spans.push_back(std::move(span));
  }
  if (task == nullptr || task->role != model::TaskRole::kFlowable) AddAttempts(run, stretches);
}

void Builder::AddAttempts(const model::TaskRun& run, const std::vector<Stretch>& stretches) {
  std::uint32_t number = 1;
  std::size_t lost = 0;
  for (const model::Attempt& attempt : run.attempts) {
    if (attempt.state.changes.empty()) continue;
    const State outcome = attempt.state.current();
    const SpanId id = SpanOfAttempt(run.id, number, lost);
    if (IsNew(attempt.state.last_changed()) && HasRoom()) {
      std::size_t restart = 0;
      for (const Stretch& stretch : stretches) {
        if (stretch.start() <= attempt.state.started()) restart = stretch.restart;
      }
      Span span = Make(id, SpanOfTaskRun(run.id, restart), "attempt " + std::to_string(number), attempt.state.changes);
      span.kind = attempt.worker.empty() ? SpanKind::kInternal : SpanKind::kConsumer;
      span.attributes.emplace_back("cicd.pipeline.task.run.id", run.id.str());
      span.attributes.emplace_back("headrace.task.attempt", std::int64_t{number});
      if (lost > 0) span.attributes.emplace_back("headrace.task.workers_lost", static_cast<std::int64_t>(lost));
      if (!attempt.worker.empty()) span.attributes.emplace_back("cicd.worker.id", attempt.worker.str());
      Conclude(span, outcome, "cicd.pipeline.task.run.result");
      trace_out_.spans.push_back(std::move(span));
    }
    if (outcome == State::kResubmitted) {
      ++lost;
    } else {
      ++number;
      lost = 0;
    }
  }
}

ExecutionTrace Builder::Build() {
  auto last = stretches_.rbegin();
  while (last != stretches_.rend() && !model::IsTerminal(last->outcome())) ++last;
  if (last == stretches_.rend()) return {};
  since_ = last->start();
  if (last != stretches_.rbegin()) until_ = std::prev(last)->start();
  trace_out_.spans.push_back(OfExecution(*last));
  for (const model::TaskRun& run : execution_.task_runs) {
    if (!run.superseded) AddRun(run);
  }
  // Of a loop's rounds the last ones tell most.
  for (auto run = execution_.task_runs.rbegin(); run != execution_.task_runs.rend(); ++run) {
    if (run->superseded) AddRun(*run);
  }
  if (trace_out_.left_out > 0) {
    trace_out_.spans.front().attributes.emplace_back("headrace.spans.left_out", static_cast<std::int64_t>(trace_out_.left_out));
  }
  return std::move(trace_out_);
}

}  // namespace

ExecutionTrace SpansOf(const model::Flow* flow, const model::Execution& execution, const SpanLimits& limits) {
  return Builder(flow, execution, limits).Build();
}

}  // namespace headrace::trace
