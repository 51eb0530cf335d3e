#include "worker/github/dispatching.h"

#include <algorithm>

#include "common/base/hash.h"
#include "worker/github/poll.h"
#include "worker/github/shared_state.h"

namespace headrace::worker::github {
namespace {

using std::chrono::seconds;

constexpr Duration kRecordKept = std::chrono::hours(24 * 40);
// Then it is asked again whether the server answers with ids: it may have been upgraded.
constexpr Duration kKnowledgeHolds = std::chrono::hours(24);
constexpr Duration kLockHolds = std::chrono::minutes(3);
constexpr Duration kSearchEvery = seconds(3);

class Dispatching {
 public:
  Dispatching(Look& look, const DispatchPlan& plan)
      : look_(look), plan_(plan), id_(IdOf(0)),
        lock_(look.Key(plan.repository, "lock/" + Sha256Hex(plan.workflow + "\n" + ShortRef(plan.ref)).substr(0, 20))),
        knows_("gh/" + look.client().connection().name + "/runids") {}

  Result<Dispatched> Go() {
    RETURN_IF_ERROR(Open());
    if (dispatch_.state == "BOUND") return Dispatched{.dispatch = dispatch_};
    if (dispatch_.state == "REJECTED") return Dispatched{.outcome = TaskOutcome::Failed(dispatch_.problem)};
    // Sent by a worker that was lost before it could tell.
    if (dispatch_.state == "SENT") {
      dispatch_.state = "AMBIGUOUS";
      dispatch_.problem = "the worker that sent it was lost";
      RETURN_IF_ERROR(Save());
    }
    if (dispatch_.state == "INTENT") return Send();
    return Search();
  }

 private:
  // A task may dispatch several workflows, on several refs.
  std::string IdOf(std::uint32_t earlier) const {
    const wire::TaskKey& key = look_.context().order().key;
    return DispatchId(key.execution.str(), key.fence.task_run, key.fence.attempt - earlier) + "-" +
           Sha256Hex(plan_.workflow + "\n" + ShortRef(plan_.ref)).substr(0, 12);
  }
  std::string KeyOfDispatch(const std::string& id) const { return look_.Key(plan_.repository, "dispatch/" + id); }
  std::string KeyOfClaim(RunId run) const { return look_.Key(plan_.repository, "claim/" + std::to_string(run)); }

  // Its own record; a later attempt of the task takes over what the one before left open.
  Status Open() {
    const bool later = look_.context().order().key.fence.attempt > 1;
    std::vector<std::string> keys = {KeyOfDispatch(id_)};
    if (later) keys.push_back(KeyOfDispatch(IdOf(1)));
    bool adopted = false;
    RETURN_IF_ERROR(ChangeBoard(look_.door(), keys, [&](Board& board) -> Status {
      board.keep = kRecordKept;
      dispatch_ = ReadDispatch(id_, board.at(keys[0]));
      if (!dispatch_.state.empty()) return {};
      if (later) dispatch_ = ReadDispatch(id_, board.at(keys[1]));
      adopted = later && dispatch_.state != "" && dispatch_.state != "REJECTED" && dispatch_.state != "INTENT";
      if (!adopted) dispatch_ = {.id = id_, .state = "INTENT", .at = look_.now()};
      board.at(keys[0]) = ToRecord(dispatch_);
      return {};
    }));
    if (!adopted || dispatch_.state != "BOUND") return {};
    // A run that ended red is not what a new attempt of the task is for.
    ASSIGN_OR_RETURN(const std::optional<RunSnapshot> run, AskRun(look_, plan_.repository, dispatch_.run));
    if (run && (!run->ended() || run->conclusion == "success" || run->conclusion == "neutral")) {
      look_.context().Log("INFO", "goes on with run " + std::to_string(dispatch_.run) + ", which the attempt before has dispatched");
      return {};
    }
    dispatch_ = {.id = id_, .state = "INTENT", .at = look_.now()};
    return Save();
  }

  Status Save() {
    const std::string key = KeyOfDispatch(id_);
    return ChangeBoard(look_.door(), {key}, [&](Board& board) -> Status {
      board.keep = kRecordKept;
      board.at(key) = ToRecord(dispatch_);
      return {};
    });
  }

  // ---- The lock ----

  // Not needed at a server that answers with the id of the run.
  Result<bool> Lock() {
    bool mine = false;
    RETURN_IF_ERROR(ChangeBoard(look_.door(), {knows_, lock_}, [&](Board& board) -> Status {
      board.keep = kLockHolds;
      Value& lock = board.at(lock_);
      answers_ = TextAt(board.at(knows_), "answers");
      mine = answers_ == "yes";
      if (mine) return {};
      if (!lock.is_null() && TextAt(lock, "by") != id_) return {};
      lock = Object{{"by", id_}, {"at", ToMicros(look_.now())}};
      mine = true;
      return {};
    }));
    return mine;
  }

