#include "worker/core/core_tasks.h"

#include "common/base/text.h"
#include "worker/function_runner.h"

namespace headrace::worker {
namespace {

using model::PropertyKind;
using model::PropertySpec;

const std::vector<std::string> kLevelNames = {"ERROR", "WARN", "INFO", "DEBUG", "TRACE"};

TaskType Quick(model::TaskTypeSpec spec, TaskFunction function) { return MakeType(std::move(spec), function, true); }

Result<std::string> Level(TaskContext& context) {
  ASSIGN_OR_RETURN(const auto level, context.Text("level"));
  if (!level) return std::string("INFO");
  if (!LevelRank(*level))
    return InvalidArgument("level: '" + *level + "' is none of ERROR, WARN, INFO, DEBUG, TRACE");
  return *level;
}

Result<TaskOutcome> RunLog(TaskContext& context) {
  ASSIGN_OR_RETURN(const std::string level, Level(context));
  ASSIGN_OR_RETURN(const Value message, context.Render("message", false));
  if (const Array* lines = message.if_array()) {
    for (const Value& line : *lines) context.Log(level, ToText(line));
  } else {
    context.Log(level, ToText(message));
  }
  return TaskOutcome::Success();
}

Result<TaskOutcome> RunReturn(TaskContext& context) {
  ASSIGN_OR_RETURN(const auto format, context.Text("format"));
  if (!format) return TaskOutcome::Success({{"value", nullptr}});
  context.Log("DEBUG", *format);
  return TaskOutcome::Success({{"value", *format}});
}

Result<TaskOutcome> RunEcho(TaskContext& context) {
  ASSIGN_OR_RETURN(const std::string level, Level(context));
  ASSIGN_OR_RETURN(const auto format, context.Text("format"));
  context.Log(level, format.value_or(""));
  return TaskOutcome::Success();
}

Result<TaskOutcome> RunOutputValues(TaskContext& context) {
  ASSIGN_OR_RETURN(Value values, context.Render("values", /*typed=*/false));
  if (values.is_string()) {
    // The whole map may come out of one expression that prints JSON.
    ASSIGN_OR_RETURN(values, ParseJson(ToText(values)));
  }
  if (!values.is_null() && !values.is_object()) return InvalidArgument("values: expected a map");
  Object outputs;
  if (values.is_object()) outputs["values"] = std::move(values);
  return TaskOutcome::Success(std::move(outputs));
}

Result<TaskOutcome> RunFail(TaskContext& context) {
  ASSIGN_OR_RETURN(const bool fails, context.Bool("condition", true));
  if (!fails) return TaskOutcome::Success();
  ASSIGN_OR_RETURN(const auto message, context.Text("errorMessage"));
  return TaskOutcome::Failed(message.value_or("Task failure"));
}

Result<TaskOutcome> RunAssert(TaskContext& context) {
  const Value* conditions = context.properties().if_contains("conditions");
  if (conditions == nullptr || !conditions->is_array()) return InvalidArgument("conditions: expected a list");
  std::vector<std::string> broken;
  for (const Value& condition : conditions->get_array()) {
    ASSIGN_OR_RETURN(const Value rendered, context.RenderValue(condition, false));
    if (IsTruthy(ToText(rendered))) continue;
    broken.push_back(ToText(condition));
    context.Log("ERROR", "Assertion `" + broken.back() + "` failed!");
  }
  if (broken.empty()) return TaskOutcome::Success();
  ASSIGN_OR_RETURN(const auto message, context.Text("errorMessage"));
  return TaskOutcome::Failed(
      message.value_or(std::to_string(broken.size()) + (broken.size() == 1 ? " assertion failed!" : " assertions failed!")));
}

// Metrics are told in the log only.
Result<TaskOutcome> RunPublish(TaskContext& context) {
  ASSIGN_OR_RETURN(const Value metrics, context.Render("metrics"));
  if (metrics.is_null()) return TaskOutcome::Success();
  if (!metrics.is_array()) return InvalidArgument("metrics: expected a list");
  for (const Value& metric : metrics.get_array()) {
    const Value* name = Member(metric, "name");
    const Value* type = Member(metric, "type");
    const Value* value = Member(metric, "value");
    const std::string kind = type == nullptr ? "" : ToText(*type);
    if (name == nullptr || value == nullptr || (kind != "counter" && kind != "timer" && kind != "gauge"))
      return InvalidArgument("metrics: each needs name, value and type (counter, timer or gauge): " + ToJson(metric));
    std::string text = "metric " + ToText(*name) + " " + kind + " " + ToText(*value);
    if (const Value* tags = Member(metric, "tags"); tags != nullptr && !tags->is_null()) text += " " + ToJson(*tags);
    context.Log("DEBUG", text);
  }
  return TaskOutcome::Success();
}

// Looks once, goes to sleep without a thread, and is done when it is called again.
class SleepRunner final : public TaskRunner {
 public:
  TaskOutcome Run(TaskContext& context) override {
    if (slept_) return TaskOutcome::Success();
    slept_ = true;
    auto span = context.Span("duration");
    if (!span) return TaskOutcome::Failed(span.error().message);
    if (!*span || **span < Duration::zero()) return TaskOutcome::Failed("duration: expected one such as PT5S");
    return {.again_after = **span};
  }

