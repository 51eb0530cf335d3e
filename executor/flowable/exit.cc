// Exit: ends the execution here and now, in the state it names.
#include "executor/flowable/flowables.h"
#include "executor/render.h"
#include "executor/verbs.h"

namespace headrace::executor {

using model::State;
using model::TaskRunIndex;

namespace {

class Exit final : public SteeredType {
 public:
  model::TaskTypeSpec Spec() const override {
    return {.type = "io.kestra.plugin.core.execution.Exit",
            .role = model::TaskRole::kUpdating,
            .doc = "Ends this execution at once in the given state; what runs beside it is killed.",
            .properties = {{.name = "state", .kind = model::PropertyKind::kEnum, .doc = "The final state.",
                            .default_value = "SUCCESS",
                            .enum_values = {"SUCCESS", "WARNING", "KILLED", "FAILED", "CANCELED", "CANCELLED"}}},
            .example = "id: enough\n"
                       "type: io.kestra.plugin.core.execution.Exit\n"
                       "state: WARNING\n"};
  }

  void Start(Step& step, TaskRunIndex self) const override {
    const Result<std::optional<std::string>> name = TextProperty(step, self, "state");
    if (!name) return FailForGood(step, self, name.error().message);
    const std::string text = name->value_or("SUCCESS");
    const std::optional<State> state = model::ParseState(text == "CANCELED" ? "CANCELLED" : text);
    if (!state || !IsExitState(*state)) {
      return FailForGood(step, self,
                         "`state` is " + text + ", expected SUCCESS, WARNING, KILLED, FAILED or CANCELLED");
    }
    FinishRun(step, self, State::kSuccess);
    // Within afterExecution the end has come already.
    if (!model::IsTerminal(step.state())) ExitWith(step, self, *state);
  }

 private:
  static bool IsExitState(State state) {
    return state == State::kSuccess || state == State::kWarning || state == State::kKilled ||
           state == State::kFailed || state == State::kCancelled;
  }

  static void ExitWith(Step& step, TaskRunIndex self, State state) {
    std::vector<TaskRunIndex> ancestors;
    for (ScopeId at = step.run(self).parent; at; at = step.run(*at).parent) ancestors.push_back(*at);
    for (auto it = ancestors.begin(); it != ancestors.end(); ++it) {
      StopDescendants(step, *it, "The execution exits");
      FinishRun(step, *it, state);
    }
    StopDescendants(step, std::nullopt, "The execution exits");
    EndExecutionAs(step, state);
  }
};

}  // namespace

const SteeredType& ExitType() {
  static const Exit kType;
  return kType;
}

}  // namespace headrace::executor
