// One run of a task on this worker: parsed spec, context, runner, and how it ends.
// Errors: none leave: whatever goes wrong is the run's FAILED outcome with a message.
// Threads: Step on one thread at a time; cancel() from the loop's.
#pragma once

#include <memory>

#include "worker/registry.h"
#include "worker/task_runner.h"

namespace headrace::worker {

// A spec made ready once for all runs of a task in a session. Immutable.
struct PreparedTask {
  std::shared_ptr<const wire::TaskSpec> spec;
  const TaskType* type = nullptr;  // null: `problem` says why
  bool quick = true;               // it blocks nothing, as far as its expressions tell
  Object properties{};
  std::string problem{};
};
std::shared_ptr<const PreparedTask> Prepare(std::shared_ptr<const wire::TaskSpec> spec, const Registry& registry);

// What runIf says before the task runs: nothing when it is to run.
std::optional<TaskOutcome> DecideRunIf(TaskContext& context);

class Job {
 public:
  Job(StartOrder order, std::shared_ptr<const PreparedTask> task, const Services& services, LogSink log);

  const wire::TaskKey& key() const { return order_.key; }
  bool quick() const { return task_->quick; }
  const std::string& type() const { return order_.spec->type; }
  CancelToken& cancel() { return cancel_; }
  bool cancelled() const { return cancel_.requested(); }

  // Runs until it is done, or until it asks to be called again after some time: then the result is not ready yet.
  std::optional<Duration> Step();
  // It was cancelled while it waited.
  void EndCancelled();
  // REQUIRES: ended. Once.
  wire::TaskResult TakeResult();

 private:
  TaskOutcome RunGuarded();
  void Finish(TaskOutcome outcome);

  StartOrder order_;
  std::shared_ptr<const PreparedTask> task_;
  const Services& services_;
  CancelToken cancel_;
  TaskContext context_;
  std::unique_ptr<TaskRunner> runner_;
  wire::TaskResult result_{};
};

}  // namespace headrace::worker
