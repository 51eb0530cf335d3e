// The runnable task types: each spec stands beside its runner.
// Shapes: found by type or alias. Threads: immutable once built.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/model/spec.h"
#include "worker/task_runner.h"

namespace headrace::worker {

struct TaskType {
  model::TaskTypeSpec spec;
  // Runs in microseconds and never blocks: no thread hand-off.
  bool quick = false;
  std::function<std::unique_ptr<TaskRunner>()> make;
  // A look of a polling trigger (look_outcome.h): no task of a flow can have this type.
  bool of_trigger = false;
};

class Registry {
 public:
  // REQUIRES: neither the type nor an alias is there already.
  void Add(TaskType type);
  const TaskType* Find(std::string_view type) const;
  std::vector<std::string> names() const;

 private:
  std::map<std::string, std::shared_ptr<const TaskType>, std::less<>> by_name_;
};

// Everything that this worker runs.
std::vector<TaskType> BuiltInTasks();
Registry BuiltInRegistry();
// For the catalog.
std::vector<model::TaskTypeSpec> TaskTypeSpecs();

}  // namespace headrace::worker
