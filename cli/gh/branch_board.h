// The newest run of a workflow on each of some branches: what `headrace gh watch` shows and goes by.
// Shapes: a run counts for a branch when it is the newest there; after a re-run only the attempt that was asked for, or a
//   later one. Threads: pure. Source: GITHUB 1.1, 5(e).
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "worker/github/run_view.h"

namespace headrace::cli {

enum class BranchState { kUnknown, kMissing, kRunning, kGreen, kRed };

class BranchBoard {
 public:
  explicit BranchBoard(std::vector<std::string> branches) : branches_(std::move(branches)) {}

  const std::vector<std::string>& branches() const { return branches_; }
  // What a list of the workflow's runs shows; true when a line of the board changed.
  bool See(const std::vector<worker::github::RunSnapshot>& runs);
  // A branch without any run, as a list of that branch alone says.
  bool SeeNone(const std::string& branch);
  // The run is being run again: its end counts from this attempt on.
  void Expect(worker::github::RunId run, std::int64_t attempt) { expected_[run] = attempt; }
  // Jobs that failed, for the line.
  void SetFailed(worker::github::RunId run, std::vector<std::string> jobs) { failed_[run] = std::move(jobs); }

  std::optional<worker::github::RunSnapshot> RunOf(const std::string& branch) const;
  BranchState StateOf(const std::string& branch) const;
  const std::vector<std::string>& FailedOf(worker::github::RunId run) const;
  // Branches that no list has shown so far.
  std::vector<std::string> Unseen() const;
  // Every branch is green, red or without a run.
  bool AllEnded() const;
  bool AnyRed() const;

 private:
  const std::vector<std::string> branches_;
  std::map<std::string, worker::github::RunSnapshot> runs_;
  std::set<std::string> missing_;
  std::map<worker::github::RunId, std::int64_t> expected_;
  std::map<worker::github::RunId, std::vector<std::string>> failed_;
};

// A run that ended so counts as good, as the team's command has it: success or neutral.
bool IsGood(const worker::github::RunSnapshot& run);

}  // namespace headrace::cli
