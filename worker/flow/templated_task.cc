#include <array>

#include "common/flow/yaml.h"
#include "worker/flow/nested_run.h"
#include "worker/flow/working_directory_task.h"
#include "worker/function_runner.h"

namespace headrace::worker {
namespace {

const std::string kType = "io.kestra.plugin.core.templating.TemplatedTask";
const std::string kOldType = "io.kestra.core.tasks.templating.TemplatedTask";

// Of every task, and the engine's business.
constexpr std::array<std::string_view, 15> kCommon = {
    "id", "type", "version", "description", "retry", "timeout", "disabled", "workerGroup", "logLevel", "allowFailure",
    "allowWarning", "logToFile", "runIf", "taskCache", "onWorkerLost"};

std::string Take(Object& task, std::string_view name) {
  const Value* value = task.if_contains(name);
  return value == nullptr ? std::string() : ToText(*value);
}

Result<TaskOutcome> RunTemplated(TaskContext& context) {
  ASSIGN_OR_RETURN(const std::string text, context.RequiredText("spec"));
  auto parsed = flow::ParseYamlValue(text, "spec");
  if (!parsed) return Fail(std::move(parsed.error()).Wrap("spec"));
  if (!parsed->is_object()) return InvalidArgument("spec: expected one task");
  Object& task = parsed->get_object();
  auto spec = std::make_shared<wire::TaskSpec>();
  spec->type = Take(task, "type");
  if (spec->type.empty()) return InvalidArgument("spec: the task has no type");
  if (spec->type == kType || spec->type == kOldType)
    return InvalidArgument("The templated task cannot be of type 'io.kestra.plugin.core.templating.TemplatedTask'");
  if (context.services().registry.Find(spec->type) == nullptr)
    return InvalidArgument("The templated task must be a runnable task; '" + spec->type + "' is none that this worker knows");
  if (task.contains("tasks")) return InvalidArgument("The templated task must be a runnable task without children");
  spec->task_id = context.order().spec->task_id;
  spec->timeout = Take(task, "timeout");
  spec->log_level = context.order().spec->log_level;
  for (const std::string_view name : kCommon) task.erase(name);
  spec->properties_json = ToJson(*parsed);
  return RunNested(context, std::move(spec), context.variables().get_object());
}

}  // namespace

TaskType TemplatedTask() {
  return MakeType({.type = kType,
                   .aliases = {kOldType},
                   .doc = "Runs a task whose whole definition is rendered first.",
                   .properties = {{.name = "spec", .required = true, .doc = "The task as YAML."}},
                   .example = "id: any\ntype: " + kType + "\nspec: |\n  type: io.kestra.plugin.core.http.Download\n  uri: \"{{ inputs.uri }}\"\n"},
                  RunTemplated);
}

}  // namespace headrace::worker
