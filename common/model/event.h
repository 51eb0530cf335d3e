// Events: facts in the past, the only thing that changes an execution.
// Shapes: `at` is when it happened by the poster's clock; executor/apply.h never asks for the time itself.
// Threads: values, moved through mailboxes. Source: DESIGN section 3; docs/glossary.md.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "common/model/execution.h"

namespace headrace::model {

// Inputs are checked and typed already (common/flow/inputs.h); labels include the flow's own.
struct Submitted {
  ExecutionId id;
  Object inputs{};
  std::vector<Label> labels{};
  Value trigger{};
  std::optional<ParentLink> parent{};
};

// A worker began the attempt.
struct TaskStarted {
  Fence fence;
  WorkerId worker;
};

// A task that a worker ran inside another's job: a child of a WorkingDirectory.
struct NestedRun {
  std::string task_id;
  State outcome = State::kSuccess;
  Object outputs{};
  std::string message{};
  Timestamp started{};
  Timestamp ended{};
  bool operator==(const NestedRun&) const = default;
};

// A worker ended the attempt: outcome is SUCCESS, WARNING, FAILED, KILLED or SKIPPED.
struct TaskFinished {
  Fence fence;
  WorkerId worker;
  State outcome = State::kSuccess;
  Object outputs{};
  std::string message{};
  std::optional<Timestamp> started{};  // by the worker's clock; used when TaskStarted never came
  std::vector<NestedRun> nested{};     // in the order they ran
};

// The worker that held this delivery is gone; nobody runs it any more.
struct TaskLost {
  Fence fence;
  std::string reason;
};

enum class TimerKind : std::uint8_t { kRetry, kTimeout, kLoopInterval, kPause };

// A timer is named by what it is for, so that a stale one changes nothing.
struct TimerId {
  TimerKind kind = TimerKind::kRetry;
  TaskRunIndex task_run = 0;
  std::uint32_t attempt = 1;  // the task run's attempt when it was set; for loops the iteration
  auto operator<=>(const TimerId&) const = default;
};

struct TimerFired {
  TimerId timer;
};

struct ChildStarted {
  TaskRunIndex task_run = 0;
  std::uint32_t attempt = 1;
  ExecutionId child;
};

// The child could not be created: unknown or disabled flow, bad inputs, too deep.
struct ChildRejected {
  TaskRunIndex task_run = 0;
  std::uint32_t attempt = 1;
  std::string message;
};

struct ChildEnded {
  TaskRunIndex task_run = 0;
  std::uint32_t attempt = 1;
  ExecutionId child;
  State state = State::kSuccess;
  Object outputs{};
};

// A child that this execution's task run had started was restarted: the parent comes along.
struct ChildRestarted {
  TaskRunIndex task_run = 0;
  ExecutionId child;
};

struct KillRequested {
  std::string reason{};
};

struct RestartRequested {};

using EventBody = std::variant<Submitted, TaskStarted, TaskFinished, TaskLost, TimerFired, ChildStarted, ChildRejected,
                               ChildEnded, ChildRestarted, KillRequested, RestartRequested>;

struct Event {
  Timestamp at{};
  EventBody body;
};

// "TaskFinished" and so on.
std::string_view EventName(const EventBody& body);

}  // namespace headrace::model
