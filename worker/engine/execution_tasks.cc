#include <algorithm>
#include <tuple>

#include "common/base/text.h"
#include "worker/engine/asking.h"
#include "worker/engine/engine_tasks.h"
#include "worker/function_runner.h"

namespace headrace::worker {
namespace {

using model::PropertyKind;

const std::string kPrefix = "io.kestra.plugin.core.execution.";

// ---- Count ----

using FlowCount = EngineDoor::FlowCount;

struct CountPlan {
  std::vector<std::pair<std::string, std::string>> flows{};  // namespace, id
  std::vector<std::string> namespaces{};
  ExecutionFilter filter{};
};

Result<CountPlan> PlanOf(TaskContext& context) {
  CountPlan plan;
  ASSIGN_OR_RETURN(const Value flows, context.Render("flows"));
  if (!flows.is_null() && !flows.is_array()) return InvalidArgument("flows: expected a list of {namespace, flowId}");
  if (const Array* list = flows.if_array()) {
    for (const Value& flow : *list) {
      const Value* ns = Member(flow, "namespace");
      const Value* id = Member(flow, "flowId");
      if (ns == nullptr || id == nullptr) return InvalidArgument("flows: each needs namespace and flowId: " + ToJson(flow));
      plan.flows.emplace_back(ToText(*ns), ToText(*id));
    }
  }
  ASSIGN_OR_RETURN(plan.namespaces, context.Texts("namespaces"));
  ASSIGN_OR_RETURN(plan.filter.states, States(context, "states"));
  ASSIGN_OR_RETURN(plan.filter.created_from, Instant(context, "startDate"));
  ASSIGN_OR_RETURN(plan.filter.created_before, Instant(context, "endDate"));
  if (plan.filter.created_before) *plan.filter.created_before += Duration(1);
  return plan;
}

// A flow that is named is told even when it has none: "no execution since yesterday" is what people look for.
Result<std::vector<FlowCount>> CountAll(EngineDoor& door, const CountPlan& plan) {
  if (plan.flows.empty() && plan.namespaces.empty()) return door.Count(plan.filter);
  std::vector<FlowCount> counts;
  for (const auto& [ns, flow_id] : plan.flows) {
    ExecutionFilter filter = plan.filter;
    filter.ns = ns;
    filter.flow_id = flow_id;
    ASSIGN_OR_RETURN(const std::vector<FlowCount> found, door.Count(filter));
    counts.push_back(found.empty() ? FlowCount{ns, flow_id, 0} : found.front());
  }
  for (const std::string& ns : plan.namespaces) {
    ExecutionFilter filter = plan.filter;
    filter.ns = ns;
    ASSIGN_OR_RETURN(const std::vector<FlowCount> found, door.Count(filter));
    for (const FlowCount& count : found) {
      const bool named = std::any_of(counts.begin(), counts.end(), [&](const FlowCount& other) {
        return std::tie(other.ns, other.flow_id) == std::tie(count.ns, count.flow_id);
      });
      if (!named) counts.push_back(count);
    }
  }
  return counts;
}

Result<TaskOutcome> RunCount(TaskContext& context) {
  ASSIGN_OR_RETURN(EngineDoor* const door, Door(context));
  const Value* expression = context.properties().if_contains("expression");
  if (expression == nullptr || !expression->is_string()) return InvalidArgument("expression: is missing");
  const std::string keeps = ToText(*expression);
  ASSIGN_OR_RETURN(const CountPlan plan, PlanOf(context));
  ASSIGN_OR_RETURN(const std::vector<FlowCount> counts, CountAll(*door, plan));
  Array results;
  std::uint64_t total = 0;
  for (const FlowCount& count : counts) {
    ASSIGN_OR_RETURN(const std::string kept, context.RenderOver(keeps, {{"count", count.count}}));
    if (!IsTruthy(kept)) continue;
    results.push_back(Object{{"namespace", count.ns}, {"flowId", count.flow_id}, {"count", count.count}});
    total += count.count;
  }
  context.Log("DEBUG", std::to_string(results.size()) + " of " + std::to_string(counts.size()) + " flows matching filters");
  return TaskOutcome::Success({{"results", std::move(results)}, {"total", total}});
}

model::TaskTypeSpec CountSpec() {
  const model::PropertySpec flow{.name = "flow", .kind = PropertyKind::kObject,
                                 .members = {{.name = "namespace", .required = true, .doc = "Its namespace."},
                                             {.name = "flowId", .required = true, .doc = "Its id."}}};
  return {.type = kPrefix + "Count",
          .aliases = {"io.kestra.core.tasks.executions.Counts"},
          .doc = "Counts executions of flows in any namespace, and keeps the rows for which an expression over `count` holds.",
          .properties = {{.name = "flows", .kind = PropertyKind::kList, .doc = "These flows, also those that have none.", .members = {flow}},
                         {.name = "namespaces", .kind = PropertyKind::kList, .doc = "Every flow of these namespaces that has some.", .members = {{.name = "namespace"}}},
                         {.name = "states", .kind = PropertyKind::kList, .doc = "In one of these states; absent: in any.", .members = {{.name = "state"}}},
                         {.name = "startDate", .required = true, .doc = "Begun at or after this instant."},
                         {.name = "endDate", .doc = "Begun at or before this instant."},
                         {.name = "expression", .required = true, .doc = "Keeps a row, such as {{ count >= 5 }}."}},
          .outputs = {{.name = "results", .kind = PropertyKind::kList, .doc = "{namespace, flowId, count} of each flow that was kept."},
                      {.name = "total", .kind = PropertyKind::kInteger, .doc = "Their sum."}},
          .support = model::Support::kDiffers,
          .differs = "Without `flows` and `namespaces` every flow is counted; the flows of a namespace are rows of their own.",
          .example = "id: count\ntype: " + kPrefix + "Count\nflows:\n  - namespace: company\n    flowId: nightly\n"
                     "states: [FAILED]\nstartDate: \"{{ now() | dateAdd(-1, 'DAYS') }}\"\nexpression: \"{{ count > 0 }}\"\n"};
}

// ---- Resume ----

Result<TaskOutcome> RunResume(TaskContext& context) {
  ASSIGN_OR_RETURN(EngineDoor* const door, Door(context));
  ASSIGN_OR_RETURN(const ExecutionId id, NamedExecution(context, *door));
  ASSIGN_OR_RETURN(const Object inputs, context.Map("inputs"));
  RETURN_IF_ERROR(door->Resume(id, inputs));
  context.Log("DEBUG", "resumed " + id.str());
  return TaskOutcome::Success();
}

model::TaskTypeSpec ResumeSpec() {
  return {.type = kPrefix + "Resume",
          .doc = "Goes on with an execution that waits in a Pause or was paused: of any namespace, also this one.",
          .properties = {{.name = "executionId", .doc = "Absent: this execution, a Pause beside this task."},
                         {.name = "namespace", .doc = "Of the execution's flow, with flowId."},
                         {.name = "flowId", .doc = "The execution's flow, with namespace."},
                         {.name = "inputs", .kind = PropertyKind::kMap, .doc = "What the Pause's onResume asks for."}},
          .example = "id: go\ntype: " + kPrefix + "Resume\nexecutionId: \"{{ inputs.waiting }}\"\n"};
}

}  // namespace

std::vector<TaskType> ExecutionTasks() {
  std::vector<TaskType> types;
  types.push_back(MakeType(CountSpec(), RunCount));
  types.push_back(MakeType(ResumeSpec(), RunResume));
  return types;
}

}  // namespace headrace::worker
