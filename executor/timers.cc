#include "executor/flowable/flowables.h"
#include "executor/render.h"
#include "executor/verbs.h"

namespace headrace::executor {

using model::SetTimer;
using model::State;
using model::TaskRole;
using model::TaskRun;
using model::TaskRunIndex;
using model::TimerId;
using model::TimerKind;

namespace {

bool HasTimeout(const Program& program, const TaskRun& run) {
  return program.task(run.task).timeout != nullptr && run.deadline.has_value() &&
         !model::IsTerminal(run.state.current());
}

TimerId TimeoutOf(const TaskRun& run) { return {TimerKind::kTimeout, run.index, run.attempt}; }

void TimeOut(Step& step, TaskRunIndex index) {
  const TaskRun& run = step.run(index);
  // A delivery that was lost had an earlier deadline than the one that runs now.
  if (step.at() < *run.deadline) {
    step.Emit(SetTimer{TimeoutOf(run), *run.deadline});
    return;
  }
  const Result<Duration> timeout = RenderDuration(step, index, *step.program(index).timeout);
  const std::string message = "Timeout after " + (timeout ? FormatDuration(*timeout) : step.task(index).timeout);
  switch (step.task(index).role) {
    case TaskRole::kRunnable:
      if (!IsBetweenLooks(step.live().program(), run)) step.Emit(model::CancelTask{run.fence(), message});
      break;
    case TaskRole::kExecutable: KillChildOf(step, index); break;
    default: FailForGood(step, index, message); return;
  }
  FailRun(step, index, message);
}

}  // namespace

void ArmTimeout(Step& step, TaskRunIndex index) {
  const TemplatePtr& text = step.program(index).timeout;
  if (text == nullptr || step.killing()) return;
  const Result<Duration> timeout = RenderDuration(step, index, *text);
  if (!timeout) {
    FailForGood(step, index, "Failed evaluating timeout: " + timeout.error().message);
    return;
  }
  TaskRun& run = step.Edit(index);
  run.deadline = step.at() + *timeout;
  step.Emit(SetTimer{TimeoutOf(run), *run.deadline});
}

std::vector<SetTimer> TimersOf(const Program& program, const TaskRun& run) {
  std::vector<SetTimer> timers;
  if (run.superseded) return timers;
  const State state = run.state.current();
  if (state == State::kRetrying && run.due) {
    timers.push_back({{TimerKind::kRetry, run.index, run.attempt}, *run.due});
  }
  if (state == State::kPaused && run.due) {
    if (program.task(run.task).type == &PauseType()) {
      timers.push_back({{TimerKind::kPause, run.index, run.attempt}, *run.due});
    } else {
      timers.push_back(
          {{TimerKind::kLoopInterval, run.index, static_cast<std::uint32_t>(run.iteration.value_or(0))}, *run.due});
    }
  }
  if (IsBetweenLooks(program, run)) timers.push_back({{TimerKind::kLook, run.index, run.attempt}, *run.due});
  if (HasTimeout(program, run)) timers.push_back({TimeoutOf(run), *run.deadline});
  return timers;
}

void ClearTimers(Step& step, TaskRunIndex index) {
  const TaskRun& run = step.run(index);
  for (const SetTimer& timer : TimersOf(step.live().program(), run)) step.Emit(model::ClearTimer{timer.timer});
  if (IsBetweenLooks(step.live().program(), run)) step.SetLook(index, std::nullopt);
  if (run.due || run.deadline) {
    TaskRun& edited = step.Edit(index);
    edited.due.reset();
    edited.deadline.reset();
  }
}

void OnTimerFired(Step& step, const model::TimerFired& event) {
  const TimerId& timer = event.timer;
  if (timer.kind == TimerKind::kStart) {
    if (step.state() == State::kCreated && step.execution().scheduled) BeginExecution(step);
    return;
  }
  if (timer.kind == TimerKind::kSla) {
    if (!step.killing()) OnSlaTimer(step, timer.task_run);
    return;
  }
  if (timer.task_run >= step.execution().task_runs.size() || step.killing()) return;
  const TaskRun& run = step.run(timer.task_run);
  if (run.superseded) return;
  const State state = run.state.current();
  switch (timer.kind) {
    case TimerKind::kRetry:
      if (state != State::kRetrying || run.attempt != timer.attempt) return;
      BeginNextAttempt(step, run.index);
      return;
    case TimerKind::kTimeout:
      if (HasTimeout(step.live().program(), run) && run.attempt == timer.attempt && state != State::kRetrying) {
        TimeOut(step, run.index);
      }
      return;
    case TimerKind::kLoopInterval:
      if (state != State::kPaused || static_cast<std::uint32_t>(run.iteration.value_or(0)) != timer.attempt) return;
      step.program(run.index).type->TimerFired(step, run.index);
      return;
    case TimerKind::kPause:
      if (state == State::kPaused && run.attempt == timer.attempt) step.program(run.index).type->TimerFired(step, run.index);
      return;
    case TimerKind::kLook:
      if (run.attempt == timer.attempt && IsBetweenLooks(step.live().program(), run)) LookAgain(step, run.index);
      return;
    case TimerKind::kStart:
    case TimerKind::kSla: return;
  }
}

}  // namespace headrace::executor
