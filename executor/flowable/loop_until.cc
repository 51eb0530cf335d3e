// LoopUntil: its children run again and again until a condition holds; between two rounds it is PAUSED, which costs a
// timer and nothing else. Both passes of FLOWS 1.7 are here: the condition is asked with the count that the children
// saw, then with the next one, so that a condition on the count ends the loop as early as it does in Kestra.
#include "common/base/text.h"
#include "executor/flowable/flowables.h"
#include "executor/flowable/spec_parts.h"
#include "executor/render.h"
#include "executor/verbs.h"

namespace headrace::executor {

using model::PropertyKind;
using model::State;
using model::TaskRun;
using model::TaskRunIndex;

namespace {

constexpr std::string_view kCount = "iterationCount";
constexpr Duration kDefaultInterval = std::chrono::minutes(1);

struct Limits {
  Duration interval = kDefaultInterval;
  std::optional<std::int64_t> max_iterations;
  std::optional<Duration> max_duration;
  bool fail_on_max = false;
};

Result<Limits> ReadLimits(const Step& step, TaskRunIndex self) {
  Limits limits;
  ASSIGN_OR_RETURN(const auto interval, DurationProperty(step, self, "checkFrequency.interval"));
  limits.interval = interval.value_or(kDefaultInterval);
  ASSIGN_OR_RETURN(limits.max_iterations, IntegerProperty(step, self, "checkFrequency.maxIterations"));
  ASSIGN_OR_RETURN(limits.max_duration, DurationProperty(step, self, "checkFrequency.maxDuration"));
  ASSIGN_OR_RETURN(const auto fail, BooleanProperty(step, self, "failOnMaxReached"));
  limits.fail_on_max = fail.value_or(false);
  return limits;
}

// A restart gives the loop its whole time again.
Timestamp ClockStart(const TaskRun& run) {
  return run.state.LastEntered(State::kCreated, State::kRestarted).value_or(run.state.started());
}

std::int64_t CountOf(const TaskRun& run) {
  const Value* count = run.outputs.if_contains(kCount);
  return count != nullptr && count->is_int64() ? count->get_int64() : 1;
}

// Which limit is reached with this count: for the log, empty if none is.
std::string_view Reached(const Step& step, TaskRunIndex self, const Limits& limits, std::int64_t count) {
  if (limits.max_iterations && count > *limits.max_iterations) return "Max iterations reached";
  if (limits.max_duration && ClockStart(step.run(self)) + *limits.max_duration < step.at()) {
    return "Max duration reached";
  }
  return {};
}

Result<bool> ConditionHolds(const Step& step, TaskRunIndex self) {
  ASSIGN_OR_RETURN(const std::optional<std::string> text, TextProperty(step, self, "condition"));
  return IsTruthy(text.value_or(""));
}

enum class Verdict { kContinue, kEnd, kFail };

// Pass 1. Once a limit is reached the condition is not asked any more.
Result<Verdict> Judge(Step& step, TaskRunIndex self, const Limits& limits) {
  const std::string_view reached = Reached(step, self, limits, CountOf(step.run(self)));
  if (reached.empty()) {
    ASSIGN_OR_RETURN(const bool holds, ConditionHolds(step, self));
    return holds ? Verdict::kEnd : Verdict::kContinue;
  }
  step.Log(self, "WARN", std::string(reached));
  if (!limits.fail_on_max) return Verdict::kEnd;
  step.Edit(self).message = reached;
  return Verdict::kFail;
}

// Pass 2: whether the loop would be over with the next count, which from now on is its count.
Result<bool> OverWithNextCount(Step& step, TaskRunIndex self, const Limits& limits) {
  step.Edit(self).outputs[kCount] = CountOf(step.run(self)) + 1;
  if (!Reached(step, self, limits, CountOf(step.run(self))).empty()) return true;
  return ConditionHolds(step, self);
}

void Pause(Step& step, TaskRunIndex self, const Limits& limits) {
  TaskRun& run = step.Edit(self);
  run.due = step.at() + limits.interval;
  step.Enter(self, State::kPaused);
  for (const model::SetTimer& timer : TimersOf(step.live().program(), run)) {
    if (timer.timer.kind == model::TimerKind::kLoopInterval) step.Emit(timer);
  }
}

Result<Verdict> JudgeBothPasses(Step& step, TaskRunIndex self, const Limits& limits) {
  ASSIGN_OR_RETURN(const Verdict first, Judge(step, self, limits));
  if (first != Verdict::kContinue) return first;
  ASSIGN_OR_RETURN(const bool over, OverWithNextCount(step, self, limits));
  if (!over) return Verdict::kContinue;
  return Judge(step, self, limits);
}

void EndIteration(Step& step, TaskRunIndex self) {
  const Result<Limits> limits = ReadLimits(step, self);
  if (!limits) return FailForGood(step, self, limits.error().message);
  const Result<Verdict> verdict = JudgeBothPasses(step, self, *limits);
  if (!verdict) return FailForGood(step, self, "Failed evaluating condition: " + verdict.error().message);
  switch (*verdict) {
    case Verdict::kContinue: return Pause(step, self, *limits);
    case Verdict::kFail: return EndRun(step, self, State::kFailed);
    case Verdict::kEnd: return EndMainList(step, self);
  }
}

void StartIteration(Step& step, TaskRunIndex self) {
  const std::vector<model::TaskIndex>& list = ListOf(step.flow(), &step.task(self), ListKind::kMain);
  if (!StartNext(step, self, list, ListKind::kMain, step.run(self).iteration)) EndIteration(step, self);
}

// For people: when the loop gives up. A timeout of the task says so itself.
void ShowDeadline(Step& step, TaskRunIndex self, const Limits& limits) {
  if (step.program(self).timeout == nullptr && limits.max_duration) {
    step.Edit(self).deadline = ClockStart(step.run(self)) + *limits.max_duration;
  }
}

// Notes where the last round began and forgets the one that is too old to be kept.
void ForgetOldRound(Step& step, TaskRunIndex self, TaskRunIndex begin) {
  TaskRun& loop = step.Edit(self);
  if (!loop.memo.is_array()) loop.memo = Array();
  Array& begins = loop.memo.get_array();  // of the rounds that are kept, oldest first
  begins.emplace_back(std::int64_t{begin});
  if (begins.size() <= static_cast<std::size_t>(step.live().program().loop_history())) return;
  const std::int64_t end = begins.size() > 1 ? begins[1].get_int64() : static_cast<std::int64_t>(step.execution().task_runs.size());
  for (auto index = static_cast<TaskRunIndex>(begins[0].get_int64()); index < end; ++index) {
    if (step.run(index).superseded && IsBelow(step, index, self)) step.Forget(index);
  }
  begins.erase(begins.begin());
}

void NextIteration(Step& step, TaskRunIndex self) {
  const std::vector<TaskRunIndex>& children = step.scope(self).children;
  const TaskRunIndex begin = children.empty() ? static_cast<TaskRunIndex>(step.execution().task_runs.size()) : children.front();
  step.SupersedeChildren(self);
  ForgetOldRound(step, self, begin);
  TaskRun& run = step.Edit(self);
  run.iteration = run.iteration.value_or(0) + 1;
  StartIteration(step, self);
}

class LoopUntil final : public SteeredType {
 public:
  model::TaskTypeSpec Spec() const override;

