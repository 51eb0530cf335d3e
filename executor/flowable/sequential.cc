// Sequential: children one after the other; a failed one stops the list.
// AllowFailure: the same, but its failure is a warning.
#include "executor/flowable/flowables.h"
#include "executor/flowable/spec_parts.h"
#include "executor/verbs.h"

namespace headrace::executor {

using model::State;
using model::TaskRunIndex;

namespace {

void StartSequence(Step& step, TaskRunIndex self) {
  if (!StartNext(step, self, ListOf(step.flow(), &step.task(self), ListKind::kMain), ListKind::kMain)) {
    EndMainList(step, self);
  }
}

class Sequential final : public SteeredType {
 public:
  model::TaskTypeSpec Spec() const override {
    return {.type = "io.kestra.plugin.core.flow.Sequential",
            .aliases = {"io.kestra.core.tasks.flows.Sequential"},
            .role = model::TaskRole::kFlowable,
            .doc = "Runs tasks one after the other. A task that fails stops the list and starts `errors`.",
            .properties = {TasksProperty(), ErrorsProperty(), FinallyProperty()},
            .example = "id: steps\n"
                       "type: io.kestra.plugin.core.flow.Sequential\n"
                       "tasks:\n"
                       "  - id: first\n"
                       "    type: io.kestra.plugin.core.log.Log\n"
                       "    message: one\n"
                       "  - id: second\n"
                       "    type: io.kestra.plugin.core.log.Log\n"
                       "    message: two\n"};
  }
  void Start(Step& step, TaskRunIndex self) const override { StartSequence(step, self); }
};

class AllowFailure final : public SteeredType {
 public:
  model::TaskTypeSpec Spec() const override {
    return {.type = "io.kestra.plugin.core.flow.AllowFailure",
            .aliases = {"io.kestra.core.tasks.flows.AllowFailure"},
            .role = model::TaskRole::kFlowable,
            .doc = "Runs tasks one after the other. If one fails, `errors` run and the flow goes on with a warning.",
            .properties = {TasksProperty(), ErrorsProperty(), FinallyProperty()},
            .example = "id: best_effort\n"
                       "type: io.kestra.plugin.core.flow.AllowFailure\n"
                       "tasks:\n"
                       "  - id: may_fail\n"
                       "    type: io.kestra.plugin.core.execution.Fail\n"};
  }
  void Start(Step& step, TaskRunIndex self) const override { StartSequence(step, self); }
  State Outcome(const Step& step, TaskRunIndex self) const override {
    const State outcome = step.scope(self).Outcome();
    return outcome == State::kFailed ? State::kWarning : outcome;
  }
};

}  // namespace

const SteeredType& SequentialType() {
  static const Sequential kType;
  return kType;
}

const SteeredType& AllowFailureType() {
  static const AllowFailure kType;
  return kType;
}

}  // namespace headrace::executor
