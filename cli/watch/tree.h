// The tree that people see: what a model says at a time, as names with marks and a few words each.
// Shapes: tasks in the order of the flow; of a loop the present iteration; under a subflow the tree of its execution.
// Threads: pure. Source: UX.md section 3.
#pragma once

#include <string>
#include <vector>

#include "cli/watch/model.h"

namespace headrace::cli {

enum class Mark { kWaiting, kRunning, kSuccess, kWarning, kFailed, kSkipped };

struct TreeNode {
  Mark mark = Mark::kWaiting;
  std::string name;    // "oss → release-oss"
  std::string detail;  // "poll 14 · exit 1 · next 02:11 · 4h47m left"
  std::vector<TreeNode> children{};
};

Mark MarkOf(model::State state);
// What became of one task run, in a few words; `now` for what goes on.
std::string DetailOf(const WatchedExecution& execution, const v1::TaskRun& run, Timestamp now);
// "poll_release #3", "check [a]", "oss → release-oss".
std::string NameOf(const WatchModel& model, const WatchedExecution& execution, const v1::TaskRun& run);

// The tasks of the root execution. Empty while nothing is known of it.
std::vector<TreeNode> BuildTree(const WatchModel& model, Timestamp now);

// The first task run that failed and has no failed one inside it, with its execution; nullptr when none has.
struct FailedRun {
  const WatchedExecution* execution = nullptr;
  const v1::TaskRun* run = nullptr;
  std::vector<std::string> path{};  // task ids from the root's task on
};
FailedRun FirstFailed(const WatchModel& model);

}  // namespace headrace::cli
