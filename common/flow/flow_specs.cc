#include "common/flow/flow_specs.h"

#include "common/flow/inputs.h"

namespace headrace::flow {
namespace {

using model::PropertyKind;
using model::PropertySpec;
using Specs = std::vector<PropertySpec>;

PropertySpec Fixed(std::string name, PropertyKind kind, std::string doc, bool required = false) {
  return {.name = std::move(name), .kind = kind, .required = required, .rendered = false, .doc = std::move(doc)};
}

PropertySpec Enum(std::string name, std::vector<std::string> values, std::string doc, Value default_value = nullptr) {
  return {.name = std::move(name),
          .kind = PropertyKind::kEnum,
          .rendered = false,
          .doc = std::move(doc),
          .default_value = std::move(default_value),
          .enum_values = std::move(values)};
}

PropertySpec TextList(std::string name, std::string doc) {
  PropertySpec spec = Fixed(std::move(name), PropertyKind::kList, std::move(doc));
  spec.members.push_back(Fixed("item", PropertyKind::kString, ""));
  return spec;
}

PropertySpec Rendered(PropertySpec spec) {
  spec.rendered = true;
  return spec;
}

PropertySpec Differs(PropertySpec spec, std::string how) {
  spec.differs = std::move(how);
  return spec;
}

PropertySpec Required(PropertySpec spec) {
  spec.required = true;
  return spec;
}

constexpr const char* kNotUsed = "read and checked, not used yet";

PropertySpec Alias(PropertySpec spec, std::vector<std::string> aliases) {
  spec.aliases = std::move(aliases);
  return spec;
}

Specs Retry(Specs own) {
  Specs specs = {
      Required(Enum("type", {"constant", "exponential", "random"}, "How the pause between attempts is chosen."))};
  for (PropertySpec& spec : own) specs.push_back(std::move(spec));
  specs.push_back(
      Alias(Fixed("maxAttempts", PropertyKind::kInteger, "Attempts in all, the first one included."), {"maxAttempt"}));
  specs.push_back(Fixed("maxDuration", PropertyKind::kDuration, "No attempt begins later than this after the first."));
  specs.push_back(Fixed("warningOnRetry", PropertyKind::kBoolean, "A success after a retry ends as WARNING."));
  specs.push_back(Enum("behavior", {"RETRY_FAILED_TASK", "CREATE_NEW_EXECUTION"},
                       "Whether the task or the whole flow is tried again.", "RETRY_FAILED_TASK"));
  return specs;
}

Specs OwnInputProperties(std::string_view type) {
  const PropertySpec values = Fixed("values", PropertyKind::kList, "What may be chosen.");
  const PropertySpec expression =
      Rendered(Fixed("expression", PropertyKind::kString, "Renders to what may be chosen."));
  const PropertySpec custom = Fixed("allowCustomValue", PropertyKind::kBoolean, "Other values are accepted too.");
  const PropertySpec select_first =
      Fixed("autoSelectFirst", PropertyKind::kBoolean, "The first value is taken when nothing is given.");
  const PropertySpec item_type = Fixed("itemType", PropertyKind::kString, "The type of the elements.");
  const auto range = [](PropertyKind kind, const char* low, const char* high) {
    return Specs{Fixed(low, kind, "The least value."), Fixed(high, kind, "The greatest value.")};
  };
  if (type == "STRING" || type == "SECRET") {
    return {Fixed("validator", PropertyKind::kString, "A regular expression that the whole text must match.")};
  }
  if (type == "ENUM") return {values};
  if (type == "SELECT") {
    return {values, expression, custom, select_first, Fixed("isRadio", PropertyKind::kBoolean, "A hint for forms.")};
  }
  if (type == "MULTISELECT") {
    const PropertySpec options = Fixed("options", PropertyKind::kList, "The old name of `values`.");
    return {values, options, expression, custom, item_type, select_first};
  }
  if (type == "ARRAY") return {item_type};
  if (type == "INT") return range(PropertyKind::kInteger, "min", "max");
  if (type == "FLOAT") return range(PropertyKind::kNumber, "min", "max");
  if (type == "DURATION") return range(PropertyKind::kDuration, "min", "max");
  if (type == "DATE" || type == "TIME" || type == "DATETIME") return range(PropertyKind::kString, "after", "before");
  if (type == "FORM") {
    return {Required(Fixed("inputs", PropertyKind::kInputs, "The inputs of the group; read as inputs.FORM.ID."))};
  }
  if (type == "FILE") {
    return {Fixed("extension", PropertyKind::kString, "Deprecated."), TextList("allowedFileExtensions", "Such as .csv"),
            Fixed("accept", PropertyKind::kAny, "A hint for forms.")};
  }
  return {};
}

}  // namespace

const Specs& FlowProperties() {
  static const Specs kSpecs = {
      Fixed("id", PropertyKind::kString, "Unique within its namespace.", true),
      Fixed("namespace", PropertyKind::kString, "Names joined by dots, such as company.team.", true),
      Fixed("revision", PropertyKind::kInteger, "Set by the server; ignored here."),
      Fixed("description", PropertyKind::kString, "For people; Markdown."),
      Fixed("disabled", PropertyKind::kBoolean, "A disabled flow cannot be started."),
      Fixed("deleted", PropertyKind::kBoolean, "Set by the server; ignored here."),
      Fixed("tenantId", PropertyKind::kString, "Set by the server; ignored here."),
      Fixed("labels", PropertyKind::kAny, "A map, or a list of key and value; every execution carries them."),
      Fixed("variables", PropertyKind::kMap, "What expressions read as vars; not rendered by itself."),
      Fixed("inputs", PropertyKind::kList, "What a start of the flow is given."),
      Fixed("outputs", PropertyKind::kList, "What an execution gives back."),
      Fixed("tasks", PropertyKind::kTaskList, "What is done, in order.", true),
      Fixed("errors", PropertyKind::kTaskList, "Run when a task has failed."),
      Fixed("finally", PropertyKind::kTaskList, "Run after the tasks in any case, before the state is final."),
      Fixed("afterExecution", PropertyKind::kTaskList, "Run once the state is final."),
      Fixed("concurrency", PropertyKind::kAny, "How many executions may run at once."),
      Fixed("retry", PropertyKind::kAny, "For every task without a retry of its own."),
      Fixed("pluginDefaults", PropertyKind::kList, "Property values for all tasks of a type."),
      Fixed("taskDefaults", PropertyKind::kList, "The old name of pluginDefaults."),
      Differs(Fixed("workerGroup", PropertyKind::kAny, "Which workers run tasks that do not say so themselves."),
              "`fallback` is always WAIT; workers inside `run` and `standalone` take every group"),
      Fixed("triggers", PropertyKind::kList, "What starts the flow."),
      Differs(Fixed("listeners", PropertyKind::kList, "Deprecated: tasks run at the end when every condition holds."),
              "run before `afterExecution`; conditions of dates do not hold"),
      Fixed("sla", PropertyKind::kList, "What an execution must keep to, and what happens when it does not."),
      Fixed("checks", PropertyKind::kList, "Conditions on the inputs, looked at before an execution is created.")};
  return kSpecs;
}

namespace {

PropertySpec TaskCache() {
  PropertySpec spec =
      Fixed("taskCache", PropertyKind::kObject, "Take the outputs of an earlier run with the same inputs.");
  spec.members = {Fixed("enabled", PropertyKind::kBoolean, "Whether to.", true),
                  Fixed("ttl", PropertyKind::kDuration, "How long outputs may be taken.")};
  return spec;
}

}  // namespace

const Specs& TaskProperties() {
  static const Specs kSpecs = {
      Fixed("id", PropertyKind::kString, "Unique within the flow.", true),
      Fixed("type", PropertyKind::kString, "The full name of the task type.", true),
      Fixed("description", PropertyKind::kString, "For people."),
      Fixed("disabled", PropertyKind::kBoolean, "A disabled task is left out."),
      Fixed("allowFailure", PropertyKind::kBoolean, "A failure ends as WARNING and the flow goes on."),
      Fixed("allowWarning", PropertyKind::kBoolean, "A warning ends as SUCCESS."),
      Rendered(Fixed("runIf", PropertyKind::kString, "The task is skipped when this is false.")),
      Rendered(Fixed("timeout", PropertyKind::kDuration, "After this long the task is ended and fails.")),
      Fixed("retry", PropertyKind::kAny, "Try again after a failure."),
      Enum("logLevel", {"ERROR", "WARN", "INFO", "DEBUG", "TRACE"}, "The least level of log entries to keep."),
      Differs(Fixed("logToFile", PropertyKind::kBoolean, "Keep the log as a file of the execution too."), kNotUsed),
      Differs(Fixed("workerGroup", PropertyKind::kAny, "Which workers run the task."),
              "`fallback` is always WAIT; workers inside `run` and `standalone` take every group"),
      Differs(Enum("onWorkerLost", {"RETRY", "FAIL"},
                   "When the worker is lost in the middle: RETRY gives the task to another one, FAIL fails it, so that what it does is not done twice.",
                   "RETRY"),
              "headrace's own"),
      Differs(Fixed("version", PropertyKind::kString, "Of the plugin."), "ignored: there is one version"),
      Differs(TaskCache(), kNotUsed),
      Differs(Rendered(Fixed("assets", PropertyKind::kMap, "What the task reads and makes.")), kNotUsed),
      Fixed("pluginDefaultsRef", PropertyKind::kString, "The `ref` of the plugin defaults that it takes besides.")};
  return kSpecs;
}

const Specs& OutputProperties() {
  static const Specs kSpecs = {Fixed("id", PropertyKind::kString, "Its name.", true),
                               Fixed("type", PropertyKind::kString, "As of inputs; any value when left out."),
                               Rendered(Fixed("value", PropertyKind::kAny, "Rendered at the end.", true)),
                               Fixed("required", PropertyKind::kBoolean, "False: a value that fails is null."),
                               Fixed("displayName", PropertyKind::kString, "For people."),
                               Fixed("description", PropertyKind::kString, "For people.")};
  return kSpecs;
}

const Specs& ConcurrencyProperties() {
  static const Specs kSpecs = {
      Fixed("limit", PropertyKind::kInteger, "At least 1.", true),
      Enum("behavior", {"QUEUE", "CANCEL", "FAIL"}, "What happens to executions beyond the limit.", "QUEUE")};
  return kSpecs;
}

const Specs& CheckProperties() {
  static const Specs kSpecs = {Rendered(Fixed("condition", PropertyKind::kString, "Must be true.", true)),
                               Rendered(Fixed("message", PropertyKind::kString, "Told when it is not.")),
                               Enum("style", {"ERROR", "SUCCESS", "WARNING", "INFO"}, "How it is shown.", "INFO"),
                               Enum("behavior", {"BLOCK_EXECUTION", "FAIL_EXECUTION", "CREATE_EXECUTION"},
                                    "What happens when it is not.", "BLOCK_EXECUTION")};
  return kSpecs;
}

const Specs& SlaProperties() {
  static const Specs kSpecs = {
      Fixed("id", PropertyKind::kString, "Its name.", true),
      Required(Enum("type", {"MAX_DURATION", "EXECUTION_ASSERTION"}, "What is looked at.")),
      Fixed("duration", PropertyKind::kDuration, "Of MAX_DURATION: the longest that an execution may take."),
      Rendered(Fixed("assert", PropertyKind::kString, "Of EXECUTION_ASSERTION: must stay true.")),
      Required(Enum("behavior", {"FAIL", "CANCEL", "NONE"}, "What happens to the execution when it is violated.")),
      Fixed("labels", PropertyKind::kAny, "Added when it is violated.")};
  return kSpecs;
}

const Specs& ListenerProperties() {
  static const Specs kSpecs = {Fixed("description", PropertyKind::kString, "For people."),
                               Fixed("conditions", PropertyKind::kList, "All must hold."),
                               Fixed("tasks", PropertyKind::kTaskList, "What is done.", true)};
  return kSpecs;
}

const Specs& TaskNodeProperties() {
  static const Specs kSpecs = {Fixed("task", PropertyKind::kTask, "What is done.", true),
                               TextList("dependsOn", "Ids of the tasks of the same list that must have ended.")};
  return kSpecs;
}

const Specs& DependsOnProperties() {
  static const Specs kSpecs = {TextList("inputs", "Inputs that must have a value."),
                               Rendered(Fixed("condition", PropertyKind::kString, "False: the input has no value."))};
  return kSpecs;
}

const Specs& PluginDefaultProperties() {
  static const Specs kSpecs = {
      Fixed("type", PropertyKind::kString, "A type, or the beginning of several.", true),
      Fixed("forced", PropertyKind::kBoolean, "The default wins over the task's own value."),
      Fixed("values", PropertyKind::kMap, "Properties and their values.", true),
      Fixed("ref", PropertyKind::kString, "Only for tasks that name it in `pluginDefaultsRef`.")};
  return kSpecs;
}

const std::vector<std::string>& RetryKinds() {
  static const std::vector<std::string> kKinds = {"constant", "exponential", "random"};
  return kKinds;
}

const Specs& RetryProperties(std::string_view kind) {
  static const Specs kConstant = Retry({Fixed("interval", PropertyKind::kDuration, "The pause.", true)});
  static const Specs kExponential =
      Retry({Fixed("interval", PropertyKind::kDuration, "The first pause.", true),
             Fixed("maxInterval", PropertyKind::kDuration, "The longest pause.", true),
             Fixed("delayFactor", PropertyKind::kNumber, "By which the pause grows; 2 by default.")});
  static const Specs kRandom = Retry({Fixed("minInterval", PropertyKind::kDuration, "The shortest pause.", true),
                                      Fixed("maxInterval", PropertyKind::kDuration, "The longest pause.", true)});
  static const Specs kNone;
  if (kind == "constant") return kConstant;
  if (kind == "exponential") return kExponential;
  return kind == "random" ? kRandom : kNone;
}

const PropertySpec& InputIdProperty() {
  static const PropertySpec kSpec = Alias(Fixed("id", PropertyKind::kString, "Its name; a dot nests.", true), {"name"});
  return kSpec;
}

Specs InputProperties(std::string_view type) {
  Specs specs = {InputIdProperty(),
                 Enum("type", InputTypes(), "What is accepted."),
                 Fixed("description", PropertyKind::kString, "For people."),
                 Fixed("displayName", PropertyKind::kString, "For people."),
                 Fixed("required", PropertyKind::kBoolean, "True by default."),
                 Rendered(Fixed("defaults", PropertyKind::kAny, "Taken when nothing is given.")),
                 Rendered(Fixed("prefill", PropertyKind::kAny, "What a form begins with."))};
  PropertySpec depends = Rendered(Fixed("dependsOn", PropertyKind::kObject, "Inputs it needs, and a condition."));
  depends.members = DependsOnProperties();
  specs.push_back(std::move(depends));
  for (PropertySpec& own : OwnInputProperties(type)) specs.push_back(std::move(own));
  return specs;
}

const PropertySpec* FindProperty(const Specs& specs, std::string_view name_or_alias) {
  for (const PropertySpec& spec : specs) {
    if (spec.name == name_or_alias) return &spec;
    for (const std::string& alias : spec.aliases) {
      if (alias == name_or_alias) return &spec;
    }
  }
  return nullptr;
}

std::vector<std::string> PropertyNames(const Specs& specs) {
  std::vector<std::string> names;
  names.reserve(specs.size());
  for (const PropertySpec& spec : specs) names.push_back(spec.name);
  return names;
}

}  // namespace headrace::flow
