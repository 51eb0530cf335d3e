// An execution and its task runs: the truth the store keeps. Everything else is derived from it.
// Shapes: task_runs only grows; a task run's index never changes. Earlier loop iterations and branches undone by a restart
//   stay as history with `superseded` set and count for nothing; iterations too old to be kept as a place without an id.
// Units: UTC microseconds. Threads: owned by one partition loop; snapshots are copies.
// Source: REST.md "Execution JSON"; the fence is law 5 of DESIGN section 3.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "common/base/ids.h"
#include "common/model/flow.h"
#include "common/model/state.h"
#include "common/model/value.h"

namespace headrace::model {

using TaskRunIndex = std::uint32_t;

// Names one delivery of one attempt of one task run. Results that do not match the current one are stale.
struct Fence {
  TaskRunIndex task_run = 0;
  std::uint32_t attempt = 1;   // user retries and loop iterations count here
  std::uint32_t delivery = 1;  // lost workers count here; starts at 1 and never goes back within a task run
  bool operator==(const Fence&) const = default;
};

struct Attempt {
  StateHistory state;
  WorkerId worker{};
  std::uint64_t lost_process = 0;  // the incarnation of the worker that fell silent while it held this; 0: none did
  bool operator==(const Attempt&) const = default;
};

struct TaskRun {
  TaskRunIndex index = 0;
  TaskRunId id{};
  TaskIndex task = 0;
  std::optional<TaskRunIndex> parent{};
  std::optional<std::string> value{};       // of a ForEach or Each iteration
  std::optional<std::int32_t> iteration{};  // 0-based; LoopUntil and ForEach children and the loop itself
  StateHistory state{};
  std::vector<Attempt> attempts{};
  Object outputs{};
  Value memo{};                             // what a flowable, or a task that waits, must remember; expressions see none of it
  std::uint32_t attempt = 1;
  std::uint32_t delivery = 1;
  std::optional<State> decided{};           // how it ends once its own errors and finally are over
  std::optional<Timestamp> due{};           // the next look of a loop or a task that waits, the next try of a retry
  std::optional<Timestamp> deadline{};      // of a timeout or a loop's maxDuration
  std::string message{};                    // why it failed, for people
  bool superseded = false;

  Fence fence() const { return {index, attempt, delivery}; }
  bool operator==(const TaskRun&) const = default;
};

// Who waits for this execution's end.
struct ParentLink {
  ExecutionId execution{};
  TaskRunIndex task_run = 0;
  std::uint32_t attempt = 1;
  bool operator==(const ParentLink&) const = default;
};

struct Execution {
  ExecutionId id{};
  std::string ns;
  std::string flow_id;
  int flow_revision = 0;
  StateHistory state{};
  Object inputs{};
  Object outputs{};
  Object variables{};
  std::vector<Label> labels{};
  Value trigger{};                    // null, or {id, type, variables}
  std::optional<ParentLink> parent{};
  std::optional<ExecutionId> original_id{};  // of the first of a row of repetitions
  std::optional<ExecutionId> replay_of{};    // the one that this one repeats
  int attempt_number = 1;             // restarts count here
  std::uint64_t version = 0;          // +1 with every change that was committed; the cursor of watchers
  bool kill_requested = false;
  bool closed = false;                // ended, and afterExecution with it: nothing more happens without a restart
  bool held = false;                  // paused by a person: what is at work ends, nothing new begins
  std::optional<Timestamp> scheduled{};      // not to begin before
  std::vector<std::uint32_t> slas_breached{};  // places in the flow's list
  std::string message{};              // why it failed before any task could, for people
  std::deque<TaskRun> task_runs{};

  bool operator==(const Execution&) const = default;
};

}  // namespace headrace::model
