// What an alert tells of an execution, and the properties by which a task names it.
// Shapes: read from the engine as it is at that moment, so nothing is waited for; an execution whose task has failed and
//   whose errors branch is at work counts as FAILED. The task itself, and what stands around it, tells nothing.
// Errors: NOT_FOUND; an engine that does not answer hinders no alert of its own execution or of the one that triggered it:
//   then the report holds what the context knows, with a WARN.
// Threads: the task's; waits for the engine. Source: Kestra's ExecutionService.executionMap.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "common/model/spec.h"
#include "worker/engine_door.h"
#include "worker/task_runner.h"

namespace headrace::worker {

struct ExecutionReport {
  std::string ns;
  std::string flow_id;
  std::string execution_id;
  std::string state{};        // empty: not known
  std::string started{};      // an instant; empty: not known
  std::string lasted{};       // "3m 20s"; empty: not known
  std::string link{};         // to the page of the execution; empty without HEADRACE_URL
  std::string failed_task{};  // what failed first; empty: none
  std::string last_task{};
  std::string why{};          // why it failed before any task could
  std::string custom_message{};
  Object custom_fields{};

  enum class Mood { kGood, kWarning, kDanger };
  Mood mood() const;
  // "[company.team] nightly ➛ FAILED"
  std::string Headline() const;
  // "Failed on task `load` after 3m"
  std::string Verdict() const;
  // Namespace, Flow ID, Execution ID, Execution Status, Final task ID, then the custom ones; what is not known is absent.
  std::vector<std::pair<std::string, std::string>> Fields() const;
};

Result<ExecutionReport> ReadReport(TaskContext& context);
// executionId, customFields and customMessage.
std::vector<model::PropertySpec> ReportProperties();

// `own`: the task run that asks.
void Describe(const SeenWhole& whole, const std::string& own, Timestamp now, ExecutionReport& report);
// "0.4s", "12s", "3m 20s", "2h 5m", "3d 4h".
std::string HumanDuration(Duration duration);
// At most so many bytes, in whole characters, with … behind what was cut.
std::string Shortened(const std::string& text, std::size_t most);

}  // namespace headrace::worker
