// What the expressions of one trigger see while it decides: flow, vars, labels, the process, and `trigger`.
// Shapes: `variables` become `trigger.*` here and in the execution that is started. Threads: one owner.
#pragma once

#include <string>
#include <vector>

#include "common/expr/environment.h"
#include "scheduler/trigger_runner.h"
#include "scheduler/triggers/conditions.h"

namespace headrace::scheduler {

// Asks the process what expressions ask of the world.
class TriggerEnvironment final : public expr::BasicEnvironment {
 public:
  TriggerEnvironment(const TriggerOptions& options, const model::TriggerName& name, ExecutionId execution, Timestamp now,
                     std::string zone);
  Result<Value> Call(std::string_view function, const Array& positional, const Object& named, const Value& context) override;

 private:
  const TriggerOptions& options_;
  const model::TriggerName& name_;
  const ExecutionId execution_;
};

struct TriggerScene {
  TriggerScene(const TriggerOptions& options, const executor::Program& program, const TriggerSpec& spec, ExecutionId execution,
               expr::Zone in_zone, Timestamp now);
  void SetVariables(Object variables);
  // Of a schedule: `date`, and `next` and `previous` where they are known.
  void SetDate(Timestamp date);
  ConditionSubject Subject(Timestamp date, const model::Execution* source = nullptr);
  Result<Value> Render(const Value& value, bool typed = true);
  Result<std::vector<model::Label>> RenderLabels(const Value& labels);
  // What the execution keeps of how it came to be.
  Value TriggerValue(const Object& more = {}) const;

  const model::Flow& flow;
  const TriggerSpec& trigger;
  const ExecutionId id;  // of the execution to start
  const expr::Zone zone;
  TriggerEnvironment environment;
  Value context;
  Object variables{};
};

// As java.time prints a date with its offset: 2026-03-29T03:00:00+02:00.
std::string DateText(Timestamp date, const expr::Zone& zone);

}  // namespace headrace::scheduler
