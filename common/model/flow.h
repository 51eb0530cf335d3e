// A checked flow: what people wrote, with types resolved and every task in one arena.
// Shapes: `arena` holds every task of the flow in source order; lists hold indices into it. Immutable once built.
// Units: durations in microseconds. Threads: shared as shared_ptr<const Flow>.
// Source: FLOWS 1.3 to 1.6; built by common/flow only.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/time.h"
#include "common/model/spec.h"
#include "common/model/value.h"

namespace headrace::model {

using TaskIndex = std::uint32_t;
using Label = std::pair<std::string, std::string>;

struct RetryPolicy {
  enum class Kind : std::uint8_t { kConstant, kExponential, kRandom };
  enum class Behavior : std::uint8_t { kRetryFailedTask, kCreateNewExecution };
  Kind kind = Kind::kConstant;
  Duration interval{0};      // constant, exponential
  Duration min_interval{0};  // random
  Duration max_interval{0};  // exponential (0: no cap), random
  double delay_factor = 2;
  int max_attempts = 0;      // counts the first attempt; 0 is unlimited
  std::optional<Duration> max_duration{};
  bool warning_on_retry = false;
  Behavior behavior = Behavior::kRetryFailedTask;
};

// One list of children: "tasks", "then", "else", "defaults", "errors", "finally" or "cases.<key>".
struct TaskGroup {
  std::string name;
  std::vector<TaskIndex> tasks;  // disabled ones left out
  bool has_disabled = false;     // LoopUntil counts them (FLOWS 1.7)
};

struct InputSpec {
  std::string id;
  std::string type;      // canonical: STRING, INT, …
  bool required = true;
  Value defaults{};      // null: none
  bool has_defaults = false;
  std::string description{};
  std::string display_name{};
  std::vector<std::string> depends_on{};  // inputs that must have a value first
  std::string condition{};                // of dependsOn: falsy means that this input has no value
  Object extra{};        // the type's own properties: validator, values, min, max, itemType, …
  int line = 0;
  int column = 0;
};

// What becomes of a task that was given to a worker when nobody can say how it ended there.
enum class OnWorkerLost : std::uint8_t {
  kRetry,  // another worker runs it: its effects may happen twice
  kFail,   // it fails: its effects may be half done, but not twice
};

struct Task {
  TaskIndex index = 0;
  std::optional<TaskIndex> parent{};
  std::string id;
  std::string type;  // canonical name
  TaskRole role = TaskRole::kRunnable;
  std::string description{};
  bool disabled = false;
  bool allow_failure = false;
  bool allow_warning = false;
  std::string run_if{};          // empty: always
  std::string timeout{};         // ISO duration or expression; empty: none
  std::optional<RetryPolicy> retry{};
  std::string log_level{};
  std::string worker_group{};
  OnWorkerLost on_worker_lost = OnWorkerLost::kRetry;
  std::vector<std::string> depends_on{};  // of a node of a Dag: ids of its siblings
  std::vector<InputSpec> on_resume{};     // of a Pause: what whoever resumes may give
  Object properties{};           // the type's own properties as written, plugin defaults merged in; not rendered
  std::vector<TaskGroup> groups{};
  int line = 0;
  int column = 0;

  const TaskGroup* FindGroup(std::string_view name) const {
    for (const TaskGroup& group : groups) {
      if (group.name == name) return &group;
    }
    return nullptr;
  }
};

// Evaluated with the inputs before an execution is created: a falsy condition is a finding.
struct Check {
  enum class Behavior : std::uint8_t { kBlockExecution, kFailExecution, kCreateExecution };
  std::string condition;
  std::string message{};
  std::string style{};
  Behavior behavior = Behavior::kBlockExecution;
  int line = 0;
};

struct Sla {
  enum class Type : std::uint8_t { kMaxDuration, kExecutionAssertion };
  enum class Behavior : std::uint8_t { kFail, kCancel, kNone };
  std::string id;
  Type type = Type::kMaxDuration;
  Duration duration{0};     // kMaxDuration
  std::string assertion{};  // kExecutionAssertion: violated when falsy
  Behavior behavior = Behavior::kFail;
  std::vector<Label> labels{};  // added when it is violated
};

// Deprecated: tasks that run at the end when every condition holds.
struct Listener {
  Array conditions{};
  std::vector<TaskIndex> tasks{};
};

struct OutputSpec {
  std::string id;
  std::string type;
  Value value{};
  bool required = true;
  std::string description{};
};

struct Concurrency {
  enum class Behavior : std::uint8_t { kQueue, kCancel, kFail };
  int limit = 0;  // 0: none
  Behavior behavior = Behavior::kQueue;
};

struct Flow {
  std::string ns;
  std::string id;
  int revision = 1;
  std::string digest;  // SHA-256 of the source, hex
  std::string source;
  std::string description{};
  bool disabled = false;
  std::vector<Label> labels{};
  Object variables{};
  std::vector<InputSpec> inputs{};
  std::vector<OutputSpec> outputs{};
  std::vector<Task> arena{};
  std::vector<TaskIndex> tasks{};
  std::vector<TaskIndex> errors{};
  std::vector<TaskIndex> finally{};
  std::vector<TaskIndex> after_execution{};
  std::optional<RetryPolicy> retry{};
  Concurrency concurrency{};
  std::vector<Check> checks{};
  std::vector<Sla> slas{};
  std::vector<Listener> listeners{};
  Array triggers{};  // as written

  const Task& task(TaskIndex index) const { return arena.at(index); }
  std::optional<TaskIndex> FindTask(std::string_view task_id) const {
    for (const Task& candidate : arena) {
      if (candidate.id == task_id) return candidate.index;
    }
    return std::nullopt;
  }
};

using FlowPtr = std::shared_ptr<const Flow>;

}  // namespace headrace::model
