#include "cli/gh/branch_board.h"

#include <algorithm>

namespace headrace::cli {

using worker::github::RunId;
using worker::github::RunSnapshot;

bool IsGood(const RunSnapshot& run) { return run.conclusion == "success" || run.conclusion == "neutral"; }

bool BranchBoard::See(const std::vector<RunSnapshot>& runs) {
  bool changed = false;
  for (const RunSnapshot& run : runs) {
    if (std::find(branches_.begin(), branches_.end(), run.branch) == branches_.end()) continue;
    const auto known = runs_.find(run.branch);
    // Ids rise with time.
    const bool takes = known == runs_.end() || run.id > known->second.id ||
                       (run.id == known->second.id && worker::github::IsNewer(run, known->second));
    if (!takes) continue;
    runs_[run.branch] = run;
    missing_.erase(run.branch);
    changed = true;
  }
  return changed;
}

bool BranchBoard::SeeNone(const std::string& branch) { return !runs_.contains(branch) && missing_.insert(branch).second; }

std::optional<RunSnapshot> BranchBoard::RunOf(const std::string& branch) const {
  const auto found = runs_.find(branch);
  return found == runs_.end() ? std::nullopt : std::optional(found->second);
}

BranchState BranchBoard::StateOf(const std::string& branch) const {
  const auto found = runs_.find(branch);
  if (found == runs_.end()) return missing_.contains(branch) ? BranchState::kMissing : BranchState::kUnknown;
  const RunSnapshot& run = found->second;
  const auto expected = expected_.find(run.id);
  if (!run.ended() || (expected != expected_.end() && run.attempt < expected->second)) return BranchState::kRunning;
  return IsGood(run) ? BranchState::kGreen : BranchState::kRed;
}

const std::vector<std::string>& BranchBoard::FailedOf(RunId run) const {
  static const std::vector<std::string> kNone;
  const auto found = failed_.find(run);
  return found == failed_.end() ? kNone : found->second;
}

std::vector<std::string> BranchBoard::Unseen() const {
  std::vector<std::string> unseen;
  for (const std::string& branch : branches_) {
    if (StateOf(branch) == BranchState::kUnknown) unseen.push_back(branch);
  }
  return unseen;
}

bool BranchBoard::AllEnded() const {
  return std::none_of(branches_.begin(), branches_.end(), [this](const std::string& branch) {
    const BranchState state = StateOf(branch);
    return state == BranchState::kRunning || state == BranchState::kUnknown;
  });
}

bool BranchBoard::AnyRed() const {
  return std::any_of(branches_.begin(), branches_.end(),
                     [this](const std::string& branch) { return StateOf(branch) == BranchState::kRed; });
}

}  // namespace headrace::cli
