// One look of a health matrix at GitHub: finds branches and runs, dispatches, waits, runs red runs again; for all cells.
// Laws: one poll a repository and interval for all cells; one write a look, as writes are a second apart anyway; a repository,
//   branch or workflow that fails is a cell with a state, and weather of one repository does not keep the others waiting.
// Errors: UNAVAILABLE is weather, with the cells as far as they have come; any other fails the task.
// Threads: the task's. Source: GITHUB 5(f).
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "worker/github/look.h"
#include "worker/github/matrix.h"
#include "worker/github/rerun.h"

namespace headrace::worker::github {

struct MatrixPlan {
  std::vector<Repository> repositories{};
  BranchRule branches{};
  std::vector<std::string> workflows{};
  bool dispatch = false;
  Object inputs{};
  RerunPolicy rerun{};
  Duration interval = std::chrono::seconds(15);
  Timestamp deadline{};
  std::optional<Timestamp> oldest{};  // of runs that are looked at
};

class MatrixLook {
 public:
  // Goes on from the look's memo. Both outlive it.
  MatrixLook(Look& look, const MatrixPlan& plan);

  // Everything that can be done now.
  Status Step();
  // Every cell has its state.
  bool done() const;
  // The deadline is over: what is open gets the state that says so.
  void EndLate();
  // When to go on.
  TaskOutcome Again();
  // In the order of the plan.
  std::vector<Cell> cells() const;

 private:
  void GiveUp(const Repository& repository, const std::string& why);
  Status StepRepository(const Repository& repository);
  Status Resolve(const Repository& repository);
  Status Begin(const Repository& repository, Cell& cell);
  Status Dispatch(const Repository& repository, Cell& cell);
  Status FindNewest(const Repository& repository, Cell& cell);
  Status Watch(const Repository& repository);
  std::vector<Cell*> OpenRuns(const Repository& repository);
  void DueAt(Timestamp due) { due_ = due_ ? std::min(*due_, due) : due; }
  void Save();

  Look& look_;
  const MatrixPlan& plan_;
  std::vector<Cell> cells_{};
  std::set<std::string> resolved_{};
  std::optional<Timestamp> due_{};
  bool written_ = false;  // in this look
};

}  // namespace headrace::worker::github
