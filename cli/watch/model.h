// What a watcher knows: an execution and the executions it started, put together from the updates of their streams.
// Shapes: updates of WatchExecution in any order of executions; a snapshot replaces what was known of its execution.
// Threads: one owner.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "common/base/time.h"
#include "common/model/state.h"
#include "headrace/api/v1/execution.pb.h"
#include "headrace/api/v1/flow.pb.h"
#include "headrace/api/v1/log.pb.h"

namespace headrace::api::v1 {
class WatchExecutionResponse;
}

namespace headrace::cli {

namespace v1 = api::v1;

struct WatchedExecution {
  v1::Execution header;  // without task runs
  v1::Flow flow;         // its tasks may be unknown: then only what ran is shown
  std::map<std::uint32_t, v1::TaskRun> runs;  // by index
  std::unordered_map<std::string, int> places;  // of tasks in flow.tasks, by id

  // nullptr when the flow is not known.
  const v1::TaskOutline* Outline(const std::string& task_id) const;
};

// One thing that became so, for those who follow line by line.
struct WatchChange {
  std::string execution;
  std::optional<std::uint32_t> run{};  // none: the execution itself
  model::State state = model::State::kCreated;
  Timestamp at{};
};

class WatchModel {
 public:
  explicit WatchModel(std::string root) : root_(std::move(root)) { discovered_.push_back(root_); known_.insert(root_); }

  // Returns what is new, in the order of the histories.
  std::vector<WatchChange> Apply(const std::string& execution, const v1::WatchExecutionResponse& update);
  void AddLog(const std::string& execution, const v1::LogEntry& entry);

  const std::string& root_id() const { return root_; }
  const WatchedExecution* Find(const std::string& execution) const;
  const WatchedExecution* root() const { return Find(root_); }
  bool root_ended() const;
  // Executions that were seen to exist since the last call, the root first: somebody should watch them.
  std::vector<std::string> TakeDiscovered();
  // The last lines of one task run, oldest first.
  std::vector<v1::LogEntry> LastLogs(const std::string& execution, std::uint32_t run) const;
  // The task ids from the root's subflow task down to this run's: "oss", "start_release".
  std::vector<std::string> PathOf(const std::string& execution, std::optional<std::uint32_t> run) const;
  // As it stands, with its task runs: for -o json. Null when nothing is known.
  std::optional<v1::Execution> WholeRoot() const;
  // The latest time that any update spoke of.
  Timestamp latest() const { return latest_; }

 private:
  const std::string root_;
  std::map<std::string, WatchedExecution> executions_;
  // How much of each history was told, so that a repeated snapshot is no news. Key of the execution itself: -1.
  std::map<std::pair<std::string, std::int64_t>, int> told_;
  std::map<std::pair<std::string, std::uint32_t>, std::deque<v1::LogEntry>> logs_;
  std::set<std::string> known_;
  std::map<std::string, std::pair<std::string, std::uint32_t>> started_by_;  // a child: its parent and the run there
  std::vector<std::string> discovered_;
  Timestamp latest_{};
};

model::State StateOf(const v1::StateHistory& history);
Timestamp TimeOf(const google::protobuf::Timestamp& at);
// The execution that a task run started, if it is a subflow that has; empty otherwise.
std::string ChildOf(const v1::TaskRun& run);

}  // namespace headrace::cli
