// One workflow_dispatch and the run it made: what is recorded, and which run is its own.
// Shapes: gh/<connection>/<owner>/<name>/dispatch/<id> is {state, at, sent, baseline, run, bound, problem, resends, correlation};
//   states INTENT → SENT → BOUND | ACCEPTED → BOUND | AMBIGUOUS → BOUND or INTENT | REJECTED.
// Laws: SENT is durable before the request goes; a dispatch that may have been sent is never sent again, but with a
//   correlation that proves that it made no run. claim/<run> says whose a run is, so that no two dispatches own one.
// Threads: pure. Source: GITHUB 5(d).
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "worker/github/run_view.h"

namespace headrace::worker::github {

struct Dispatch {
  std::string id{};     // of the execution, its task run and attempt
  std::string state{};  // empty: there is no record
  Timestamp at{};
  Timestamp sent{};
  RunId baseline = 0;   // the newest run before
  RunId run = 0;
  std::string bound{};  // API, TITLE or DIFF
  std::string problem{};
  std::string url{};
  std::int64_t resends = 0;
  std::string correlation{};  // that was sent; a later attempt of the task has another one
};
Dispatch ReadDispatch(const std::string& id, const Value& record);
Value ToRecord(const Dispatch& dispatch);

std::string DispatchId(const std::string& execution, std::uint32_t task_run, std::uint32_t attempt);
// What goes into the correlation input.
std::string CorrelationOf(const std::string& dispatch_id);

// "refs/heads/main" to "main".
std::string ShortRef(const std::string& ref);

struct Candidates {
  std::vector<RunSnapshot> runs{};  // that may be it, none of which is another dispatch's
  std::optional<RunSnapshot> titled{};
};
// Of runs of the workflow, those made by a dispatch on this ref after the baseline.
Candidates FindCandidates(const std::vector<RunSnapshot>& runs, const Dispatch& dispatch, const std::string& ref,
                          const std::set<RunId>& taken);

// What to do about a dispatch that has no run yet.
enum class Next { kLook, kBind, kResend, kFail };
struct Reconciled {
  Next next = Next::kLook;
  RunSnapshot run{};
  std::string bound{};
  std::string why{};
};
struct ReconcileRule {
  std::string on_ambiguous = "FAIL";  // FAIL, ADOPT, RETRY
  bool correlated = false;
  Duration within = std::chrono::seconds(60);   // how long an ambiguous one is looked for
  Duration appear = std::chrono::minutes(5);    // how long an accepted one is
};
Reconciled Reconcile(const Dispatch& dispatch, const Candidates& candidates, const ReconcileRule& rule, Timestamp now);

}  // namespace headrace::worker::github
