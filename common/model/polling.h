// The trigger types that look at something every so often: known to the scheduler, which asks for looks, to the flow's checks,
// and to the worker, which has a task type of the same name for each.
// Threads: constants. Source: FLOWS 4.4; docs/adr/0013.
#pragma once

#include <algorithm>
#include <array>
#include <string_view>

#include "common/base/time.h"

namespace headrace::model {

inline constexpr std::string_view kHttpTrigger = "io.kestra.plugin.core.http.Trigger";
inline constexpr std::string_view kHttpTriggerOld = "io.kestra.plugin.fs.http.Trigger";
inline constexpr std::string_view kRunTrigger = "headrace.github.WorkflowRunTrigger";
inline constexpr std::string_view kRunTriggerOfKestra = "io.kestra.plugin.github.actions.Trigger";
inline constexpr std::array kPollingTypes{kHttpTrigger, kHttpTriggerOld, kRunTrigger, kRunTriggerOfKestra};

inline constexpr bool IsPollingType(std::string_view type) {
  return std::find(kPollingTypes.begin(), kPollingTypes.end(), type) != kPollingTypes.end();
}

inline constexpr Duration kPollingInterval = std::chrono::seconds(60);
inline constexpr Duration kPollingIntervalMin = std::chrono::seconds(1);

}  // namespace headrace::model
