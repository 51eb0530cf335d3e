// Conditions of a flow trigger that several executions meet together, and the time in which they must.
// Shapes: what was met rests in the trigger's row; a window that is over takes what was met in it along.
// Errors: INVALID_ARGUMENT names the property. Threads: pure. Source: FLOWS 4.3.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "common/expr/zone.h"
#include "scheduler/triggers/spec.h"

namespace headrace::scheduler {

// The type given to one of `preconditions.where`: filters over the execution.
inline constexpr std::string_view kWhereType = "headrace.Where";

bool IsMultipleCondition(const Value& condition);
Result<WindowSpec> ReadMultipleCondition(const Object& written);
Result<WindowSpec> ReadPreconditions(const Object& written);

struct WindowProgress {
  std::vector<model::MetCondition> met{};
  std::vector<model::WindowStart> windows{};
};
// Whether an execution meets a condition.
using Meets = std::function<Result<bool>(const NamedCondition& condition)>;

// The execution's part in every window, at this time; true when it met something and all windows are complete. `progress`
// keeps the whole then: Reset takes out what must be met anew.
Result<bool> MeetWindows(const std::vector<WindowSpec>& specs, const ExecutionId& execution, Timestamp now,
                         const expr::Zone& zone, const Meets& meets, WindowProgress& progress);
void ResetWindows(const std::vector<WindowSpec>& specs, WindowProgress& progress);

}  // namespace headrace::scheduler
