// RunWorkflow's first half: from the wish to dispatch a workflow to the id of its run, over as many looks as it takes.
// Shapes: see dispatch.h; lock/<workflow and ref> lets dispatches go one after another to servers that tell no run id.
// Errors: as the client's. Threads: the task's. Source: GITHUB 5(d).
#pragma once

#include <optional>
#include <string>

#include "worker/github/dispatch.h"
#include "worker/github/look.h"

namespace headrace::worker::github {

struct DispatchPlan {
  Repository repository{};
  std::string workflow{};  // file name or id
  std::string ref{};
  Object inputs{};
  std::string correlation{};  // what the correlation input holds; empty: there is none
  ReconcileRule rule{};
};

// Either the task has an outcome already (it waits, or has failed), or the dispatch is bound to its run.
struct Dispatched {
  std::optional<TaskOutcome> outcome{};
  Dispatch dispatch{};
};
Result<Dispatched> DispatchOnce(Look& look, const DispatchPlan& plan);

}  // namespace headrace::worker::github
