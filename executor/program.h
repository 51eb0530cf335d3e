// A flow made ready to run: its steering expressions compiled, the context each runnable task needs worked out.
// Built once a flow revision and shared. Called by the scheduler's flow catalog, the simulator and tests.
// Errors: an expression that does not compile is INVALID_ARGUMENT with line and column of the flow.
// Threads: immutable.
#pragma once

#include <memory>
#include <vector>

#include "common/expr/template.h"
#include "common/model/flow.h"
#include "common/model/spec.h"

namespace headrace::executor {

struct TaskProgram;  // a task's compiled steering expressions; see program.cc

class Program {
 public:
  static Result<std::shared_ptr<const Program>> Build(model::FlowPtr flow);
  ~Program();

  const model::Flow& flow() const { return *flow_; }
  const model::FlowPtr& flow_ptr() const { return flow_; }
  const TaskProgram& task(model::TaskIndex index) const;
  // What the expressions in a runnable task's properties (and its runIf, timeout, env …) name.
  const expr::References& worker_references(model::TaskIndex index) const;

 private:
  explicit Program(model::FlowPtr flow);
  model::FlowPtr flow_;
  std::vector<std::unique_ptr<TaskProgram>> tasks_;
};

// The specs of flowable, executable and updating task types, for the catalog.
std::vector<model::TaskTypeSpec> TaskTypeSpecs();

}  // namespace headrace::executor
