#include "worker/github/dispatch.h"

#include "common/base/hash.h"
#include "worker/github/shared_state.h"

namespace headrace::worker::github {
namespace {

constexpr std::int64_t kResendsMax = 3;

std::string Listed(const std::vector<RunSnapshot>& runs) {
  std::string text;
  for (const RunSnapshot& run : runs) text += (text.empty() ? "" : ", ") + std::to_string(run.id);
  return text.empty() ? "none" : text;
}

std::string Ambiguous(const Dispatch& dispatch, const Candidates& candidates) {
  return "AmbiguousDispatch: whether GitHub took the dispatch " + dispatch.id + " is not known (" + dispatch.problem +
         "). It is not sent again. Runs that may be its: " + Listed(candidates.runs) +
         ". Look, then restart with `onAmbiguous: ADOPT` if it is there";
}

}  // namespace

Dispatch ReadDispatch(const std::string& id, const Value& record) {
  return {.id = id, .state = TextAt(record, "state"), .at = TimeAt(record, "at"), .sent = TimeAt(record, "sent"),
          .baseline = NumberAt(record, "baseline"), .run = NumberAt(record, "run"), .bound = TextAt(record, "bound"),
          .problem = TextAt(record, "problem"), .url = TextAt(record, "url"), .resends = NumberAt(record, "resends"),
          .correlation = TextAt(record, "correlation")};
}

Value ToRecord(const Dispatch& dispatch) {
  return Object{{"state", dispatch.state}, {"at", ToMicros(dispatch.at)}, {"sent", ToMicros(dispatch.sent)},
                {"baseline", dispatch.baseline}, {"run", dispatch.run}, {"bound", dispatch.bound},
                {"problem", dispatch.problem}, {"url", dispatch.url}, {"resends", dispatch.resends},
                {"correlation", dispatch.correlation}};
}

std::string DispatchId(const std::string& execution, std::uint32_t task_run, std::uint32_t attempt) {
  return Sha256Hex(execution + "/" + std::to_string(task_run) + "/" + std::to_string(attempt)).substr(0, 20);
}

std::string CorrelationOf(const std::string& dispatch_id) { return "headrace-" + dispatch_id; }

std::string ShortRef(const std::string& ref) {
  for (const std::string_view prefix : {"refs/heads/", "refs/tags/", "heads/", "tags/"})
    if (ref.starts_with(prefix)) return ref.substr(prefix.size());
  return ref;
}

Candidates FindCandidates(const std::vector<RunSnapshot>& runs, const Dispatch& dispatch, const std::string& ref,
                          const std::set<RunId>& taken) {
  Candidates found;
  for (const RunSnapshot& run : runs) {
    if (run.id <= dispatch.baseline || run.event != "workflow_dispatch" || run.branch != ShortRef(ref) || taken.contains(run.id)) continue;
    if (!dispatch.correlation.empty() && run.title.find(dispatch.correlation) != std::string::npos) found.titled = run;
    found.runs.push_back(run);
  }
  return found;
}

Reconciled Reconcile(const Dispatch& dispatch, const Candidates& candidates, const ReconcileRule& rule, Timestamp now) {
  if (candidates.titled) return {Next::kBind, *candidates.titled, "TITLE", ""};
  const bool single = candidates.runs.size() == 1;
  const Duration waited = now - dispatch.sent;
  if (dispatch.state == "ACCEPTED") {
    // It is on its way, alone: dispatches of one workflow and ref go one after another to servers that tell no run id. A title
    // that is to tell it apart is given a while.
    if (single && (!rule.correlated || waited >= rule.within)) return {Next::kBind, candidates.runs.front(), "DIFF", ""};
    if (waited < (candidates.runs.empty() ? rule.appear : rule.within)) return {};
    if (candidates.runs.empty())
      return {Next::kFail, {}, "", "RunNotFound: GitHub took the dispatch " + dispatch.id + ", but no run of it has appeared"};
    return {Next::kFail, {}, "", "AmbiguousDispatch: GitHub took the dispatch " + dispatch.id + ", and its run is one of " + Listed(candidates.runs) +
                                     ": somebody else dispatched the workflow at the same time. Give it a correlationInput"};
  }
  if (waited < rule.within) return {};
  if (rule.on_ambiguous == "ADOPT" && single) return {Next::kBind, candidates.runs.front(), "DIFF", ""};
  if (rule.on_ambiguous == "RETRY" && rule.correlated && dispatch.resends < kResendsMax) return {.next = Next::kResend};
  return {Next::kFail, {}, "", Ambiguous(dispatch, candidates)};
}

}  // namespace headrace::worker::github
