// Running a red run again exactly once an attempt, whoever sees it red: the first to write the claim does it.
// Shapes: gh/<connection>/<owner>/<name>/rerun/<run>/<attempt> is {by, at}; a claim that led to nothing is taken over.
// Errors: as the client's. Threads: the task's. Source: GITHUB 5(e).
#pragma once

#include <optional>
#include <string>

#include "worker/github/look.h"
#include "worker/github/rerun.h"
#include "worker/github/run_view.h"

namespace headrace::worker::github {

struct RerunTry {
  bool posted = false;         // by this task, now
  std::string refused{};       // why it is not run again: GitHub's words, or the budget's
  std::optional<Duration> again_after{};  // look again sooner than usual
};
Result<RerunTry> TryRerun(Look& look, const Repository& repository, const RerunPolicy& policy, const RunSnapshot& run);
// Somebody claimed it long ago, and nothing has happened.
Result<bool> IsRerunLost(Look& look, const Repository& repository, const RunSnapshot& run);

}  // namespace headrace::worker::github
