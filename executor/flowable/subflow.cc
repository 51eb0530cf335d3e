// Subflow: starts another execution and, unless told otherwise, waits for it. The wait holds nothing but this run.
#include "executor/flowable/subflow.h"

#include "common/model/for_each_item.h"
#include "executor/flowable/flowables.h"
#include "executor/flowable/label_list.h"
#include "executor/render.h"
#include "executor/verbs.h"

namespace headrace::executor {

using model::PropertyKind;
using model::State;
using model::Task;
using model::TaskRun;
using model::TaskRunIndex;

namespace {

constexpr std::string_view kChild = "executionId";
constexpr std::string_view kSystem = "system.";

// True unless the flow says otherwise.
bool Flag(const Task& task, std::string_view name) {
  const Value* value = task.properties.if_contains(name);
  return value == nullptr || !value->is_bool() || value->get_bool();
}

// Trigger variables tell the child where it comes from.
Value TriggerOf(const Step& step, TaskRunIndex self) {
  const TaskRun& run = step.run(self);
  const model::Execution& execution = step.execution();
  const TaskRunIndex shown = model::ShownRun(step.flow(), execution, self);
  const Task& task = step.task(shown);
  Object variables{{"executionId", execution.id.str()},   {"namespace", execution.ns},
                   {"flowId", execution.flow_id},         {"flowRevision", execution.flow_revision},
                   {"taskRunId", step.run(shown).id.str()}, {"taskId", task.id}};
  if (step.run(shown).value) variables["taskRunValue"] = *step.run(shown).value;
  if (run.iteration) variables["taskRunIteration"] = *run.iteration;
  return Object{{"id", task.id}, {"type", task.type}, {"variables", std::move(variables)}};
}

// System labels always go down to the child (system.correlationId holds a family together), save the note that this
// execution was restarted.
std::vector<model::Label> InheritedLabels(const model::Execution& execution, bool all) {
  std::vector<model::Label> labels;
  for (const model::Label& label : execution.labels) {
    if (label.first == "system.restarted") continue;
    if (all || label.first.starts_with(kSystem)) labels.push_back(label);
  }
  return labels;
}

Result<model::StartChild> MakeChild(const Step& step, TaskRunIndex self) {
  const TaskRun& run = step.run(self);
  model::StartChild start;
  start.task_run = self;
  start.attempt = run.attempt;
  ASSIGN_OR_RETURN(const auto ns, TextProperty(step, self, "namespace"));
  ASSIGN_OR_RETURN(const auto flow_id, TextProperty(step, self, "flowId"));
  ASSIGN_OR_RETURN(const auto revision, IntegerProperty(step, self, "revision"));
  ASSIGN_OR_RETURN(const auto inputs, DeepProperty(step, self, "inputs"));
  ASSIGN_OR_RETURN(const auto labels, DeepProperty(step, self, "labels"));
  ASSIGN_OR_RETURN(const auto inherit, BooleanProperty(step, self, "inheritLabels"));
  ASSIGN_OR_RETURN(const auto date, TextProperty(step, self, "scheduleDate"));
  if (date && !date->empty()) {
    auto scheduled = ParseInstant(*date);
    if (!scheduled) return Fail(std::move(scheduled.error()).Wrap("scheduleDate"));
    start.scheduled = *scheduled;
  }
  if (inputs && !inputs->is_object()) return InvalidArgument("`inputs` is no map");
  start.ns = ns.value_or("");
  start.flow_id = flow_id.value_or("");
  start.child = DeriveExecutionId(step.at(), step.execution().id.str(), std::to_string(self) + "/" + std::to_string(run.attempt),
                                  PlaceOfFlow(start.ns, start.flow_id));
  start.revision = static_cast<int>(revision.value_or(0));
  if (inputs) start.inputs = inputs->get_object();
  start.inherit_labels = inherit.value_or(false);
  start.labels = InheritedLabels(step.execution(), start.inherit_labels);
  if (labels) {
    ASSIGN_OR_RETURN(const std::vector<model::Label> own, LabelsFrom(*labels));
    MergeLabels(start.labels, own);
  }
  start.trigger = TriggerOf(step, self);
  start.wait = WaitsForChild(step.task(self));
  return start;
}

class Subflow final : public SteeredType {
 public:
  model::TaskTypeSpec Spec() const override;

