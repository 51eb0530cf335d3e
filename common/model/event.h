// Events: facts in the past, the only thing that changes an execution.
// Shapes: `at` is when it happened by the poster's clock; executor/apply.h never asks for the time itself.
// Threads: values, moved through mailboxes. Source: DESIGN section 3; docs/glossary.md.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "common/model/execution.h"

namespace headrace::model {

// What a concurrency limit or a check of the flow says to a new execution; decided by whoever counts.
enum class Admission : std::uint8_t { kRun, kQueue, kCancel, kFail };

// An execution that another one repeats from one of its task runs on; what stands before that is taken over.
struct ReplaySource {
  Execution execution;
  TaskRunIndex from = 0;
};

// Inputs are checked and typed already (common/flow/inputs.h); labels include the flow's own.
struct Submitted {
  ExecutionId id;
  Object inputs{};
  std::vector<Label> labels{};
  Value trigger{};
  std::optional<ParentLink> parent{};
  Admission admission = Admission::kRun;
  std::string reason{};                         // of an admission that is not kRun
  std::optional<Timestamp> scheduled{};         // not to begin before
  std::optional<ExecutionId> original_id{};     // of the first of a row of repetitions
  std::optional<ExecutionId> replay_of{};       // the one that this one repeats
  int attempt_number = 1;
  std::shared_ptr<const ReplaySource> replay{};
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

// The attempt goes on later: nobody holds it until it is looked at again, in the next delivery.
struct TaskWaited {
  Fence fence;
  WorkerId worker;
  Duration after{};  // from now on; a wake comes sooner
  Value memo{};      // what the next delivery is to know
  std::optional<Timestamp> started{};  // as in TaskFinished
};

// What a run that waits was waiting for may have happened.
struct TaskWoken {
  TaskRunIndex task_run = 0;
  std::uint32_t attempt = 1;
  bool operator==(const TaskWoken&) const = default;
};

// The worker that held this delivery is gone; nobody runs it any more.
struct TaskLost {
  Fence fence;
  std::string reason;
  // Which process fell silent with it; none when a worker left by itself, or when a scheduler's end is why nobody knows.
  WorkerId worker{};
  std::uint64_t process = 0;
};

enum class TimerKind : std::uint8_t {
  kRetry, kTimeout, kLoopInterval, kPause,
  kStart,  // of the execution, as kSla: its time has come; `task_run` is 0
  kSla,    // `task_run` is the place of the SLA in the flow's list
  kLook,   // at a runnable task that waits
};

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

// `admission` is kRun or kQueue.
struct RestartRequested {
  Admission admission = Admission::kRun;
};

// A QUEUED execution has its slot, or a person lets it go without one (kRun), or takes it out (kCancel, kFail).
struct Unqueued {
  Admission admission = Admission::kRun;
};

// A person holds the execution: nothing new begins until it is resumed.
struct PauseRequested {};

// Resumes a Pause task (the first that waits, or the one named) or an execution that was held.
struct ResumeRequested {
  std::optional<TaskRunIndex> task_run{};
  Object inputs{};  // typed as the Pause's onResume says
  std::string by{};
};

// A person decides how a task run ended; the flow goes on from there.
struct TaskRunMarked {
  TaskRunIndex task_run = 0;
  State state = State::kSuccess;
};

// A person corrects the state of an execution that has ended.
struct StatusChanged {
  State state = State::kSuccess;
};

struct LabelsSet {
  std::vector<Label> labels{};  // all of them but the system's
};

// Another execution was made of this one: its label system.replayed says so.
struct Replayed {};

using EventBody = std::variant<Submitted, TaskStarted, TaskFinished, TaskLost, TimerFired, ChildStarted, ChildRejected,
                               ChildEnded, ChildRestarted, KillRequested, RestartRequested, Unqueued, PauseRequested,
                               ResumeRequested, TaskRunMarked, StatusChanged, LabelsSet, Replayed, TaskWaited,
                               TaskWoken>;

// A question that a steering expression asks of the world: kv('x'), read('file') …
struct Lookup {
  std::string function;
  Array positional{};
  Object named{};
  // The function and its arguments as text: the same question has the same key.
  std::string key() const { return function + ToJson(Value(positional)) + ToJson(Value(named)); }
};

struct Answer {
  Value value{};
  std::string error{};  // why there is none; empty: there is
};

struct Event {
  Timestamp at{};
  EventBody body;
  // By key. An event that needs more changes nothing and says what it needs; it is applied again then.
  std::map<std::string, Answer> answers{};
};

// "TaskFinished" and so on.
std::string_view EventName(const EventBody& body);

}  // namespace headrace::model
