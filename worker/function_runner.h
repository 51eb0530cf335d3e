// A runner that is one function, for tasks that look once and are done.
// Errors: an Error of the function is the task's FAILED outcome with its text. Threads: as TaskRunner.
#pragma once

#include <memory>
#include <utility>

#include "worker/registry.h"

namespace headrace::worker {

using TaskFunction = Result<TaskOutcome> (*)(TaskContext&);

class FunctionRunner final : public TaskRunner {
 public:
  explicit FunctionRunner(TaskFunction function) : function_(function) {}
  TaskOutcome Run(TaskContext& context) override {
    auto outcome = function_(context);
    return outcome ? std::move(*outcome) : TaskOutcome::Failed(outcome.error().message);
  }

 private:
  TaskFunction function_;
};

inline TaskType MakeType(model::TaskTypeSpec spec, TaskFunction function, bool quick = false) {
  return {.spec = std::move(spec), .quick = quick, .make = [function] {
            return std::make_unique<FunctionRunner>(function);
          }};
}

}  // namespace headrace::worker
