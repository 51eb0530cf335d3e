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
    ASSIGN_OR_RETURN(const auto variables, DeepProperty(step, self, "variables", /*typed=*/false));
    ASSIGN_OR_RETURN(const auto overwrite, BooleanProperty(step, self, "overwrite"));
    if (!variables || !variables->is_object()) return InvalidArgument("`variables` is no map");
    const Object known = VariablesOf(step.live());
    for (const auto& [name, value] : variables->get_object()) {
      const bool exists = known.contains(name);
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
            .doc = "Removes variables, those of the flow too, for the rest of the execution.",
            .properties = {{.name = "variables", .kind = PropertyKind::kList, .required = true, .doc = "Their names; `a.b` removes a member of a map.",
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
      const std::string path = ToText(name);
      if (!Unset(step, path) && !ignore_missing.value_or(false)) {
        return InvalidArgument("the variable '" + path + "' does not exist, and `ignoreMissing` is false");
      }
    }
    return {};
  }

  // False when there is none. A null stands for a variable of the flow that is gone.
  static bool Unset(Step& step, const std::string& path) {
    const std::string root = path.substr(0, path.find('.'));
    Object variables = VariablesOf(step.live());
    if (!variables.contains(root)) return false;
    if (root == path) {
      if (step.flow().variables.contains(root)) step.Edit().variables[root] = nullptr;
      else step.Edit().variables.erase(root);
      return true;
    }
    Value* at = &variables[root];
    std::string_view rest = std::string_view(path).substr(root.size() + 1);
    for (std::size_t dot = rest.find('.'); at->is_object(); dot = rest.find('.')) {
      const auto member = at->get_object().find(rest.substr(0, dot));
      if (member == at->get_object().end()) return false;
      if (dot == std::string_view::npos) {
        at->get_object().erase(member);
        step.Edit().variables[root] = std::move(variables[root]);
        return true;
      }
      at = &member->value();
      rest.remove_prefix(dot + 1);
    }
    return false;
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
