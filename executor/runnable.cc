// The fence stands here: a report that does not name the current attempt and delivery changes nothing.
#include <algorithm>

#include "common/model/nested_id.h"
#include "executor/render.h"
#include "executor/verbs.h"

namespace headrace::executor {

using model::State;
using model::TaskRun;
using model::TaskRunIndex;

namespace {

// The tasks that the worker ran inside this one: they have ended when they become known.
void RecordNested(Step& step, TaskRunIndex index, const model::TaskFinished& event) {
  if (step.books().scopes.contains(index)) step.SupersedeChildren(index);
  for (const model::NestedRun& nested : event.nested) {
    const std::optional<model::TaskIndex> task = step.live().program().FindTask(nested.task_id);
    if (!task || step.flow().task(*task).parent != step.run(index).task) continue;
    const TaskRunIndex child = step.Create(*task, index, std::nullopt, std::nullopt);
    if (nested.outcome == State::kSkipped) {
      EndAttempt(step, child, State::kSkipped);
    } else {
      step.Enter(child, State::kSubmitted, nested.started);
      EnterRunning(step, child, event.worker, std::max(nested.started, step.run(child).state.last_changed()));
      EndAttempt(step, child, nested.outcome);
    }
    TaskRun& run = step.Edit(child);
    const TaskRun& job = step.run(index);
    run.id = model::NestedRunId(step.execution().id, job.id, nested.task_id, job.attempt);
    run.outputs = nested.outputs;
    run.message = nested.message;
    step.Enter(child, nested.outcome, nested.ended);
  }
}

}  // namespace

bool IsCurrent(const Step& step, const model::Fence& fence) {
  if (fence.task_run >= step.execution().task_runs.size()) return false;
  const TaskRun& run = step.run(fence.task_run);
  return !run.superseded && run.fence() == fence && IsWithWorker(step.live().program(), run);
}

void EnterRunning(Step& step, TaskRunIndex index, const WorkerId& worker, Timestamp started) {
  step.Enter(index, State::kRunning, started);
  OpenAttempt(step, index, std::min(started, step.at()));
  step.Edit(index).attempts.back().worker = worker;
}

void DispatchRun(Step& step, TaskRunIndex index) {
  if (const TemplatePtr& timeout = step.program(index).timeout; timeout != nullptr) {
    if (const Result<Duration> duration = RenderDuration(step, index, *timeout); !duration) {
      FailForGood(step, index, "Failed evaluating timeout: " + duration.error().message);
      return;
    }
  }
  step.Enter(index, State::kSubmitted);
  step.Emit(model::DispatchTask{step.run(index).fence()});
}

void OnTaskStarted(Step& step, const model::TaskStarted& event) {
  if (!IsCurrent(step, event.fence) || step.state(event.fence.task_run) != State::kSubmitted) return;
  EnterRunning(step, event.fence.task_run, event.worker, step.at());
  ArmTimeout(step, event.fence.task_run);
}

void OnTaskFinished(Step& step, const model::TaskFinished& event) {
  if (!IsCurrent(step, event.fence)) return;
  const TaskRunIndex index = event.fence.task_run;
  if (step.state(index) == State::kSubmitted && event.started) {
    EnterRunning(step, index, event.worker, std::max(*event.started, step.run(index).state.last_changed()));
  }
  TaskRun& run = step.Edit(index);
  run.outputs = event.outputs;
  run.message = event.message;
  if (run.attempts.empty() || model::IsTerminal(run.attempts.back().state.current())) {
    OpenAttempt(step, index, step.at());
    run.attempts.back().worker = event.worker;
  }
  if (!event.nested.empty()) RecordNested(step, index, event);
  switch (event.outcome) {
    case State::kSuccess: SucceedRun(step, index); return;
    case State::kWarning: EndRun(step, index, State::kWarning); return;
    case State::kSkipped:
    case State::kKilled: FinishRun(step, index, event.outcome); return;
    case State::kFailed: FailRun(step, index, event.message, /*log=*/false); return;
    default:
      FailRun(step, index, "The worker reported " + std::string(model::StateName(event.outcome)) +
                               ", which is not the end of a task");
  }
}

}  // namespace headrace::executor
