// Waiting for one workflow run to end, re-runs included: what WaitRun does, and RunWorkflow with `wait: true`.
// Shapes: the memo holds run, attempt (waited for), since, red (attempts seen red) and rerunAt.
// Errors: as the client's. Threads: the task's. Source: GITHUB 5(a), 5(e).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "worker/github/look.h"
#include "worker/github/poll.h"
#include "worker/github/rerun.h"

namespace headrace::worker::github {

struct WaitPlan {
  Repository repository{};
  Duration interval = std::chrono::seconds(15);
  std::vector<std::string> success = {"success", "neutral"};
  RerunPolicy rerun{};
  bool include_jobs = false;
  bool warn_if_flaky = false;
  bool cancel_on_timeout = false;
  // The task's own timeout, when it is known: a moment before it the task ends by itself, which can tell more.
  std::optional<Timestamp> deadline{};
};

// Reads repository, interval, success, rerun, includeJobs, onFlaky, cancelOnTimeout.
Result<WaitPlan> ReadWaitPlan(Look& look);
std::vector<model::PropertySpec> WaitProperties();
std::vector<model::PropertySpec> WaitOutputs();

// REQUIRES: the memo's `run`. `more` is put into the outputs.
Result<TaskOutcome> GoOnWaiting(Look& look, const WaitPlan& plan, Object more = {});
// How long before its deadline the task ends by itself. REQUIRES: it has one.
Duration MarginOf(const Look& look, const WaitPlan& plan);
// The outcome when the task's time is over.
bool IsLate(const Look& look, const WaitPlan& plan);
Result<TaskOutcome> EndLate(Look& look, const WaitPlan& plan, const std::string& what);

}  // namespace headrace::worker::github
