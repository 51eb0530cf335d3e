// Parallel: children side by side; siblings of a failed one go on, the state is decided when all have ended.
#include "executor/flowable/flowables.h"
#include "executor/flowable/spec_parts.h"
#include "executor/render.h"
#include "executor/verbs.h"

namespace headrace::executor {

using model::TaskRunIndex;

namespace {

class Parallel final : public SteeredType {
 public:
  model::TaskTypeSpec Spec() const override {
    return {.type = "io.kestra.plugin.core.flow.Parallel",
            .aliases = {"io.kestra.core.tasks.flows.Parallel"},
            .role = model::TaskRole::kFlowable,
            .doc = "Runs tasks side by side. When one fails the others go on; `errors` run when all have ended.",
            .properties = {ConcurrentProperty(), TasksProperty(), ErrorsProperty(), FinallyProperty()},
            .example = "id: both\n"
                       "type: io.kestra.plugin.core.flow.Parallel\n"
                       "tasks:\n"
                       "  - id: left\n"
                       "    type: io.kestra.plugin.core.log.Log\n"
                       "    message: left\n"
                       "  - id: right\n"
                       "    type: io.kestra.plugin.core.log.Log\n"
                       "    message: right\n"};
  }

  void Start(Step& step, TaskRunIndex self) const override {
    const Result<std::optional<std::int64_t>> limit = IntegerProperty(step, self, "concurrent");
    if (!limit) {
      FailForGood(step, self, limit.error().message);
      return;
    }
    Fill(step, self, limit->value_or(0));
  }

  void ChildEnded(Step& step, TaskRunIndex self, TaskRunIndex) const override { Refill(step, self); }
  void Reopened(Step& step, TaskRunIndex self) const override { Refill(step, self); }

 private:
  // The limit was valid when it began; one that has become invalid since holds nobody back.
  static void Refill(Step& step, TaskRunIndex self) {
    const Result<std::optional<std::int64_t>> limit = IntegerProperty(step, self, "concurrent");
    Fill(step, self, limit ? limit->value_or(0) : 0);
  }

  static void Fill(Step& step, TaskRunIndex self, std::int64_t limit) {
    const std::vector<model::TaskIndex>& list = ListOf(step.flow(), &step.task(self), ListKind::kMain);
    const Scope& scope = step.scope(self);
    while ((limit <= 0 || scope.at_work() < limit) &&
           (BeginNextRestarted(step, self) || StartNext(step, self, list, ListKind::kMain))) {
    }
    if (scope.idle()) EndMainList(step, self);
  }
};

}  // namespace

const SteeredType& ParallelType() {
  static const Parallel kType;
  return kType;
}

}  // namespace headrace::executor