 private:
  bool slept_ = false;
};

PropertySpec LevelProperty() {
  return {.name = "level", .kind = PropertyKind::kEnum, .doc = "The level to log at.", .default_value = "INFO",
          .enum_values = kLevelNames};
}

model::TaskTypeSpec LogSpec() {
  return {.type = "io.kestra.plugin.core.log.Log",
          .aliases = {"io.kestra.core.tasks.log.Log"},
          .doc = "Logs one message, or each of a list.",
          .properties = {{.name = "message", .kind = PropertyKind::kAny, .required = true,
                          .doc = "A text or a list of texts."},
                         LevelProperty()},
          .example = "id: hello\ntype: io.kestra.plugin.core.log.Log\nmessage: \"Hello {{ inputs.name }}\"\n"};
}

model::TaskTypeSpec ReturnSpec() {
  return {.type = "io.kestra.plugin.core.debug.Return",
          .aliases = {"io.kestra.core.tasks.debugs.Return"},
          .doc = "Gives back a rendered text as an output.",
          .properties = {{.name = "format", .doc = "The text."}},
          .outputs = {{.name = "value", .doc = "The rendered text; absent without a format."}},
          .example = "id: name\ntype: io.kestra.plugin.core.debug.Return\nformat: \"{{ flow.id }}\"\n"};
}

model::TaskTypeSpec EchoSpec() {
  return {.type = "io.kestra.plugin.core.debug.Echo",
          .aliases = {"io.kestra.core.tasks.debugs.Echo"},
          .doc = "Logs a text. Deprecated: use log.Log.",
          .properties = {{.name = "format", .doc = "The text."}, LevelProperty()},
          .example = "id: echo\ntype: io.kestra.plugin.core.debug.Echo\nformat: \"{{ task.id }}\"\n"};
}

model::TaskTypeSpec OutputValuesSpec() {
  return {.type = "io.kestra.plugin.core.output.OutputValues",
          .doc = "Gives back a map of rendered values as an output.",
          .properties = {{.name = "values", .kind = PropertyKind::kMap, .doc = "Names and values."}},
          .outputs = {{.name = "values", .kind = PropertyKind::kMap, .doc = "The rendered values."}},
          .example = "id: out\ntype: io.kestra.plugin.core.output.OutputValues\nvalues:\n  tag: \"v{{ inputs.v }}\"\n"};
}

model::TaskTypeSpec FailSpec() {
  return {.type = "io.kestra.plugin.core.execution.Fail",
          .aliases = {"io.kestra.core.tasks.executions.Fail"},
          .doc = "Fails, always or when a condition holds.",
          .properties = {{.name = "condition", .doc = "Fails when it renders to a true text; absent: always."},
                         {.name = "errorMessage", .doc = "What the failure says.", .default_value = "Task failure"}},
          .example = "id: stop\ntype: io.kestra.plugin.core.execution.Fail\ncondition: \"{{ inputs.n > 3 }}\"\n"};
}

model::TaskTypeSpec AssertSpec() {
  return {.type = "io.kestra.plugin.core.execution.Assert",
          .doc = "Fails unless all conditions hold.",
          .properties = {{.name = "conditions", .kind = PropertyKind::kList, .required = true,
                          .doc = "Texts that must render to true.", .members = {{.name = "condition"}}},
                         {.name = "errorMessage", .doc = "What the failure says."}},
          .example = "id: check\ntype: io.kestra.plugin.core.execution.Assert\nconditions:\n  - \"{{ inputs.n > 3 }}\"\n"};
}

model::TaskTypeSpec SleepSpec() {
  return {.type = "io.kestra.plugin.core.flow.Sleep",
          .doc = "Waits. Holds a slot but no thread.",
          .properties = {{.name = "duration", .kind = PropertyKind::kDuration, .required = true,
                          .doc = "How long, such as PT5S."}},
          .example = "id: wait\ntype: io.kestra.plugin.core.flow.Sleep\nduration: PT5S\n"};
}

model::TaskTypeSpec PublishSpec() {
  return {.type = "io.kestra.plugin.core.metric.Publish",
          .doc = "Publishes metrics.",
          .properties = {{.name = "metrics", .kind = PropertyKind::kList, .doc = "Each {name, type: counter, timer or gauge, value, tags}."}},
          .support = model::Support::kDiffers,
          .differs = "Metrics are written to the log at DEBUG only.",
          .example = "id: count\ntype: io.kestra.plugin.core.metric.Publish\nmetrics:\n"
                     "  - {name: rows, type: counter, value: \"{{ outputs.load.vars.rows }}\"}\n"};
}

}  // namespace

std::vector<TaskType> CoreTasks() {
  std::vector<TaskType> types;
  types.push_back(Quick(LogSpec(), RunLog));
  types.push_back(Quick(ReturnSpec(), RunReturn));
  types.push_back(Quick(EchoSpec(), RunEcho));
  types.push_back(Quick(OutputValuesSpec(), RunOutputValues));
  types.push_back(Quick(FailSpec(), RunFail));
  types.push_back(Quick(AssertSpec(), RunAssert));
  types.push_back(Quick(PublishSpec(), RunPublish));
  types.push_back({.spec = SleepSpec(), .quick = true, .make = [] { return std::make_unique<SleepRunner>(); }});
  return types;
}

}  // namespace headrace::worker
