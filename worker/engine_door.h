// The seam to the engine, for the tasks that look at executions beside their own: count, resume, report, logs, purge.
// Shapes: every namespace is seen, as Kestra lets these tasks see them; times are half open.
// Errors: the engine's: NOT_FOUND names the execution; UNAVAILABLE when the engine is not reached.
// Threads: any. Calls wait for the engine, so only tasks with a thread of their own make them, never quick ones.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/ids.h"
#include "common/base/time.h"
#include "common/model/shared.h"
#include "common/model/state.h"
#include "common/model/value.h"

namespace headrace::worker {

struct ExecutionFilter {
  std::string ns{};         // exact; empty: all
  std::string ns_prefix{};  // "a" finds a and a.b, not ab
  std::string flow_id{};
  std::vector<model::State> states{};  // none: all
  std::optional<Timestamp> created_from{};
  std::optional<Timestamp> created_before{};
};

struct SeenExecution {
  ExecutionId id;
  std::string ns;
  std::string flow_id;
  bool ended = false;  // for good, afterExecution included
};

struct SeenTaskRun {
  std::string id;
  std::string task_id;
  std::string parent_id{};  // of the task run around it; empty: none
  std::string value{};      // of a loop's iteration
  model::State state = model::State::kCreated;
  Timestamp started{};
  Timestamp changed{};  // when it entered its state
};

// An execution with its task runs, in the order they began; without those that count for nothing any more.
struct SeenWhole {
  SeenExecution seen;
  model::State state = model::State::kCreated;
  Timestamp started{};
  Timestamp changed{};
  std::vector<std::pair<std::string, std::string>> labels{};
  std::string message{};  // why it failed before any task could
  std::vector<SeenTaskRun> task_runs{};
};

struct SeenLog {
  Timestamp at{};
  std::string level;
  std::string message;
  std::string task_id{};
  std::string task_run_id{};
  std::uint32_t attempt = 0;  // counts from 1; 0: none
};

class EngineDoor {
 public:
  virtual ~EngineDoor() = default;

  struct FlowCount {
    std::string ns;
    std::string flow_id;
    std::uint64_t count = 0;
  };
  // Flows without any are left out.
  virtual Result<std::vector<FlowCount>> Count(const ExecutionFilter& filter) = 0;

  struct Page {
    std::vector<SeenExecution> executions{};
    std::string next{};  // empty: no more
  };
  virtual Result<Page> List(const ExecutionFilter& filter, std::size_t most, const std::string& page) = 0;
  virtual Result<SeenExecution> Find(const ExecutionId& id) = 0;
  // As it is now: what happened before the call is in it.
  virtual Result<SeenWhole> FindWhole(const ExecutionId& id) = 0;

  virtual Status Resume(const ExecutionId& id, const Object& inputs) = 0;

  // Returns when what it did or saw is durable.
  virtual Result<model::ShareReply> Share(const model::ShareRequest& request) = 0;

  virtual Status SetTriggerEnabled(const std::string& ns, const std::string& flow_id, const std::string& trigger, bool enabled) = 0;

  struct LogFilter {
    ExecutionId execution;
    std::string task_id{};    // empty: all
    std::string level_min{};  // empty: all
  };
  // Calls `line` for each, in order, until it fails; what tasks have logged before this one began is among them.
  virtual Status ReadLogs(const LogFilter& filter, const std::function<Status(const SeenLog&)>& line) = 0;

  struct Purged {
    std::uint64_t executions = 0;
    std::uint64_t logs = 0;
  };
  // At most 1000 at once. Those that have not ended stay; stored files are the caller's business.
  virtual Result<Purged> PurgeExecutions(const std::vector<ExecutionId>& ids) = 0;

  struct LogPurge {
    std::vector<ExecutionId> executions{};  // at most 1000
    std::vector<std::string> levels{};      // exactly these; none: all
    std::optional<Timestamp> from{};
    std::optional<Timestamp> before{};
  };
  virtual Result<std::uint64_t> PurgeLogs(const LogPurge& purge) = 0;
};

}  // namespace headrace::worker