  Status Unlock(const std::string& answers = "") {
    return ChangeBoard(look_.door(), {knows_, lock_}, [&](Board& board) -> Status {
      board.keep = kKnowledgeHolds;
      if (!answers.empty() && TextAt(board.at(knows_), "answers") != answers) board.at(knows_) = Object{{"answers", answers}};
      if (TextAt(board.at(lock_), "by") == id_) {
        board.at(lock_) = Value();
        board.news = {{lock_, {}}};
      }
      return {};
    });
  }

  // ---- Sending ----

  std::string Path() const { return plan_.repository.path() + "/actions/workflows/" + Part(plan_.workflow); }

  Ask MakeAsk(bool details) const {
    Object body{{"ref", plan_.ref}, {"inputs", plan_.inputs}};
    if (details) body["return_run_details"] = true;
    return {.method = "POST", .path = Path() + "/dispatches", .body = std::move(body)};
  }

  Result<Dispatched> Send() {
    ASSIGN_OR_RETURN(const bool locked, Lock());
    if (!locked) return Dispatched{.outcome = look_.Again(seconds(5), seconds(5), lock_)};
    ASSIGN_OR_RETURN(const RunId newest, NewestRun());
    const Ask ask = MakeAsk(answers_ != "no");
    RETURN_IF_ERROR(look_.client().Reserve(ask));
    dispatch_.baseline = newest;
    dispatch_.correlation = plan_.correlation;
    dispatch_.state = "SENT";
    dispatch_.sent = look_.now();
    RETURN_IF_ERROR(Save());
    auto answer = look_.client().Send(ask);
    // An older server refuses what it does not know before it does anything.
    if (answer && answer->code == 400 && answers_ != "no") return AskPlainly();
    if (!answer && answer.error().code == Code::kAborted) return Lost(answer.error().message);
    if (!answer) {
      dispatch_.state = "INTENT";
      RETURN_IF_ERROR(Save());
      return Fail(std::move(answer.error()));
    }
    if (!answer->ok()) return Refused(*answer);
    const RunId run = NumberAt(answer->body, "workflow_run_id");
    if (run > 0) return Bind({.id = run, .url = TextAt(answer->body, "html_url")}, "API");
    dispatch_.state = "ACCEPTED";
    RETURN_IF_ERROR(Save());
    return Dispatched{.outcome = look_.Again(seconds(1))};
  }

  Result<Dispatched> AskPlainly() {
    dispatch_.state = "INTENT";
    RETURN_IF_ERROR(Save());
    RETURN_IF_ERROR(ChangeBoard(look_.door(), {knows_}, [&](Board& board) -> Status {
      board.keep = kKnowledgeHolds;
      board.at(knows_) = Object{{"answers", "no"}};
      return {};
    }));
    return Dispatched{.outcome = look_.Again(Duration(0))};
  }

  // Ids rise, so a run that the dispatch made has a greater one. Its last page of runs may be empty.
  Result<RunId> NewestRun() {
    const Ask ask{.path = Path() + "/runs?event=workflow_dispatch&per_page=1&exclude_pull_requests=true"};
    ASSIGN_OR_RETURN(const Answer answer, look_.client().Send(ask));
    if (answer.code == 404) {
      ASSIGN_OR_RETURN(const Dispatched refused, Refused(answer));
      return Fail(Code::kFailedPrecondition, refused.dispatch.problem);
    }
    if (!answer.ok()) return Fail(Code::kFailedPrecondition, Refusal(ask, answer));
    const Value* runs = Member(answer.body, "workflow_runs");
    if (runs == nullptr || !runs->is_array() || runs->get_array().empty()) return RunId(0);
    return NumberAt(runs->get_array()[0], "id");
  }

  Result<Dispatched> Lost(const std::string& problem) {
    dispatch_.state = "AMBIGUOUS";
    dispatch_.problem = problem;
    RETURN_IF_ERROR(Save());
    look_.context().Log("WARN", "the answer to the dispatch was lost, so its run is looked for: " + problem);
    return Dispatched{.outcome = look_.Again(kSearchEvery)};
  }

