#include <algorithm>

#include "executor/verbs.h"

namespace headrace::executor {

void OnSubmitted(Step& step, const model::Submitted& event) {
  if (!step.execution().state.changes.empty()) return;
  model::Execution& execution = step.Edit();
  execution.inputs = event.inputs;
  execution.labels = event.labels;
  execution.trigger = event.trigger;
  execution.parent = event.parent;
  // What belongs together is found by it: children inherit the one of their root.
  constexpr std::string_view kCorrelation = "system.correlationId";
  if (std::none_of(execution.labels.begin(), execution.labels.end(),
                   [](const model::Label& label) { return label.first == kCorrelation; })) {
    execution.labels.emplace_back(kCorrelation, execution.id.str());
  }
  step.EnterExecution(model::State::kCreated);
  step.EnterExecution(model::State::kRunning);
  if (!StartNext(step, std::nullopt, step.flow().tasks, ListKind::kMain)) EndMainList(step, std::nullopt);
}

}  // namespace headrace::executor
