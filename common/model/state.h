// The states of executions, task runs and attempts, and their histories.
// Shapes: a history lists every state with its time, oldest first; `current` is the last one.
// Threads: values. Source: Kestra's State (FLOWS 1.1); which moves are legal: executor/transitions.h.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "common/base/time.h"

namespace headrace::model {

enum class State : std::uint8_t {
  kCreated, kSubmitted, kQueued, kRunning, kPaused, kBreakpoint, kRestarted, kRetrying, kRetried, kKilling,
  kSuccess, kWarning, kFailed, kKilled, kCancelled, kSkipped, kResubmitted,
};
inline constexpr std::size_t kStateCount = 17;

constexpr bool IsTerminal(State state) {
  switch (state) {
    case State::kSuccess: case State::kWarning: case State::kFailed: case State::kKilled: case State::kCancelled:
    case State::kRetried: case State::kSkipped: case State::kResubmitted: return true;
    default: return false;
  }
}
// Terminal and not a failure: what a loop counts as an executed child (FLOWS 1.7).
constexpr bool IsTerminalNoFail(State state) {
  return state == State::kWarning || state == State::kSuccess || state == State::kRetried ||
         state == State::kSkipped || state == State::kResubmitted;
}

// "RUNNING" and so on.
std::string_view StateName(State state);
std::optional<State> ParseState(std::string_view name);

struct StateChange {
  State state = State::kCreated;
  Timestamp at{};
  bool operator==(const StateChange&) const = default;
};

struct StateHistory {
  std::vector<StateChange> changes;

  State current() const { return changes.empty() ? State::kCreated : changes.back().state; }
  Timestamp started() const { return changes.empty() ? Timestamp{} : changes.front().at; }
  Timestamp last_changed() const { return changes.empty() ? Timestamp{} : changes.back().at; }
  void Enter(State state, Timestamp at) { changes.push_back({state, at}); }
  // The last time one of these states was entered.
  std::optional<Timestamp> LastEntered(State a, State b) const;
  bool operator==(const StateHistory&) const = default;
};

}  // namespace headrace::model
