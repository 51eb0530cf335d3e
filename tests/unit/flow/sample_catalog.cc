#include "tests/unit/flow/sample_catalog.h"

namespace headrace::flow {
namespace {

using model::PropertyKind;
using model::PropertySpec;
using model::TaskRole;

PropertySpec Property(std::string name, PropertyKind kind, bool required = false) {
  return {.name = std::move(name), .kind = kind, .required = required, .doc = "The " + std::string("documentation.")};
}

PropertySpec ListOf(std::string name, PropertyKind kind, bool required = false) {
  PropertySpec spec = Property(std::move(name), PropertyKind::kList, required);
  spec.members.push_back(Property("item", kind));
  return spec;
}

PropertySpec Steering(std::string name, PropertyKind kind, bool required = false) {
  PropertySpec spec = Property(std::move(name), kind, required);
  spec.rendered = false;
  return spec;
}

std::vector<PropertySpec> WithBranches(std::vector<PropertySpec> own) {
  own.push_back(Steering("errors", PropertyKind::kTaskList));
  own.push_back(Steering("finally", PropertyKind::kTaskList));
  return own;
}

model::TaskTypeSpec LoopUntil() {
  PropertySpec frequency = Property("checkFrequency", PropertyKind::kObject);
  frequency.members = {Property("maxIterations", PropertyKind::kInteger),
                       Property("maxDuration", PropertyKind::kDuration), Property("interval", PropertyKind::kDuration)};
  return {.type = "io.kestra.plugin.core.flow.LoopUntil",
          .aliases = {"io.kestra.plugin.core.flow.WaitFor"},
          .role = TaskRole::kFlowable,
          .doc = "Runs its tasks again and again.",
          .properties = WithBranches({Property("condition", PropertyKind::kString, true),
                                      Property("failOnMaxReached", PropertyKind::kBoolean), frequency,
                                      Steering("tasks", PropertyKind::kTaskList, true)}),
          .support = model::Support::kDiffers,
          .differs = "earlier iterations are kept"};
}

model::TaskTypeSpec Script(const std::string& language, const std::string& kind) {
  model::TaskTypeSpec spec;
  spec.type = "io.kestra.plugin.scripts." + language + '.' + kind;
  spec.doc = "Runs a script.";
  spec.properties = {kind == "Script" ? Property("script", PropertyKind::kString, true)
                                      : ListOf("commands", PropertyKind::kString, true),
                     ListOf("beforeCommands", PropertyKind::kString),
                     Property("env", PropertyKind::kMap),
                     Property("failFast", PropertyKind::kBoolean),
                     Steering("taskRunner", PropertyKind::kMap),
                     Property("containerImage", PropertyKind::kString)};
  return spec;
}

model::TaskTypeSpec Log() {
  PropertySpec level = Property("level", PropertyKind::kEnum);
  level.enum_values = {"ERROR", "WARN", "INFO", "DEBUG", "TRACE"};
  level.default_value = "INFO";
  return {.type = "io.kestra.plugin.core.log.Log",
          .aliases = {"io.kestra.core.tasks.log.Log"},
          .doc = "Writes a line to the log.",
          .properties = {Property("message", PropertyKind::kAny, true), level},
          .example = "id: hello\ntype: io.kestra.plugin.core.log.Log\nmessage: Hello\n"};
}

model::TaskTypeSpec Subflow() {
  return {.type = "io.kestra.plugin.core.flow.Subflow",
          .role = TaskRole::kExecutable,
          .doc = "Starts another flow.",
          .properties = {Property("namespace", PropertyKind::kString, true),
                         Property("flowId", PropertyKind::kString, true), Steering("revision", PropertyKind::kInteger),
                         Property("inputs", PropertyKind::kMap), Property("labels", PropertyKind::kAny),
                         Steering("wait", PropertyKind::kBoolean)}};
}

Catalog Make() {
  Catalog catalog;
  catalog.Add(Log());
  catalog.Add(LoopUntil());
  catalog.Add(Subflow());
  catalog.Add(Script("shell", "Script"));
  catalog.Add(Script("node", "Commands"));
  const auto tasks = Steering("tasks", PropertyKind::kTaskList, true);
  catalog.Add({.type = "io.kestra.plugin.core.flow.Sequential",
               .role = TaskRole::kFlowable,
               .doc = "One after the other.",
               .properties = WithBranches({tasks})});
  PropertySpec concurrent = Property("concurrent", PropertyKind::kInteger);
  catalog.Add({.type = "io.kestra.plugin.core.flow.Parallel",
               .role = TaskRole::kFlowable,
               .doc = "Side by side.",
               .properties = WithBranches({tasks, concurrent})});
  catalog.Add({.type = "io.kestra.plugin.core.flow.Switch",
               .role = TaskRole::kFlowable,
               .doc = "One of several.",
               .properties = WithBranches({Property("value", PropertyKind::kString, true),
                                           Steering("cases", PropertyKind::kTaskCases),
                                           Steering("defaults", PropertyKind::kTaskList)})});
  PropertySpec condition = Property("condition", PropertyKind::kString, true);
  catalog.Add({.type = "io.kestra.plugin.core.flow.If",
               .role = TaskRole::kFlowable,
               .doc = "One of two.",
               .properties = WithBranches({condition, Steering("then", PropertyKind::kTaskList, true),
                                           Steering("else", PropertyKind::kTaskList)})});
  catalog.Add({.type = "io.kestra.plugin.core.execution.Labels",
               .aliases = {"io.kestra.core.tasks.executions.Labels"},
               .role = TaskRole::kUpdating,
               .doc = "Sets labels.",
               .properties = {Property("labels", PropertyKind::kAny, true)}});
  catalog.Add({.type = "io.kestra.plugin.core.flow.Dag",
               .role = TaskRole::kFlowable,
               .doc = "Each as soon as those it depends on have ended.",
               .properties = WithBranches({Steering("tasks", PropertyKind::kTaskNodes, true), concurrent})});
  catalog.Add({.type = "io.kestra.plugin.core.flow.WorkingDirectory",
               .aliases = {"io.kestra.core.tasks.flows.WorkingDirectory"},
               .doc = "One after the other in one folder.",
               .properties = WithBranches({tasks, Property("inputFiles", PropertyKind::kAny)})});
  PropertySpec pause = Property("pauseDuration", PropertyKind::kDuration);
  pause.aliases = {"delay"};
  pause.differs = "exact to the second";
  catalog.Add({.type = "io.kestra.plugin.core.flow.Pause",
               .role = TaskRole::kFlowable,
               .doc = "Waits for a person.",
               .properties = WithBranches(
                   {pause, Steering("onPause", PropertyKind::kTask), Steering("onResume", PropertyKind::kInputs)})});
  catalog.Add({.type = "io.kestra.plugin.core.flow.Sleep",
               .doc = "Waits.",
               .properties = {Property("duration", PropertyKind::kDuration, true)}});
  catalog.Add({.type = "io.kestra.plugin.core.http.Request", .doc = "A request.", .support = model::Support::kNotYet});
  return catalog;
}

}  // namespace

const Catalog& SampleCatalog() {
  static const Catalog kCatalog = Make();
  return kCatalog;
}

}  // namespace headrace::flow
