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
  // Gives a rendered flow output the type that the flow declares for it; pure.
  using OutputTyper = Result<Value> (*)(const model::OutputSpec& spec, const Value& rendered);

  struct Options {
    OutputTyper typer = nullptr;   // without one outputs stay as they are rendered
    std::string time_zone = "UTC"; // of dates that name none: an IANA name
    Object surroundings{};         // `envs`, `globals` and `kestra` as expressions see them
    std::int32_t loop_history = 500;  // earlier rounds of a LoopUntil that stay visible; older ones are forgotten
  };

  static Result<std::shared_ptr<const Program>> Build(model::FlowPtr flow, Options options);
  static Result<std::shared_ptr<const Program>> Build(model::FlowPtr flow) { return Build(std::move(flow), Options()); }
  ~Program();

  const model::Flow& flow() const { return *flow_; }
  const model::FlowPtr& flow_ptr() const { return flow_; }
  const TaskProgram& task(model::TaskIndex index) const;
  // As model::Flow::FindTask, without a search through the flow.
  std::optional<model::TaskIndex> FindTask(const std::string& task_id) const;
  const expr::References& output_references(std::size_t output) const { return output_references_[output]; }
  // The tasks of listeners, then afterExecution: one list after the execution's end.
  const std::vector<model::TaskIndex>& last_words() const { return last_words_; }
  // Some expression that the executor renders calls a function that only the world can answer.
  bool asks() const { return asks_; }
  const std::string& time_zone() const { return options_.time_zone; }
  const Object& surroundings() const { return options_.surroundings; }
  std::int32_t loop_history() const { return options_.loop_history; }
  Result<Value> TypeOutput(const model::OutputSpec& spec, Value rendered) const;
  // Of an SLA of type EXECUTION_ASSERTION; null for others.
  const std::shared_ptr<const expr::Template>& sla_assertion(std::size_t sla) const { return sla_assertions_.at(sla); }
  // Its runIf calls a function that only a worker can answer (secret …): the worker decides whether to skip.
  bool worker_renders_run_if(model::TaskIndex index) const;
  // What the expressions in a runnable task's properties (and in a runIf that its worker renders) name.
  const expr::References& worker_references(model::TaskIndex index) const;

 private:
  Program(model::FlowPtr flow, Options options);
  model::FlowPtr flow_;
  Options options_;
  bool asks_ = false;
  std::vector<std::unique_ptr<TaskProgram>> tasks_;
  std::vector<model::TaskIndex> last_words_;
  std::unordered_map<std::string, model::TaskIndex> by_id_;
  std::vector<expr::References> output_references_;
  std::vector<std::shared_ptr<const expr::Template>> sla_assertions_;
};

// The specs of flowable, executable and updating task types, for the catalog.
std::vector<model::TaskTypeSpec> TaskTypeSpecs();

}  // namespace headrace::executor
