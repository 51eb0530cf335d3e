// Which moves between states are legal, for executions, task runs and attempts; proved when this compiles.
// Shapes: a table row is the set of states that may follow; Step checks every move it makes against it.
// Threads: constants. Source: FLOWS 1.1; printed to docs/states.md.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <string>

#include "common/model/state.h"

namespace headrace::executor {

enum class Subject : std::uint8_t { kExecution, kTaskRun, kAttempt };

using StateSet = std::uint32_t;
using TransitionTable = std::array<StateSet, model::kStateCount>;

namespace transitions_internal {

using enum model::State;
using model::State;

constexpr StateSet SetOf(std::initializer_list<State> states) {
  StateSet set = 0;
  for (const State state : states) set |= 1U << static_cast<unsigned>(state);
  return set;
}

struct Row {
  State from;
  std::initializer_list<State> to;
};

constexpr TransitionTable MakeTable(std::initializer_list<Row> rows) {
  TransitionTable table{};
  for (const Row& row : rows) table[static_cast<std::size_t>(row.from)] |= SetOf(row.to);
  return table;
}

}  // namespace transitions_internal

constexpr TransitionTable kExecutionTransitions = [] {
  using namespace transitions_internal;
  return MakeTable({
      {kCreated, {kRunning, kQueued, kPaused, kKilling, kFailed, kCancelled, kKilled}},
      {kQueued, {kRunning, kKilled, kCancelled, kFailed}},
      {kRunning,
       {kPaused, kRetrying, kKilling, kBreakpoint, kSuccess, kWarning, kFailed, kCancelled, kKilled, kRetried}},
      {kPaused, {kRunning, kRetrying, kRestarted, kKilling}},
      {kBreakpoint, {kRunning, kKilling}},
      {kRetrying, {kRunning, kPaused, kKilling}},
      {kKilling, {kKilled}},
      // To QUEUED: a concurrency limit counts restarted executions too.
      {kRestarted, {kRunning, kQueued, kKilling}},
      // From one end to another: a person corrected it.
      {kSuccess, {kRestarted, kWarning, kFailed, kKilled, kCancelled}},
      {kWarning, {kRestarted, kSuccess, kFailed, kKilled, kCancelled}},
      {kFailed, {kRestarted, kSuccess, kWarning, kKilled, kCancelled}},
      {kCancelled, {kRestarted, kSuccess, kWarning, kFailed, kKilled}},
  });
}();

constexpr TransitionTable kTaskRunTransitions = [] {
  using namespace transitions_internal;
  return MakeTable({
      {kCreated, {kSubmitted, kRunning, kSkipped, kSuccess, kWarning, kFailed, kKilled, kCancelled}},
      // To SUBMITTED again: its worker was lost before it began.
      {kSubmitted,
       {kSubmitted, kRunning, kRetrying, kSkipped, kSuccess, kWarning, kFailed, kKilled, kCancelled}},
      // To SUBMITTED: its worker was lost.
      {kRunning, {kSubmitted, kPaused, kRetrying, kSkipped, kSuccess, kWarning, kFailed, kKilled, kCancelled}},
      {kPaused, {kRunning, kRetrying, kSuccess, kWarning, kFailed, kKilled, kCancelled}},
      {kRetrying, {kCreated, kFailed, kKilled, kCancelled}},
      {kRestarted, {kSubmitted, kRunning, kSkipped, kSuccess, kWarning, kFailed, kKilled, kCancelled}},
      {kSuccess, {kRestarted}},
      {kWarning, {kRestarted}},
      {kFailed, {kRestarted}},
      {kKilled, {kRestarted}},
      {kCancelled, {kRestarted}},
  });
}();

constexpr TransitionTable kAttemptTransitions = [] {
  using namespace transitions_internal;
  return MakeTable({
      {kCreated, {kRunning, kSkipped, kSuccess, kWarning, kFailed, kKilled, kCancelled, kResubmitted}},
      {kRunning, {kSkipped, kSuccess, kWarning, kFailed, kKilled, kCancelled, kResubmitted}},
  });
}();

constexpr const TransitionTable& TransitionsOf(Subject subject) {
  switch (subject) {
    case Subject::kExecution: return kExecutionTransitions;
    case Subject::kTaskRun: return kTaskRunTransitions;
    default: return kAttemptTransitions;
  }
}

constexpr bool MayMove(Subject subject, model::State from, model::State to) {
  return (TransitionsOf(subject)[static_cast<std::size_t>(from)] >> static_cast<unsigned>(to) & 1U) != 0;
}

namespace transitions_internal {

constexpr StateSet TerminalStates() {
  StateSet set = 0;
  for (unsigned i = 0; i < model::kStateCount; ++i) {
    if (model::IsTerminal(static_cast<State>(i))) set |= 1U << i;
  }
  return set;
}

// The states that CREATED leads to.
constexpr StateSet Reachable(const TransitionTable& table) {
  StateSet seen = SetOf({kCreated});
  for (std::size_t round = 0; round < model::kStateCount; ++round) {
    for (std::size_t i = 0; i < model::kStateCount; ++i) {
      if ((seen >> i & 1U) != 0) seen |= table[i];
    }
  }
  return seen;
}

// Every state that is used and not terminal leads to a terminal one.
constexpr bool EveryStateCanEnd(const TransitionTable& table) {
  StateSet ends = TerminalStates();
  for (std::size_t round = 0; round < model::kStateCount; ++round) {
    for (std::size_t i = 0; i < model::kStateCount; ++i) {
      if ((table[i] & ends) != 0) ends |= 1U << i;
    }
  }
  return (Reachable(table) & ~ends) == 0;
}

// What has ended is left by a restart only; a correction stays among the ends.
constexpr bool TerminalStatesOnlyRestart(const TransitionTable& table) {
  for (std::size_t i = 0; i < model::kStateCount; ++i) {
    if ((TerminalStates() >> i & 1U) != 0 && (table[i] & ~(TerminalStates() | SetOf({kRestarted}))) != 0) return false;
  }
  return true;
}

// No row for a state that nothing leads to.
constexpr bool NoDeadRows(const TransitionTable& table) {
  for (std::size_t i = 0; i < model::kStateCount; ++i) {
    if (table[i] != 0 && (Reachable(table) >> i & 1U) == 0) return false;
  }
  return true;
}

constexpr bool Sound(const TransitionTable& table) {
  return EveryStateCanEnd(table) && TerminalStatesOnlyRestart(table) && NoDeadRows(table);
}

static_assert(Sound(kExecutionTransitions));
static_assert(Sound(kTaskRunTransitions));
static_assert(Sound(kAttemptTransitions));
static_assert(!MayMove(Subject::kExecution, State::kKilled, State::kRestarted), "a killed execution stays killed");
static_assert(!MayMove(Subject::kExecution, State::kKilling, State::kRunning), "a kill is never taken back");

}  // namespace transitions_internal

// The text of docs/states.md.
std::string StatesDocument();

}  // namespace headrace::executor