  Result<Dispatched> Refused(const Answer& answer) {
    dispatch_.state = "REJECTED";
    dispatch_.problem = "GitHub refuses to run " + plan_.workflow + " of " + plan_.repository.full() + " on " + plan_.ref + ": " + Refusal(MakeAsk(true), answer);
    RETURN_IF_ERROR(Save());
    RETURN_IF_ERROR(Unlock());
    return Dispatched{.outcome = TaskOutcome::Failed(dispatch_.problem), .dispatch = dispatch_};
  }

  // ---- Which run it is ----

  Result<std::vector<RunSnapshot>> RecentRuns() {
    const std::string path = Path() + "/runs?event=workflow_dispatch&per_page=100&exclude_pull_requests=true";
    ASSIGN_OR_RETURN(const Answer answer, look_.client().Send({.path = path}));
    if (!answer.ok()) return Fail(Code::kFailedPrecondition, Refusal({.path = path}, answer));
    std::vector<RunSnapshot> runs;
    const Value* list = Member(answer.body, "workflow_runs");
    for (const Value& item : list != nullptr && list->is_array() ? list->get_array() : Array()) {
      auto run = ReadRun(item, "poll");
      if (run && run->id > dispatch_.baseline) runs.push_back(std::move(*run));
    }
    return runs;
  }

  Result<std::set<RunId>> TakenOf(const std::vector<RunSnapshot>& runs) {
    std::vector<std::string> keys;
    for (const RunSnapshot& run : runs) keys.push_back(KeyOfClaim(run.id));
    if (keys.empty()) return std::set<RunId>();
    ASSIGN_OR_RETURN(const Board board, ReadBoard(look_.door(), keys));
    std::set<RunId> taken;
    for (const RunSnapshot& run : runs) {
      const Value& claim = board.records.at(KeyOfClaim(run.id));
      if (!claim.is_null() && ToText(claim) != id_) taken.insert(run.id);
    }
    return taken;
  }

  Result<Dispatched> Search() {
    ASSIGN_OR_RETURN(const bool locked, Lock());  // kept, as long as it is looked for
    static_cast<void>(locked);
    ASSIGN_OR_RETURN(const std::vector<RunSnapshot> runs, RecentRuns());
    ASSIGN_OR_RETURN(const std::set<RunId> taken, TakenOf(runs));
    const Candidates candidates = FindCandidates(runs, dispatch_, plan_.ref, taken);
    const Reconciled found = Reconcile(dispatch_, candidates, plan_.rule, look_.now());
    if (found.next == Next::kBind) return Bind(found.run, found.bound);
    if (found.next == Next::kLook) return Dispatched{.outcome = look_.Again(kSearchEvery)};
    if (found.next == Next::kFail) {
      RETURN_IF_ERROR(Unlock());
      return Dispatched{.outcome = TaskOutcome::Failed(found.why)};
    }
    look_.context().Log("WARN", "no run holds " + dispatch_.correlation + ": the dispatch was never taken, and is sent again");
    dispatch_.state = "INTENT";
    ++dispatch_.resends;
    RETURN_IF_ERROR(Save());
    return Dispatched{.outcome = look_.Again(seconds(1))};
  }

  // The run is its own from here on, and nobody else's.
  Result<Dispatched> Bind(const RunSnapshot& run, const std::string& how) {
    dispatch_.state = "BOUND";
    dispatch_.run = run.id;
    dispatch_.url = run.url;
    dispatch_.bound = how;
    const std::string key = KeyOfDispatch(id_);
    const std::string claim = KeyOfClaim(run.id);
    bool others = false;
    RETURN_IF_ERROR(ChangeBoard(look_.door(), {key, claim}, [&](Board& board) -> Status {
      board.keep = kRecordKept;
      others = !board.at(claim).is_null() && ToText(board.at(claim)) != id_;
      if (others) return {};
      board.at(claim) = json::string(id_);
      board.at(key) = ToRecord(dispatch_);
      return {};
    }));
    if (others) return Dispatched{.outcome = look_.Again(seconds(1))};
    RETURN_IF_ERROR(Unlock(how == "API" ? "yes" : dispatch_.problem.empty() ? "no" : ""));
    look_.context().Log("INFO", "dispatched " + plan_.workflow + " of " + plan_.repository.full() + " on " + plan_.ref + ": run " + std::to_string(run.id));
    return Dispatched{.dispatch = dispatch_};
  }

  Look& look_;
  const DispatchPlan& plan_;
  const std::string id_;
  const std::string lock_;
  const std::string knows_;
  Dispatch dispatch_{};
  std::string answers_{};  // whether the server answers with the id of the run: yes, no, not known yet
};

}  // namespace

Result<Dispatched> DispatchOnce(Look& look, const DispatchPlan& plan) { return Dispatching(look, plan).Go(); }

}  // namespace headrace::worker::github
