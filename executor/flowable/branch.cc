// If and Switch: one of several lists, chosen once when the task begins and kept in its outputs.
#include "common/base/text.h"
#include "executor/flowable/flowables.h"
#include "executor/flowable/spec_parts.h"
#include "executor/render.h"
#include "executor/verbs.h"

namespace headrace::executor {

using model::PropertyKind;
using model::TaskRunIndex;

namespace {

void StartBranch(Step& step, TaskRunIndex self, const model::TaskGroup* group) {
  if (group == nullptr || !StartNext(step, self, group->tasks, ListKind::kMain)) EndMainList(step, self);
}

class If final : public SteeredType {
 public:
  model::TaskTypeSpec Spec() const override {
    return {.type = "io.kestra.plugin.core.flow.If",
            .aliases = {"io.kestra.core.tasks.flows.If"},
            .role = model::TaskRole::kFlowable,
            .doc = "Runs `then` if the condition is true, else `else`. Empty, 0, -0, false and null are false.",
            .properties = {{.name = "condition", .kind = PropertyKind::kString, .required = true,
                            .doc = "Evaluated once, when the task begins."},
                           {.name = "then", .kind = PropertyKind::kTaskList, .required = true, .rendered = false,
                            .doc = "Run when the condition is true."},
                           {.name = "else", .kind = PropertyKind::kTaskList, .rendered = false,
                            .doc = "Run when it is false."},
                           ErrorsProperty(), FinallyProperty()},
            .outputs = {{.name = "evaluationResult", .kind = PropertyKind::kBoolean,
                         .doc = "What the condition came to."}},
            .example = "id: only_production\n"
                       "type: io.kestra.plugin.core.flow.If\n"
                       "condition: \"{{ inputs.environment == 'production' }}\"\n"
                       "then:\n"
                       "  - id: announce\n"
                       "    type: io.kestra.plugin.core.log.Log\n"
                       "    message: production\n"};
  }

  void Start(Step& step, TaskRunIndex self) const override {
    const Result<std::optional<std::string>> condition = TextProperty(step, self, "condition");
    if (!condition) {
      FailForGood(step, self, "Failed evaluating condition: " + condition.error().message);
      return;
    }
    const bool holds = IsTruthy(condition->value_or(""));
    step.Edit(self).outputs["evaluationResult"] = holds;
    StartBranch(step, self, step.task(self).FindGroup(holds ? "then" : "else"));
  }
};

class Switch final : public SteeredType {
 public:
  model::TaskTypeSpec Spec() const override {
    return {.type = "io.kestra.plugin.core.flow.Switch",
            .aliases = {"io.kestra.core.tasks.flows.Switch"},
            .role = model::TaskRole::kFlowable,
            .doc = "Runs the list of the case that equals the value, else `defaults`; without either it fails.",
            .properties = {{.name = "value", .kind = PropertyKind::kString, .required = true,
                            .doc = "Compared with the names of the cases."},
                           {.name = "cases", .kind = PropertyKind::kTaskCases, .rendered = false,
                            .doc = "A list of tasks a value."},
                           {.name = "defaults", .kind = PropertyKind::kTaskList, .rendered = false,
                            .doc = "Run when no case matches."},
                           ErrorsProperty(), FinallyProperty()},
            .outputs = {{.name = "value", .kind = PropertyKind::kString, .doc = "The value."},
                        {.name = "defaults", .kind = PropertyKind::kBoolean, .doc = "Whether no case matched."}},
            .example = "id: by_kind\n"
                       "type: io.kestra.plugin.core.flow.Switch\n"
                       "value: \"{{ inputs.kind }}\"\n"
                       "cases:\n"
                       "  patch:\n"
                       "    - id: small\n"
                       "      type: io.kestra.plugin.core.log.Log\n"
                       "      message: a patch\n"
                       "defaults:\n"
                       "  - id: other\n"
                       "    type: io.kestra.plugin.core.log.Log\n"
                       "    message: something else\n"};
  }

  void Start(Step& step, TaskRunIndex self) const override {
    const Result<std::optional<std::string>> value = TextProperty(step, self, "value");
    if (!value) {
      FailForGood(step, self, "Failed evaluating value: " + value.error().message);
      return;
    }
    const std::string text = value->value_or("");
    const model::Task& task = step.task(self);
    const model::TaskGroup* group = task.FindGroup("cases." + text);
    const bool defaults = group == nullptr;
    step.Edit(self).outputs = {{"value", text}, {"defaults", defaults}};
    if (defaults) group = task.FindGroup("defaults");
    if (group == nullptr) {
      FailForGood(step, self, "No case for the value '" + text + "', and the task has no defaults");
      return;
    }
    StartBranch(step, self, group);
  }
};

}  // namespace

const SteeredType& IfType() {
  static const If kType;
  return kType;
}

const SteeredType& SwitchType() {
  static const Switch kType;
  return kType;
}

}  // namespace headrace::executor