  void Start(Step& step, TaskRunIndex self) const override {
    const Result<Limits> limits = ReadLimits(step, self);
    if (!limits) return FailForGood(step, self, limits.error().message);
    TaskRun& run = step.Edit(self);
    run.iteration = 0;
    run.outputs[kCount] = 1;
    ShowDeadline(step, self, *limits);
    StartIteration(step, self);
  }

  // A warning does not end the loop: the check of a release may fail until the release is there.
  void ChildEnded(Step& step, TaskRunIndex self, TaskRunIndex) const override {
    if (step.scope(self).stopped()) return EndMainList(step, self);
    StartIteration(step, self);
  }

  void TimerFired(Step& step, TaskRunIndex self) const override {
    step.Enter(self, State::kRunning);
    step.Edit(self).due.reset();
    NextIteration(step, self);
  }

  void Reopened(Step& step, TaskRunIndex self) const override {
    if (const Result<Limits> limits = ReadLimits(step, self)) ShowDeadline(step, self, *limits);
    SteeredType::Reopened(step, self);
  }

  // Both limits begin anew; the iterations so far stay as history.
  void Restart(Step& step, TaskRunIndex self) const override {
    const Result<Limits> limits = ReadLimits(step, self);
    if (!limits) return FailForGood(step, self, limits.error().message);
    step.Edit(self).outputs[kCount] = 1;
    ShowDeadline(step, self, *limits);
    NextIteration(step, self);
  }
};

model::TaskTypeSpec LoopUntil::Spec() const {
  const std::vector<model::PropertySpec> frequency = {
      {.name = "interval", .kind = PropertyKind::kDuration, .doc = "The pause between two rounds.",
       .default_value = "PT1M"},
      {.name = "maxIterations", .kind = PropertyKind::kInteger, .doc = "The most rounds; unlimited if absent."},
      {.name = "maxDuration", .kind = PropertyKind::kDuration,
       .doc = "The longest time, looked at when a round ends; unlimited if absent."}};
  return {.type = "io.kestra.plugin.core.flow.LoopUntil",
          .aliases = {"io.kestra.plugin.core.flow.WaitFor"},
          .role = model::TaskRole::kFlowable,
          .doc = "Runs tasks again and again, with a pause between two rounds, until the condition is true.",
          .properties = {{.name = "condition", .kind = PropertyKind::kString, .required = true,
                          .doc = "Evaluated after every round; sees the outputs of its tasks."},
                         TasksProperty(),
                         {.name = "checkFrequency", .kind = PropertyKind::kObject, .doc = "How often and how long.",
                          .members = frequency},
                         {.name = "failOnMaxReached", .kind = PropertyKind::kBoolean,
                          .doc = "Fail when a limit is reached, instead of going on.", .default_value = false},
                         ErrorsProperty(), FinallyProperty()},
          .outputs = {{.name = std::string(kCount), .kind = PropertyKind::kInteger,
                       .doc = "1 in the first round; one more after each."}},
          .support = model::Support::kDiffers,
          .differs = "Earlier rounds stay visible, 500 of them unless --loop-history says otherwise. A loop with a disabled task completes its rounds without it; in "
                     "Kestra it never ends one.",
          .example = "id: wait_for_build\n"
                     "type: io.kestra.plugin.core.flow.LoopUntil\n"
                     "condition: \"{{ outputs.check.exitCode == 0 }}\"\n"
                     "checkFrequency:\n"
                     "  interval: PT5M\n"
                     "  maxDuration: PT6H\n"
                     "failOnMaxReached: true\n"
                     "tasks:\n"
                     "  - id: check\n"
                     "    type: io.kestra.plugin.scripts.shell.Commands\n"
                     "    allowFailure: true\n"
                     "    commands: [./build-is-done]\n"};
}

}  // namespace

const SteeredType& LoopUntilType() {
  static const LoopUntil kType;
  return kType;
}

}  // namespace headrace::executor
