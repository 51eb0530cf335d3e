// The promises of a flow about its time and its state, and what a broken one costs.
#include <algorithm>

#include "common/base/text.h"
#include "executor/flowable/label_list.h"
#include "executor/render.h"
#include "executor/verbs.h"

namespace headrace::executor {

using model::Sla;
using model::State;

namespace {

bool IsBreached(const model::Execution& execution, std::uint32_t place) {
  const auto& breached = execution.slas_breached;
  return std::find(breached.begin(), breached.end(), place) != breached.end();
}

void Breach(Step& step, std::uint32_t place, const std::string& how) {
  const Sla& sla = step.flow().slas.at(place);
  model::Execution& execution = step.Edit();
  execution.slas_breached.push_back(place);
  MergeLabels(execution.labels, sla.labels);
  const std::string message = "SLA '" + sla.id + "' is violated: " + how;
  step.Log(std::nullopt, sla.behavior == Sla::Behavior::kFail ? "ERROR" : "WARN", message);
  if (sla.behavior == Sla::Behavior::kNone) return;
  execution.message = message;
  StopDescendants(step, std::nullopt, message);
  EndExecutionAs(step, sla.behavior == Sla::Behavior::kFail ? State::kFailed : State::kCancelled);
}

// An expression that cannot be evaluated yet, as it names what is still to come, says nothing.
bool AssertionHolds(const Step& step, std::uint32_t place) {
  const TemplatePtr& assertion = step.live().program().sla_assertion(place);
  if (assertion == nullptr) return true;
  const Result<std::string> text = RenderTemplate(step, std::nullopt, *assertion);
  return !text || IsTruthy(*text);
}

}  // namespace

std::vector<model::SetTimer> ExecutionTimers(const model::Flow& flow, const model::Execution& execution) {
  std::vector<model::SetTimer> timers;
  const State state = execution.state.current();
  if (execution.state.changes.empty() || model::IsTerminal(state) || state == State::kQueued) return timers;
  if (state == State::kCreated) {
    if (execution.scheduled) timers.push_back({{model::TimerKind::kStart, 0, 1}, *execution.scheduled});
    return timers;
  }
  for (std::uint32_t place = 0; place < flow.slas.size(); ++place) {
    const Sla& sla = flow.slas[place];
    if (sla.type != Sla::Type::kMaxDuration || IsBreached(execution, place)) continue;
    timers.push_back({{model::TimerKind::kSla, place, 1}, execution.state.started() + sla.duration});
  }
  return timers;
}

void OnSlaTimer(Step& step, std::uint32_t place) {
  if (place >= step.flow().slas.size() || model::IsTerminal(step.state()) || IsBreached(step.execution(), place)) return;
  Breach(step, place, "it runs for more than " + FormatDuration(step.flow().slas[place].duration));
}

void CheckAssertions(Step& step) {
  const auto& slas = step.flow().slas;
  for (std::uint32_t place = 0; place < slas.size(); ++place) {
    const State state = step.state();
    if (step.execution().state.changes.empty() || model::IsTerminal(state) || state == State::kKilling ||
        state == State::kCreated || state == State::kQueued) {
      return;
    }
    if (slas[place].type == Sla::Type::kExecutionAssertion && !IsBreached(step.execution(), place) &&
        !AssertionHolds(step, place)) {
      Breach(step, place, "its assertion is false");
    }
  }
}

}  // namespace headrace::executor
