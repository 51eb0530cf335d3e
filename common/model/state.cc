#include "common/model/state.h"

namespace headrace::model {
namespace {
constexpr std::array<std::string_view, kStateCount> kNames = {
    "CREATED", "SUBMITTED", "QUEUED", "RUNNING", "PAUSED", "BREAKPOINT", "RESTARTED", "RETRYING", "RETRIED",
    "KILLING", "SUCCESS", "WARNING", "FAILED", "KILLED", "CANCELLED", "SKIPPED", "RESUBMITTED"};
}  // namespace

std::string_view StateName(State state) { return kNames.at(static_cast<std::size_t>(state)); }

std::optional<State> ParseState(std::string_view name) {
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == name) return static_cast<State>(i);
  }
  return std::nullopt;
}

std::optional<Timestamp> StateHistory::LastEntered(State a, State b) const {
  for (auto it = changes.rbegin(); it != changes.rend(); ++it) {
    if (it->state == a || it->state == b) return it->at;
  }
  return std::nullopt;
}

}  // namespace headrace::model
