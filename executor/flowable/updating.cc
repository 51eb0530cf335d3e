// The tasks that change their own execution and end at once: Labels, SetVariables, UnsetVariables.
#include "executor/flowable/flowables.h"
#include "executor/flowable/label_list.h"
#include "executor/render.h"
#include "executor/verbs.h"

namespace headrace::executor {

using model::PropertyKind;
using model::TaskRunIndex;

namespace {

void End(Step& step, TaskRunIndex self, const Status& status) {
  if (status) return SucceedRun(step, self);
  FailForGood(step, self, status.error().message);
}

class Labels final : public SteeredType {
 public:
  model::TaskTypeSpec Spec() const override {
    return {.type = "io.kestra.plugin.core.execution.Labels",
            .aliases = {"io.kestra.core.tasks.executions.Labels"},
            .role = model::TaskRole::kUpdating,
            .doc = "Adds labels to this execution, so that it is found by them.",
            .properties = {{.name = "labels", .kind = PropertyKind::kAny, .required = true,
                            .doc = "A map, a list of {key, value}, or JSON text of either."}},
            .example = "id: label\n"
                       "type: io.kestra.plugin.core.execution.Labels\n"
                       "labels:\n"
                       "  release: \"{{ inputs.version }}\"\n"};
  }
  void Start(Step& step, TaskRunIndex self) const override { End(step, self, Update(step, self)); }

 private:
  static Status Update(Step& step, TaskRunIndex self) {
    ASSIGN_OR_RETURN(const auto value, DeepProperty(step, self, "labels"));
    if (!value) return InvalidArgument("`labels` is missing");
    ASSIGN_OR_RETURN(const std::vector<model::Label> labels, LabelsFrom(*value));
    MergeLabels(step.Edit().labels, labels);
    return {};
  }
};

class SetVariables final : public SteeredType {
 public:
  model::TaskTypeSpec Spec() const override {
    return {.type = "io.kestra.plugin.core.execution.SetVariables",
            .role = model::TaskRole::kUpdating,
            .doc = "Sets variables of this execution: later tasks read them as `vars.NAME`.",
            .properties = {{.name = "variables", .kind = PropertyKind::kMap, .required = true,
                            .doc = "Names and values, each rendered."},
                           {.name = "overwrite", .kind = PropertyKind::kBoolean,
                            .doc = "If false, a variable that exists already is an error.", .default_value = true}},
            .example = "id: remember\n"
                       "type: io.kestra.plugin.core.execution.SetVariables\n"
                       "variables:\n"
                       "  answer: 42\n"};
  }
  void Start(Step& step, TaskRunIndex self) const override { End(step, self, Update(step, self)); }

 private:
  static Status Update(Step& step, TaskRunIndex self) {
    ASSIGN_OR_RETURN(const auto variables, DeepProperty(step, self, "variables"));
    ASSIGN_OR_RETURN(const auto overwrite, BooleanProperty(step, self, "overwrite"));
    if (!variables || !variables->is_object()) return InvalidArgument("`variables` is no map");
    for (const auto& [name, value] : variables->get_object()) {
      const bool exists = step.flow().variables.contains(name) || step.execution().variables.contains(name);
      if (exists && !overwrite.value_or(true)) {
        return InvalidArgument("the variable '" + std::string(name) + "' exists already, and `overwrite` is false");
      }
    }
    Object& own = step.Edit().variables;
    for (const auto& [name, value] : variables->get_object()) own[name] = value;
    return {};
  }
};

class UnsetVariables final : public SteeredType {
 public:
  model::TaskTypeSpec Spec() const override {
    return {.type = "io.kestra.plugin.core.execution.UnsetVariables",
            .role = model::TaskRole::kUpdating,
            .doc = "Removes variables that SetVariables has set.",
            .properties = {{.name = "variables", .kind = PropertyKind::kList, .required = true, .doc = "Their names.",
                            .members = {{.name = "", .kind = PropertyKind::kString}}},
                           {.name = "ignoreMissing", .kind = PropertyKind::kBoolean,
                            .doc = "If false, a variable that does not exist is an error.", .default_value = false}},
            .example = "id: forget\n"
                       "type: io.kestra.plugin.core.execution.UnsetVariables\n"
                       "variables: [answer]\n"};
  }
  void Start(Step& step, TaskRunIndex self) const override { End(step, self, Update(step, self)); }

 private:
  static Status Update(Step& step, TaskRunIndex self) {
    ASSIGN_OR_RETURN(const auto names, DeepProperty(step, self, "variables"));
    ASSIGN_OR_RETURN(const auto ignore_missing, BooleanProperty(step, self, "ignoreMissing"));
    if (!names || !names->is_array()) return InvalidArgument("`variables` is no list of names");
    for (const Value& name : names->get_array()) {
      const std::string key = ToText(name);
      if (!step.execution().variables.contains(key) && !ignore_missing.value_or(false)) {
        return InvalidArgument("the variable '" + key + "' does not exist, and `ignoreMissing` is false");
      }
    }
    for (const Value& name : names->get_array()) step.Edit().variables.erase(ToText(name));
    return {};
  }
};

}  // namespace

const SteeredType& LabelsType() {
  static const Labels kType;
  return kType;
}

const SteeredType& SetVariablesType() {
  static const SetVariables kType;
  return kType;
}

const SteeredType& UnsetVariablesType() {
  static const UnsetVariables kType;
  return kType;
}

}  // namespace headrace::executor
