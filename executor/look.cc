// A task that looks, leaves and is looked at again: between two looks nobody holds it, it is a timer.
#include <algorithm>

#include "executor/look_memo.h"
#include "executor/verbs.h"

namespace headrace::executor {

using model::State;
using model::TaskRun;
using model::TaskRunIndex;

namespace {

// Beside what the executor remembers of tasks of its own.
constexpr std::string_view kLook = "look";

model::TimerId LookOf(const TaskRun& run) { return {model::TimerKind::kLook, run.index, run.attempt}; }

}  // namespace

void OnTaskWaited(Step& step, const model::TaskWaited& event) {
  if (!IsCurrent(step, event.fence)) return;
  const TaskRunIndex index = event.fence.task_run;
  if (step.killing()) return FinishRun(step, index, State::kKilled);
  if (step.state(index) == State::kSubmitted) {
    EnterRunning(step, index, event.worker, std::max(event.started.value_or(step.at()), step.run(index).state.last_changed()));
    ArmTimeout(step, index);
    if (step.state(index) != State::kRunning) return;  // its timeout did not render
  }
  if (!step.run(index).memo.is_null() && LookMemo(step.run(index)) == nullptr) {
    // One of the executor's own, whose memo it is not: these look once.
    return FailRun(step, index, "The worker reported that the task waits, which tasks of this type cannot");
  }
  TaskRun& run = step.Edit(index);
  run.memo = Object{{kLook, event.memo}};
  ++run.delivery;
  const Timestamp due = step.at() + std::max(event.after, Duration(0));
  step.SetLook(index, due);
  step.Emit(model::SetTimer{LookOf(run), due});
}

void ForgetLooks(Step& step, TaskRunIndex index) {
  if (Member(step.run(index).memo, kLook) != nullptr) step.Edit(index).memo = nullptr;
}

void LookAgain(Step& step, TaskRunIndex index) {
  step.SetLook(index, std::nullopt);
  step.Emit(model::DispatchTask{step.run(index).fence()});
}

void OnTaskWoken(Step& step, const model::TaskWoken& event) {
  if (event.task_run >= step.execution().task_runs.size() || step.killing()) return;
  const TaskRun& run = step.run(event.task_run);
  if (run.superseded || run.attempt != event.attempt || !IsBetweenLooks(step.live().program(), run)) return;
  step.Emit(model::ClearTimer{LookOf(run)});
  LookAgain(step, event.task_run);
}

const Value* LookMemo(const TaskRun& run) { return Member(run.memo, kLook); }

}  // namespace headrace::executor