  void Start(Step& step, TaskRunIndex self) const override { StartSubflow(step, self); }
};

model::TaskTypeSpec Subflow::Spec() const {
  return {
      .type = "io.kestra.plugin.core.flow.Subflow",
      .aliases = {"io.kestra.core.tasks.flows.Subflow", "io.kestra.core.tasks.flows.Flow"},
      .role = model::TaskRole::kExecutable,
      .doc = "Starts an execution of another flow and waits for its end without holding a worker.",
      .properties = ChildFlowProperties(),
      .outputs = {{.name = "executionId", .kind = PropertyKind::kString, .doc = "The child."},
                  {.name = "state", .kind = PropertyKind::kString, .doc = "How it ended."},
                  {.name = "outputs", .kind = PropertyKind::kMap, .doc = "The outputs of its flow."}},
      .support = model::Support::kDiffers,
      .differs = "The deprecated `outputs` is not supported.",
      .example = "id: release_docs\n"
                 "type: io.kestra.plugin.core.flow.Subflow\n"
                 "namespace: company.team\n"
                 "flowId: release-docs\n"
                 "inputs:\n"
                 "  version: \"{{ inputs.version }}\"\n"};
}

}  // namespace

std::vector<model::PropertySpec> ChildFlowProperties() {
  return {{.name = "namespace", .kind = PropertyKind::kString, .required = true, .doc = "Of the flow to start."},
          {.name = "flowId", .kind = PropertyKind::kString, .required = true, .doc = "The flow to start."},
          {.name = "revision", .kind = PropertyKind::kInteger, .doc = "Its revision; the latest if absent."},
          {.name = "inputs", .kind = PropertyKind::kMap, .doc = "Inputs of the child, each rendered."},
          {.name = "labels", .kind = PropertyKind::kAny, .doc = "A map, or a list of {key, value}."},
          {.name = "wait", .kind = PropertyKind::kBoolean, .rendered = false, .doc = "Wait for the child's end.",
           .default_value = true},
          {.name = "transmitFailed", .kind = PropertyKind::kBoolean, .rendered = false,
           .doc = "Take over the child's state when it failed, was killed, paused or ended with a warning.",
           .default_value = true},
          {.name = "inheritLabels", .kind = PropertyKind::kBoolean, .doc = "Give the child this execution's labels.",
           .default_value = false},
          {.name = "restartBehavior", .kind = PropertyKind::kEnum, .rendered = false,
           .doc = "What a restart does with a child that failed.", .default_value = "RETRY_FAILED",
           .enum_values = {"RETRY_FAILED", "NEW_EXECUTION"}},
          {.name = "scheduleDate", .kind = PropertyKind::kString,
           .doc = "The child begins then: an instant as `2026-11-24T09:00:00Z`, or what now() and dateAdd give."}};
}

void StartSubflow(Step& step, TaskRunIndex self) {
  Result<model::StartChild> start = MakeChild(step, self);
  if (!start) return FailRun(step, self, "Failed to start the subflow: " + start.error().message);
  step.Edit(self).outputs = {{kChild, start->child.str()}};
  step.Emit(std::move(*start));
}

std::optional<ExecutionId> ChildOf(const TaskRun& run) {
  const Value* child = run.outputs.if_contains(kChild);
  if (child == nullptr || !child->is_string()) return std::nullopt;
  return ExecutionId(std::string(child->get_string()));
}

bool WaitsForChild(const Task& task) { return Flag(task, "wait"); }
bool TransmitsFailure(const Task& task) { return Flag(task, "transmitFailed"); }

State TransmittedState(const Task& task, State child) {
  // Each batch ends as its child; what that means for all of them is decided where they are counted.
  if (task.type == model::kItemsBatch) return child;
  const bool bad = child == State::kFailed || child == State::kPaused || child == State::kKilled ||
                   child == State::kWarning;
  return bad && TransmitsFailure(task) ? child : State::kSuccess;
}

bool RestartChildOf(Step& step, TaskRunIndex index) {
  const TaskRun& run = step.run(index);
  const std::optional<ExecutionId> child = ChildOf(run);
  const Value* state = run.outputs.if_contains("state");
  const Value* behavior = step.task(index).properties.if_contains("restartBehavior");
  if (step.task(index).role != model::TaskRole::kExecutable || !child || state == nullptr ||
      ToText(*state) != model::StateName(State::kFailed) ||
      (behavior != nullptr && ToText(*behavior) == "NEW_EXECUTION")) {
    return false;
  }
  ForgetChildsEnd(step, index);
  AwaitAgain(step, index);
  step.Emit(model::RestartChild{index, step.run(index).attempt, *child});
  return true;
}

void ForgetChildsEnd(Step& step, TaskRunIndex index) {
  Object& outputs = step.Edit(index).outputs;
  outputs.erase("state");
  outputs.erase("outputs");
}

void AwaitAgain(Step& step, TaskRunIndex index) {
  step.Enter(index, State::kSubmitted);
  step.Enter(index, State::kRunning);
  OpenAttempt(step, index, step.at());
  ArmTimeout(step, index);
}

const SteeredType& SubflowType() {
  static const Subflow kType;
  return kType;
}

}  // namespace headrace::executor
