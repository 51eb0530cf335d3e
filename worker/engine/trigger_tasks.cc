#include "worker/engine/asking.h"
#include "worker/engine/engine_tasks.h"
#include "worker/function_runner.h"

namespace headrace::worker {
namespace {

using model::PropertyKind;

const std::string kType = "io.kestra.plugin.core.trigger.Toggle";

// Of the task's own flow unless another is named.
Result<std::string> NameOf(TaskContext& context, std::string_view property, const std::string& own) {
  ASSIGN_OR_RETURN(const std::optional<std::string> name, context.Text(property));
  return name.value_or(own);
}

Result<TaskOutcome> RunToggle(TaskContext& context) {
  ASSIGN_OR_RETURN(EngineDoor* const door, Door(context));
  ASSIGN_OR_RETURN(const std::string ns, NameOf(context, "namespace", context.order().ns));
  ASSIGN_OR_RETURN(const std::string flow_id, NameOf(context, "flowId", context.order().flow_id));
  ASSIGN_OR_RETURN(const std::string trigger, context.RequiredText("trigger"));
  ASSIGN_OR_RETURN(const bool enabled, context.Bool("enabled", false));
  RETURN_IF_ERROR(door->SetTriggerEnabled(ns, flow_id, trigger, enabled));
  context.Log("INFO", "trigger " + ns + "/" + flow_id + "/" + trigger + (enabled ? " is enabled" : " is disabled"));
  return TaskOutcome::Success();
}

model::TaskTypeSpec ToggleSpec() {
  return {.type = kType,
          .aliases = {"io.kestra.core.tasks.trigger.Toggle"},
          .doc = "Enables or disables a trigger: of any flow, also this one.",
          .properties = {{.name = "trigger", .required = true, .doc = "The trigger's id."},
                         {.name = "flowId", .doc = "Absent: this flow."},
                         {.name = "namespace", .doc = "Absent: this flow's."},
                         {.name = "enabled", .kind = PropertyKind::kBoolean, .doc = "False disables it.", .default_value = false}},
          .example = "id: stop\ntype: " + kType + "\nflowId: nightly\nnamespace: company\ntrigger: every-night\nenabled: false\n"};
}

}  // namespace

std::vector<TaskType> TriggerTasks() {
  std::vector<TaskType> types;
  types.push_back(MakeType(ToggleSpec(), RunToggle));
  return types;
}

}  // namespace headrace::worker
