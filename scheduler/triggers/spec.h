// A trigger as its flow has it, read out of what was written.
// Shapes: conditions, inputs and labels stay as written, to be rendered at each tick. MultipleCondition and preconditions
//   are windows: conditions that different executions may meet.
// Errors: INVALID_ARGUMENT names the property; a flow that was checked has none. Threads: pure. Source: FLOWS 4.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/model/trigger.h"

namespace headrace::scheduler {

// When what was met counts together.
struct TimeWindow {
  enum class Type : std::uint8_t { kDuration, kSliding, kDailyDeadline, kDailyWindow };
  Type type = Type::kDuration;
  Duration window = std::chrono::hours(24);
  Duration advance{0};
  Duration start{0};  // of the day: kDailyWindow
  Duration end{0};    // of the day: kDailyWindow, kDailyDeadline
};

// One of the conditions of a window, as conditions of common/model and scheduler/triggers understand it.
struct NamedCondition {
  std::string name;
  Array all{};  // each must hold
};

struct WindowSpec {
  std::string id;
  TimeWindow time{};
  bool reset = true;
  std::vector<NamedCondition> conditions{};
};

struct TriggerSpec {
  model::Trigger row;  // without progress
  Value labels{};
  Array conditions{};  // without the windows
  Object inputs{};
  // Of a webhook.
  std::string key{};
  bool wait = false;
  bool return_outputs = false;
  std::string response_content_type{};
  Value response_code{};
  // Of a flow trigger.
  std::vector<model::State> states{};
  std::vector<WindowSpec> windows{};
  // Of a polling trigger: what its look is given as a task's properties, and whose turn it is.
  Object properties{};
  std::string worker_group{};
  std::string log_level{};
  bool fail_on_error = false;  // a look that fails starts an execution that has failed
};
using TriggerSpecPtr = std::shared_ptr<const TriggerSpec>;

// Of all triggers of the flow, in order; those of a flow that is disabled are off.
Result<std::vector<TriggerSpecPtr>> ReadTriggers(const model::Flow& flow, const std::string& zone);

}  // namespace headrace::scheduler
