#include <array>
#include <cstdio>

#include "executor/render.h"
#include "executor/verbs.h"

namespace headrace::executor {

using model::State;

namespace {

std::string HoursMinutesSeconds(Duration duration) {
  const long long millis = duration.count() / 1000;
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "%02lld:%02lld:%02lld.%03lld", millis / 3'600'000, millis / 60'000 % 60,
                millis / 1000 % 60, millis % 1000);
  return text.data();
}

// A flow that failed keeps the outputs that it could make; one that did not fails for the first that it cannot.
State RenderOutputs(Step& step, State outcome) {
  const model::Flow& flow = step.flow();
  Object outputs;
  for (std::size_t i = 0; i < flow.outputs.size(); ++i) {
    const model::OutputSpec& spec = flow.outputs[i];
    Result<Value> value = RenderAll(step, std::nullopt, spec.value, step.live().program().output_references(i));
    if (value) value = step.live().program().TypeOutput(spec, std::move(*value));
    if (value) {
      outputs[spec.id] = std::move(*value);
    } else if (!spec.required) {
      outputs[spec.id] = nullptr;
    } else if (outcome == State::kSuccess || outcome == State::kWarning) {
      const std::string message = "Failed to render output values: " + spec.id + ": " + value.error().message;
      step.Log(std::nullopt, "ERROR", message);
      step.Edit().message = message;
      outcome = State::kFailed;
    }
  }
  if (!flow.outputs.empty()) step.Edit().outputs = std::move(outputs);
  return outcome;
}

}  // namespace

void EndExecution(Step& step) {
  EndExecutionAs(step, step.killing() ? State::kKilled : step.scope(std::nullopt).Outcome());
}

void EndExecutionAs(Step& step, State outcome) {
  const State now = step.state();
  if (model::IsTerminal(now)) return;
  if (now != State::kRunning && now != State::kKilling) step.EnterExecution(State::kRunning);
  if (outcome != State::kKilled) outcome = RenderOutputs(step, outcome);
  for (const model::SetTimer& timer : ExecutionTimers(step.flow(), step.execution())) {
    step.Emit(model::ClearTimer{timer.timer});
  }
  step.EnterExecution(outcome);
  const model::StateHistory& history = step.execution().state;
  step.Log(std::nullopt, "INFO",
           "Flow completed with state " + std::string(model::StateName(outcome)) + " in " +
               HoursMinutesSeconds(history.last_changed() - history.started()));
  if (!StartNextLastWord(step)) CloseExecution(step);
}

void CloseExecution(Step& step) {
  step.Edit().closed = true;
  step.Emit(model::EndExecution{step.state()});
}

}  // namespace headrace::executor
