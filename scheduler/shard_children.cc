// What one execution owes another: children to start, to kill, to restart, and parents to tell.
#include <spdlog/spdlog.h>

#include <algorithm>

#include "common/base/hash.h"
#include "common/base/failpoint.h"
#include "common/base/text.h"
#include "common/expr/template.h"
#include "common/flow/inputs.h"
#include "common/model/for_each_item.h"
#include "scheduler/shard.h"

namespace headrace::scheduler {
namespace {

constexpr int kSubflowDepthMax = 32;
constexpr std::size_t kTreesMax = 10'000;

// What will be so the next time, too; the rest is said of the store, or of a partition that another scheduler has by now.
bool IsOfTheFlow(Code code) {
  return code != Code::kUnavailable && code != Code::kAborted && code != Code::kDeadlineExceeded && code != Code::kCancelled;
}

// A later label of the same key wins; order of first appearance stays.
void PutLabel(std::vector<model::Label>& labels, const model::Label& label) {
  const auto it = std::find_if(labels.begin(), labels.end(), [&](const model::Label& l) { return l.first == label.first; });
  if (it == labels.end()) labels.push_back(label);
  else it->second = label.second;
}

}  // namespace

void Shard::Bring(const ExecutionId& from, const ExecutionId& to, decltype(wire::OutboxItem::body) body) {
  wire::OutboxItem item{from, std::move(body), to};
  if (Keeps(PlaceOf(to))) Take(item);
  else partition_->Owe(from, to, std::move(item.body));
}

void Shard::Deliver(const OutboxOrder& order) {
  const auto* told = std::get_if<wire::StateTold>(&order.item.body);
  if (!Keeps(told != nullptr ? told->place : PlaceOf(order.item.to))) {
    owing_.emplace(order.id, order.item.from);
    return host_.Forward(id_, order.id, order.item);
  }
  if (Take(order.item)) return FinishOutbox(order.id);
  undelivered_.push_back(order);
  TryLater();
}

void Shard::FinishOutbox(std::uint64_t id) {
  owing_.erase(id);
  partition_->FinishOutbox(id);
}

bool Shard::StillOwes(const wire::OutboxItem& item) {
  const auto* start = std::get_if<model::StartChild>(&item.body);
  if (start == nullptr) return true;
  const auto parent = partition_->Find(item.from);
  if (!parent) return parent.error().code != Code::kNotFound;
  const auto& runs = (*parent)->execution().task_runs;
  if (start->task_run >= runs.size()) return false;
  const model::TaskRun& run = runs[start->task_run];
  return !run.superseded && run.attempt == start->attempt && run.state.current() == model::State::kSubmitted;
}

// False when it could not be done now, and is to be tried again.
bool Shard::Take(const wire::OutboxItem& item) {
  if (const auto* start = std::get_if<model::StartChild>(&item.body)) return StartChild(item, *start);
  if (const auto* told = std::get_if<wire::StateTold>(&item.body)) {
    triggers_.OnToldState(item.from, told->change, now_.wall);
    return true;
  }
  // Of one that cannot be read now nothing is known.
  if (const auto there = partition_->Find(item.to); !there && there.error().code == Code::kUnavailable) return false;
  if (std::holds_alternative<model::KillChild>(item.body)) {
    Apply(item.to, model::KillRequested{"its parent execution was killed"});
  } else if (const auto* restart = std::get_if<model::RestartChild>(&item.body)) {
    return RestartChild(item, *restart);
  } else if (const auto* ended = std::get_if<model::ChildEnded>(&item.body)) {
    Apply(item.to, *ended);
    PassFailpoint(Failpoint::kChildEnds);
  } else if (std::holds_alternative<model::StartReplacement>(item.body)) {
    return StartReplacement(item);
  } else if (const auto* restarted = std::get_if<model::ChildRestarted>(&item.body)) {
    Apply(item.to, *restarted);
  } else if (const auto* begun = std::get_if<wire::ChildBegun>(&item.body)) {
    BeginChild(item, *begun);
  } else if (const auto* rejected = std::get_if<model::ChildRejected>(&item.body)) {
    Apply(item.to, *rejected);
  }
  return true;
}

void Shard::TryLater() { deliver_again_ = std::min(deliver_again_, now_.wall + kStoreAgain); }

void Shard::DeliverAgain() {
  deliver_again_ = Timestamp::max();
  for (const OutboxOrder& order : std::exchange(undelivered_, {})) Deliver(order);
  for (const auto& [ns, flow_id] : std::exchange(later_, {})) LetQueuedRun(ns, flow_id);
}

bool Shard::StartChild(const wire::OutboxItem& item, const model::StartChild& start) {
  wire::ChildBegun begun{{start.task_run, start.attempt, item.to}, {}};
  // Delivered before, the item just was not crossed out.
  if (const auto found = partition_->Find(item.to)) {
    Bring(item.to, item.from, std::move(begun));
    return true;
  } else if (found.error().code == Code::kUnavailable) {
    return false;
  }
  auto prepared = PrepareChild(item, start);
  Status created = prepared ? Status() : Fail(prepared.error());
  if (prepared) {
    begun.warnings = std::move(prepared->warnings);
    created = Create(*prepared);
    PassFailpoint(Failpoint::kChildBegins);
  }
  if (created) {
    Bring(item.to, item.from, std::move(begun));
    return true;
  }
  if (!IsOfTheFlow(created.error().code)) return false;
  Bring(item.to, item.from, model::ChildRejected{start.task_run, start.attempt, created.error().ToString()});
  return true;
}

void Shard::BeginChild(const wire::OutboxItem& item, const wire::ChildBegun& begun) {
  WarnParent(item.to, begun);
  Apply(item.to, begun.event);
}

// Of the batches of a ForEachItem the first speaks for all.
void Shard::WarnParent(const ExecutionId& parent, const wire::ChildBegun& begun) {
  if (begun.warnings.empty()) return;
  const auto live = partition_->Find(parent);
  if (!live) return;
  const model::Execution& execution = (*live)->execution();
  if (begun.event.task_run >= execution.task_runs.size()) return;
  const model::Flow& flow = (*live)->program().flow();
  const model::TaskRunIndex shown = model::ShownRun(flow, execution, begun.event.task_run);
  if (shown != begun.event.task_run && execution.task_runs[begun.event.task_run].iteration.value_or(0) > 0) return;
  for (const std::string& warning : begun.warnings) {
    worker_logs_.push_back({parent, shown, flow.task(execution.task_runs[shown].task).id, begun.event.attempt, now_.wall,
                            "WARN", warning});
  }
}

Status Shard::CheckNesting(const ExecutionId& parent, const std::string& ns, const std::string& flow_id) {
  ExecutionId root = parent;
  bool inside_itself = false;
  for (int depth = 1; depth <= kSubflowDepthMax; ++depth) {
    const model::Execution* execution = Look(root);
    if (execution == nullptr) return {};
    inside_itself = inside_itself || (execution->ns == ns && execution->flow_id == flow_id);
    if (execution->parent) {
      root = ExecutionId(execution->parent->execution);
      continue;
    }
    if (!inside_itself) return {};
    // Depth alone does not bound a tree that grows at every level.
    if (recursions_.size() > kTreesMax) recursions_.clear();
    if (++recursions_[root] <= options_.recursions_max) return {};
    return Fail(Code::kResourceExhausted, "below execution " + root.str() + " more than " +
                                              std::to_string(options_.recursions_max) +
                                              " subflows run inside executions of their own flow: does a flow start itself?");
  }
  return Fail(Code::kFailedPrecondition, "subflows are nested more than " + std::to_string(kSubflowDepthMax) +
                                             " deep: does a flow start itself?");
}

Result<PreparedSubmission> Shard::PrepareChild(const wire::OutboxItem& item, const model::StartChild& start) {
  RETURN_IF_ERROR(CheckNesting(item.from, start.ns, start.flow_id));
  ASSIGN_OR_RETURN(RegisteredFlow flow, flows_.Get(start.ns, start.flow_id, start.revision));
  SubmitRequest request{.ns = start.ns, .flow_id = start.flow_id, .revision = flow.program->flow().revision,
                        .inputs = start.inputs, .trigger = start.trigger, .scheduled = start.scheduled};
  Random random(StableHash(item.to.str()));
  ASSIGN_OR_RETURN(PreparedSubmission prepared, PrepareSubmission(flows_, std::move(request), now_.wall, random));
  for (std::string& undeclared : prepared.warnings) {
    undeclared = "Input " + undeclared + " was provided by parent execution " + item.from.str() + " for subflow " +
                 start.ns + "." + start.flow_id + " but isn't declared at the subflow inputs";
  }
  std::vector<model::Label> labels = flow.program->flow().labels;
  // What the child inherits is among them already.
  for (const model::Label& label : start.labels) PutLabel(labels, label);
  prepared.submitted.id = item.to;
  prepared.submitted.labels = std::move(labels);
  prepared.submitted.parent = model::ParentLink{item.from, start.task_run, start.attempt};
  return prepared;
}

namespace {

// What defaults of inputs and checks may name beside the inputs.
Object AroundInputs(const executor::Program& program, const SubmitRequest& request) {
  const model::Flow& flow = program.flow();
  Object context = program.surroundings();
  context["flow"] = Object{{"id", flow.id}, {"namespace", flow.ns}, {"revision", flow.revision}, {"tenantId", "main"}};
  context["vars"] = flow.variables;
  Object labels;
  for (const auto& [key, value] : flow.labels) labels[key] = value;
  for (const auto& [key, value] : request.labels) labels[key] = value;
  context["labels"] = std::move(labels);
  if (const Value* variables = request.trigger.is_object() ? Member(request.trigger, "variables") : nullptr) {
    context["trigger"] = *variables;
  }
  return context;
}

// A check that does not hold may block the execution (an error), fail it, or only be noted.
Status AskChecks(const model::Flow& flow, Object context, model::Submitted& submitted, expr::Environment& environment) {
  if (flow.checks.empty()) return {};
  context["inputs"] = submitted.inputs;
  for (const model::Check& check : flow.checks) {
    ASSIGN_OR_RETURN(const auto condition, expr::Template::Compile(check.condition));
    ASSIGN_OR_RETURN(const std::string holds, condition->RenderText(Value(context), environment));
    if (IsTruthy(holds)) continue;
    const std::string message =
        check.message.empty() ? "a check of the flow does not hold: " + check.condition : check.message;
    if (check.behavior == model::Check::Behavior::kBlockExecution) return Fail(Code::kFailedPrecondition, message);
    if (check.behavior == model::Check::Behavior::kFailExecution) {
      submitted.admission = model::Admission::kFail;
      submitted.reason = message;
    }
  }
  return {};
}

}  // namespace

Result<PreparedSubmission> PrepareSubmission(FlowRegistry& flows, SubmitRequest request, Timestamp now, Random& random,
                                             const SubflowCall& subflow) {
  ASSIGN_OR_RETURN(RegisteredFlow found, flows.Get(request.ns, request.flow_id, request.revision));
  const model::Flow& flow = found.program->flow();
  if (flow.disabled) return Fail(Code::kFailedPrecondition, "Cannot execute a flow which is disabled");
  PreparedSubmission prepared;
  prepared.body_digest = Sha256Hex(request.ns + '\0' + request.flow_id + '\0' + std::to_string(request.revision) + '\0' +
                                   json::serialize(request.inputs));
  InputEnvironment environment(now, random.Next(), found.program->time_zone(), subflow);
  const Object context = AroundInputs(*found.program, request);
  ASSIGN_OR_RETURN(flow::ResolvedInputs resolved, flow::ResolveInputs(flow, request.inputs, environment, context, flows.seams()));
  prepared.program = found.program;
  prepared.request_id = std::move(request.request_id);
  prepared.warnings = std::move(resolved.undeclared);
  prepared.submitted.id = NewExecutionId(now, random, PlaceOfFlow(flow.ns, flow.id));
  prepared.submitted.inputs = std::move(resolved.inputs);
  prepared.submitted.labels = flow.labels;
  for (const model::Label& label : request.labels) PutLabel(prepared.submitted.labels, label);
  prepared.submitted.trigger = std::move(request.trigger);
  prepared.submitted.scheduled = request.scheduled;
  expr::BasicEnvironment of_checks(now, random.Next(), found.program->time_zone());
  RETURN_IF_ERROR(AskChecks(flow, context, prepared.submitted, of_checks));
  return prepared;
}

}  // namespace headrace::scheduler
