// Pause: waits for a person, or for a while, or for both; the wait is a row and, with a duration, a timer.
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

constexpr std::string_view kOnPause = "onPause";

Result<std::optional<Duration>> Length(const Step& step, TaskRunIndex self) {
  ASSIGN_OR_RETURN(const auto length, DurationProperty(step, self, "pauseDuration"));
  if (length) return length;
  return DurationProperty(step, self, "delay");
}

void StartOnPause(Step& step, TaskRunIndex self) {
  const model::TaskGroup* group = step.task(self).FindGroup(kOnPause);
  if (group == nullptr) return;
  for (const model::TaskIndex task : group->tasks) StartTask(step, task, self);
}

// The deprecated children run once the wait is over.
void GoOn(Step& step, TaskRunIndex self) {
  step.Enter(self, State::kRunning);
  step.Edit(self).due.reset();
  const std::vector<model::TaskIndex>& list = ListOf(step.flow(), &step.task(self), ListKind::kMain);
  if (!list.empty()) return StartTask(step, list.front(), self);
  if (step.scope(self).idle()) EndMainList(step, self);
}

bool IsOnPause(const Step& step, TaskRunIndex self, TaskRunIndex child) {
  const model::TaskGroup* group = step.task(self).FindGroup(kOnPause);
  return group != nullptr && step.program(child).siblings == &group->tasks;
}

class Pause final : public SteeredType {
 public:
  model::TaskTypeSpec Spec() const override;

  void Start(Step& step, TaskRunIndex self) const override {
    const Result<std::optional<Duration>> length = Length(step, self);
    if (!length) return FailForGood(step, self, length.error().message);
    step.Enter(self, State::kPaused);
    if (*length) {
      step.Edit(self).due = step.at() + **length;
      for (const model::SetTimer& timer : TimersOf(step.live().program(), step.run(self))) {
        if (timer.timer.kind == model::TimerKind::kPause) step.Emit(timer);
      }
    }
    StartOnPause(step, self);
  }

  void ChildEnded(Step& step, TaskRunIndex self, TaskRunIndex child) const override {
    if (!IsOnPause(step, self, child)) return ContinueSequence(step, self, child);
    // It may be the last thing that a wait that is over waited for.
    const std::vector<model::TaskIndex>& list = ListOf(step.flow(), &step.task(self), ListKind::kMain);
    if (step.state(self) == State::kRunning && list.empty() && step.scope(self).idle()) EndMainList(step, self);
  }

  // Nobody came: what then is in `behavior`.
  void TimerFired(Step& step, TaskRunIndex self) const override {
    const Result<std::optional<std::string>> behavior = TextProperty(step, self, "behavior");
    const std::string what = behavior ? behavior->value_or("RESUME") : "RESUME";
    if (what == "RESUME") return GoOn(step, self);
    const State end = what == "WARN" ? State::kWarning : what == "CANCEL" ? State::kCancelled : State::kFailed;
    step.Edit(self).message = "Nobody resumed the task in time";
    EndRun(step, self, end);
  }

  bool resumable() const override { return true; }
  void Resume(Step& step, TaskRunIndex self, const model::ResumeRequested& event) const override {
    for (const model::SetTimer& timer : TimersOf(step.live().program(), step.run(self))) {
      if (timer.timer.kind == model::TimerKind::kPause) step.Emit(model::ClearTimer{timer.timer});
    }
    TaskRun& run = step.Edit(self);
    if (!event.inputs.empty()) run.outputs["onResume"] = event.inputs;
    Object resumed{{"on", FormatInstant(step.at())}};
    if (!event.by.empty()) resumed["by"] = event.by;
    run.outputs["resumed"] = std::move(resumed);
    GoOn(step, self);
  }
};

model::TaskTypeSpec Pause::Spec() const {
  return {
      .type = "io.kestra.plugin.core.flow.Pause",
      .aliases = {"io.kestra.core.tasks.flows.Pause"},
      .role = model::TaskRole::kFlowable,
      .doc = "Waits until a person resumes the execution, or until a duration is over.",
      .properties =
          {{.name = "pauseDuration", .kind = PropertyKind::kDuration,
            .doc = "Goes on by itself after this long, as `behavior` says; without it only a person ends the wait."},
           {.name = "delay", .kind = PropertyKind::kDuration, .doc = "Deprecated: use pauseDuration."},
           {.name = "behavior", .kind = PropertyKind::kEnum,
            .doc = "What the end of pauseDuration means.", .default_value = "RESUME",
            .enum_values = {"RESUME", "WARN", "FAIL", "CANCEL"}},
           {.name = "onResume", .kind = PropertyKind::kInputs, .rendered = false,
            .doc = "Inputs that whoever resumes gives; found in outputs as `onResume`."},
           {.name = std::string(kOnPause), .kind = PropertyKind::kTask, .rendered = false,
            .doc = "A task that runs when the wait begins, such as a message to those who approve."},
           {.name = "tasks", .kind = PropertyKind::kTaskList, .rendered = false,
            .doc = "Deprecated: tasks that run after the wait."},
           ErrorsProperty(), FinallyProperty()},
      .outputs = {{.name = "onResume", .kind = PropertyKind::kMap, .doc = "What was given when it was resumed."},
                  {.name = "resumed", .kind = PropertyKind::kMap, .doc = "`by` whom and `on` when it was resumed."}},
      .example = "id: approve\n"
                 "type: io.kestra.plugin.core.flow.Pause\n"
                 "onResume:\n"
                 "  - id: reason\n"
                 "    type: STRING\n"};
}

}  // namespace

const SteeredType& PauseType() {
  static const Pause kType;
  return kType;
}

}  // namespace headrace::executor
