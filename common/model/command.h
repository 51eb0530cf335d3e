// Commands: orders that follow from an event, carried out only after the commit that justifies them.
// Shapes: they stand in the order to perform.
// Threads: values. Source: DESIGN section 3; docs/glossary.md.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "common/model/event.h"

namespace headrace::model {

// Give this delivery to a worker. The task run is SUBMITTED.
struct DispatchTask {
  Fence fence;
};

// Whoever runs or is about to run this delivery must stop.
struct CancelTask {
  Fence fence;
  std::string reason;
};

struct SetTimer {
  TimerId timer;
  Timestamp due;
};

struct ClearTimer {
  TimerId timer;
};

// Create a child execution under this id, once. Answered by ChildStarted or ChildRejected, and, when `wait`, ChildEnded.
struct StartChild {
  TaskRunIndex task_run = 0;
  std::uint32_t attempt = 1;
  ExecutionId child;
  std::string ns;
  std::string flow_id;
  int revision = 0;  // 0: the latest
  Object inputs{};   // rendered, not yet checked against the child's declarations
  std::vector<Label> labels{};
  bool inherit_labels = false;
  Value trigger{};
  bool wait = true;
  std::optional<Timestamp> scheduled{};  // not to begin before
};

struct KillChild {
  ExecutionId child;
};

// Answered by ChildEnded or ChildRejected if the child does not run then.
struct RestartChild {
  TaskRunIndex task_run = 0;
  std::uint32_t attempt = 1;
  ExecutionId child;
};

// The parent of this execution (its ParentLink) is told; concurrency slots are freed.
struct EndExecution {
  State state = State::kSuccess;
};

// This execution left its terminal state; a parent that had its end must take it back (ChildRestarted).
struct ReviveParent {};

// This execution is RETRIED: create another one with the same inputs under this id, once.
struct StartReplacement {
  ExecutionId id;
};

struct EmitLog {
  std::optional<TaskRunIndex> task_run{};
  std::string level;  // TRACE DEBUG INFO WARN ERROR
  std::string message;
};

using Command = std::variant<DispatchTask, CancelTask, SetTimer, ClearTimer, StartChild, KillChild, RestartChild,
                             EndExecution, ReviveParent, EmitLog, StartReplacement>;

std::string_view CommandName(const Command& command);

}  // namespace headrace::model
