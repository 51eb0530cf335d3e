// A flow made ready to run: its steering expressions compiled, the context each runnable task needs worked out.
// Built once a flow revision and shared. Called by the scheduler's flow catalog, the simulator and tests.
// Errors: an expression that does not compile is INVALID_ARGUMENT with line and column of the flow.
// Threads: immutable.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
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
  // As model::Flow::FindTask, without a search through the flow.
  std::optional<model::TaskIndex> FindTask(const std::string& task_id) const;
  const expr::References& output_references(std::size_t output) const { return output_references_[output]; }
  // Its runIf calls a function that only a worker can answer (secret …): the worker decides whether to skip.
  bool worker_renders_run_if(model::TaskIndex index) const;
  // What the expressions in a runnable task's properties (and in a runIf that its worker renders) name.
  const expr::References& worker_references(model::TaskIndex index) const;

 private:
  explicit Program(model::FlowPtr flow);
  model::FlowPtr flow_;
  std::vector<std::unique_ptr<TaskProgram>> tasks_;
  std::unordered_map<std::string, model::TaskIndex> by_id_;
  std::vector<expr::References> output_references_;
};

// The specs of flowable, executable and updating task types, for the catalog.
std::vector<model::TaskTypeSpec> TaskTypeSpecs();

}  // namespace headrace::executor
