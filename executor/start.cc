#include "common/base/text.h"
#include "executor/render.h"
#include "executor/verbs.h"

namespace headrace::executor {

using model::State;
using model::TaskRole;
using model::TaskRunIndex;

namespace {

// Whether the run may begin; if not it has ended.
bool PassesRunIf(Step& step, TaskRunIndex index) {
  const TemplatePtr& run_if = step.program(index).run_if;
  if (run_if == nullptr) return true;
  const Result<std::string> text = RenderTemplate(step, index, *run_if);
  if (!text) {
    FailForGood(step, index, "Failed evaluating runIf: " + text.error().message);
    return false;
  }
  if (IsTruthy(*text)) return true;
  FinishRun(step, index, State::kSkipped);
  return false;
}

}  // namespace

void StartTask(Step& step, model::TaskIndex task, ScopeId parent, std::optional<std::string> value,
               std::optional<std::int32_t> iteration) {
  BeginCreated(step, step.Create(task, parent, std::move(value), iteration));
}

void BeginCreated(Step& step, TaskRunIndex index) {
  if (!step.execution().held && PassesRunIf(step, index)) BeginRun(step, index);
}

void BeginRun(Step& step, TaskRunIndex index) {
  switch (step.task(index).role) {
    case TaskRole::kRunnable:
      ForgetLooks(step, index);
      DispatchRun(step, index);
      return;
    case TaskRole::kExecutable: step.Enter(index, State::kSubmitted); break;
    case TaskRole::kFlowable:
    case TaskRole::kUpdating: step.Enter(index, State::kRunning); break;
  }
  OpenAttempt(step, index, step.at());
  ArmTimeout(step, index);
  // A timeout that is none has failed the run already.
  if (!IsOver(step.run(index))) step.program(index).type->Start(step, index);
}

}  // namespace headrace::executor
