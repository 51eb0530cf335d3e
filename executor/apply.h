// The one door into an execution: turns (flow, execution, event) into a changed execution, a delta and commands.
// Called by scheduler/partition for every event; also by replay and the simulator.
// Shapes: a delta lists changed task runs only, once each; commands stand in the order to perform.
// Units: times are UTC microseconds carried by the event; reads no clock, file, environment or secret.
// Errors: a stale or duplicate event is no error: empty delta. An expression that asks the world a question that the event
//   brings no answer to: `needs`, and nothing has changed. A delta that is not empty raises the version by one.
// Threads: pure; one owner at a time. Cost: O(dependents of what changed), never the size of the execution.
// Source: docs/states.md; FLOWS 1.
#pragma once

#include <memory>
#include <vector>

#include "common/model/command.h"
#include "common/model/event.h"
#include "executor/program.h"

namespace headrace::executor {

struct Delta {
  std::vector<model::TaskRunIndex> task_runs;  // changed or created
  bool execution = false;                      // the execution's own fields changed, its version apart
  bool empty() const { return task_runs.empty() && !execution; }
};

struct Applied {
  Delta delta;
  std::vector<model::Command> commands;
  // What must be known first: nothing has changed, apply the event again with the answers.
  std::vector<model::Lookup> needs{};
};

// What is derived from the execution and kept beside it: counters of open children, the newest run of each task.
struct Bookkeeping;

// An execution in memory: the truth plus what is derived from it.
class LiveExecution {
 public:
  // A new one, before its Submitted event.
  LiveExecution(std::shared_ptr<const Program> program, ExecutionId id);
  // From the store: the derived parts are rebuilt. Errors: a record that does not fit its flow is DATA_LOSS.
  static Result<std::unique_ptr<LiveExecution>> Restore(std::shared_ptr<const Program> program,
                                                        model::Execution execution);
  ~LiveExecution();
  LiveExecution(const LiveExecution&) = delete;
  LiveExecution& operator=(const LiveExecution&) = delete;

  const model::Execution& execution() const { return execution_; }
  const Program& program() const { return *program_; }
  const std::shared_ptr<const Program>& program_ptr() const { return program_; }
  // The final state is reached and the listeners and afterExecution are done: nothing more will happen without a restart.
  bool ended() const;
  const Bookkeeping& books() const { return *books_; }  // of the executor's own files and tests
  // Nothing is on its way to a worker and nothing runs: only timers, children or people can move it on.
  bool only_waits() const;
  // The deliveries that a worker has or may have: SUBMITTED and RUNNING task runs of runnable tasks. For recovery.
  std::vector<model::TaskRunIndex> InFlight() const;
  // The PAUSED run that a person would resume: `named`, else the first that waits for one.
  std::optional<model::TaskRunIndex> Resumable(std::optional<model::TaskRunIndex> named) const;
  // The timers that must be set for the present state. For recovery and for the scrubber.
  std::vector<model::SetTimer> ArmedTimers() const;

 private:
  friend Applied Apply(LiveExecution& live, const model::Event& event);
  friend class Step;
  std::shared_ptr<const Program> program_;
  model::Execution execution_;
  std::unique_ptr<Bookkeeping> books_;
};

Applied Apply(LiveExecution& live, const model::Event& event);

// The part of the context that `references` name, as expressions of `task_run` see it (FLOWS 1.10); without a
// task run, as flow-level expressions do. Cost follows what is named.
Object BuildContext(const LiveExecution& live, std::optional<model::TaskRunIndex> task_run,
                    const expr::References& references);

}  // namespace headrace::executor
