// Dag: tasks that name the siblings they wait for. A node begins when all of those have ended; after a failure nothing
// new begins.
#include <algorithm>

#include "executor/flowable/flowables.h"
#include "executor/flowable/spec_parts.h"
#include "executor/render.h"
#include "executor/verbs.h"

namespace headrace::executor {

using model::PropertyKind;
using model::TaskIndex;
using model::TaskRunIndex;

namespace {

// The run of a node in this Dag; the same Dag may run many times, as in a loop.
std::optional<TaskRunIndex> RunOf(const Step& step, TaskRunIndex self, TaskIndex node) {
  const std::set<TaskRunIndex>& runs = step.books().runs_of_task[node];
  for (auto it = runs.rbegin(); it != runs.rend() && *it > self; ++it) {
    if (step.run(*it).parent == self) return *it;
  }
  return std::nullopt;
}

bool IsReady(const Step& step, TaskRunIndex self, TaskIndex node) {
  const std::vector<TaskIndex>& needs = step.live().program().task(node).depends_on;
  return !RunOf(step, self, node) && std::all_of(needs.begin(), needs.end(), [&](TaskIndex need) {
    const std::optional<TaskRunIndex> run = RunOf(step, self, need);
    return run && model::IsTerminal(step.state(*run));
  });
}

class Dag final : public SteeredType {
 public:
  model::TaskTypeSpec Spec() const override {
    return {.type = "io.kestra.plugin.core.flow.Dag",
            .aliases = {"io.kestra.core.tasks.flows.Dag"},
            .role = model::TaskRole::kFlowable,
            .doc = "Runs tasks in the order of what they depend on, side by side where nothing holds them.",
            .properties = {ConcurrentProperty(),
                           {.name = "tasks", .kind = PropertyKind::kTaskNodes, .required = true, .rendered = false,
                            .doc = "The nodes: `task`, and in `dependsOn` the ids of the nodes it waits for."},
                           ErrorsProperty(), FinallyProperty()},
            .example = "id: build\n"
                       "type: io.kestra.plugin.core.flow.Dag\n"
                       "tasks:\n"
                       "  - task:\n"
                       "      id: compile\n"
                       "      type: io.kestra.plugin.core.log.Log\n"
                       "      message: compile\n"
                       "  - task:\n"
                       "      id: test\n"
                       "      type: io.kestra.plugin.core.log.Log\n"
                       "      message: test\n"
                       "    dependsOn: [compile]\n"};
  }

  void Start(Step& step, TaskRunIndex self) const override {
    const Result<std::optional<std::int64_t>> limit = IntegerProperty(step, self, "concurrent");
    if (!limit) return FailForGood(step, self, limit.error().message);
    Fill(step, self, ListOf(step.flow(), &step.task(self), ListKind::kMain));
  }

  void ChildEnded(Step& step, TaskRunIndex self, TaskRunIndex child) const override {
    // Without a limit only what waited for the child can have become ready.
    const bool limited = LimitOf(step, self) > 0;
    Fill(step, self, limited ? *step.program(child).siblings : step.program(child).dependents);
  }

  void Reopened(Step& step, TaskRunIndex self) const override {
    Fill(step, self, ListOf(step.flow(), &step.task(self), ListKind::kMain));
  }

 private:
  // The limit was valid when it began; one that has become invalid since holds nobody back.
  static std::int64_t LimitOf(const Step& step, TaskRunIndex self) {
    const Result<std::optional<std::int64_t>> limit = IntegerProperty(step, self, "concurrent");
    return limit ? limit->value_or(0) : 0;
  }

  static void Fill(Step& step, TaskRunIndex self, const std::vector<TaskIndex>& candidates) {
    const std::int64_t limit = LimitOf(step, self);
    const Scope& scope = step.scope(self);
    const auto has_room = [&] { return limit <= 0 || scope.at_work() < limit; };
    while (has_room() && BeginNextRestarted(step, self)) {
    }
    for (const TaskIndex node : candidates) {
      if (scope.stopped() || !has_room() || model::IsTerminal(step.state(self))) break;
      if (IsReady(step, self, node)) StartTask(step, node, self);
    }
    if (scope.idle()) EndMainList(step, self);
  }
};

}  // namespace

const SteeredType& DagType() {
  static const Dag kType;
  return kType;
}

}  // namespace headrace::executor
