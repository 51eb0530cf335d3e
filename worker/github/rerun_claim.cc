#include "worker/github/rerun_claim.h"

#include "worker/github/poll.h"
#include "worker/github/shared_state.h"

namespace headrace::worker::github {
namespace {

using std::chrono::seconds;

constexpr Duration kClaimHolds = seconds(120);
constexpr Duration kOwnClaimHolds = seconds(20);
constexpr Duration kClaimKept = std::chrono::hours(24 * 40);

std::string ClaimKey(const Look& look, const Repository& repository, const RunSnapshot& run) {
  return look.Key(repository, "rerun/" + std::to_string(run.id) + "/" + std::to_string(run.attempt));
}

std::string Me(Look& look) {
  const wire::TaskKey& key = look.context().order().key;
  return key.execution.str() + "/" + std::to_string(key.fence.task_run) + "/" + std::to_string(key.fence.attempt);
}

enum class Claim { kMine, kAgain, kOthers, kSpent };

// `again` when a claim is there that led to nothing as far as this task knows.
Result<Claim> TakeClaim(Look& look, const Repository& repository, const RerunPolicy& policy, const RunSnapshot& run) {
  const std::string key = ClaimKey(look, repository, run);
  const std::string day = look.Key(repository, "reruns/" + (run.workflow.empty() ? run.workflow_id : run.workflow) + "/" + FormatInstant(look.now()).substr(0, 10));
  const std::string me = Me(look);
  Claim claim = Claim::kOthers;
  RETURN_IF_ERROR(ChangeBoard(look.door(), {key, day}, [&](Board& board) -> Status {
    board.keep = kClaimKept;
    Value& record = board.at(key);
    if (!record.is_null()) {
      const bool mine = TextAt(record, "by") == me;
      const bool fresh = look.now() - TimeAt(record, "at") < (mine ? kOwnClaimHolds : kClaimHolds);
      claim = fresh ? Claim::kOthers : Claim::kAgain;
      if (!fresh) record = Object{{"by", me}, {"at", ToMicros(look.now())}};
      return {};
    }
    const std::int64_t today = NumberAt(board.at(day), "count");
    claim = policy.per_day > 0 && today >= policy.per_day ? Claim::kSpent : Claim::kMine;
    if (claim == Claim::kSpent) return {};
    record = Object{{"by", me}, {"at", ToMicros(look.now())}};
    board.at(day) = Object{{"count", today + 1}};
    return {};
  }));
  return claim;
}

Status GiveBack(Look& look, const Repository& repository, const RunSnapshot& run) {
  const std::string key = ClaimKey(look, repository, run);
  const std::string me = Me(look);
  return ChangeBoard(look.door(), {key}, [&](Board& board) -> Status {
    if (TextAt(board.at(key), "by") == me) board.at(key) = Value();
    return {};
  });
}

}  // namespace

Result<RerunTry> TryRerun(Look& look, const Repository& repository, const RerunPolicy& policy, const RunSnapshot& run) {
  const Ask ask{.method = "POST", .path = repository.path() + "/actions/runs/" + std::to_string(run.id) + (policy.all_jobs ? "/rerun" : "/rerun-failed-jobs")};
  RETURN_IF_ERROR(look.client().Reserve(ask));
  ASSIGN_OR_RETURN(const Claim claim, TakeClaim(look, repository, policy, run));
  if (claim == Claim::kOthers) return RerunTry{};
  if (claim == Claim::kSpent) return RerunTry{.refused = "the re-runs of today are spent (rerun.budget.perDay: " + std::to_string(policy.per_day) + ")"};
  auto answer = look.client().Send(ask);
  // It may have had its effect: the claim stays, and the next look sees which.
  if (!answer && answer.error().code == Code::kAborted) return RerunTry{.posted = true, .again_after = seconds(5)};
  if (!answer) {
    RETURN_IF_ERROR(GiveBack(look, repository, run));
    return Fail(std::move(answer.error()));
  }
  if (answer->ok()) return RerunTry{.posted = true};
  // Somebody else did it: a person, or a request whose answer was lost.
  if (answer->code == 403 && answer->message.find("already running") != std::string::npos) return RerunTry{};
  ASSIGN_OR_RETURN(const std::optional<RunSnapshot> fresh, AskRun(look, repository, run.id));
  if (fresh && fresh->attempt > run.attempt) return RerunTry{};
  return RerunTry{.refused = Refusal(ask, *answer)};
}

Result<bool> IsRerunLost(Look& look, const Repository& repository, const RunSnapshot& run) {
  const std::string key = ClaimKey(look, repository, run);
  ASSIGN_OR_RETURN(const Board board, ReadBoard(look.door(), {key}));
  const Value& record = board.records.at(key);
  const Duration holds = TextAt(record, "by") == Me(look) ? kOwnClaimHolds : kClaimHolds;
  if (!record.is_null() && look.now() - TimeAt(record, "at") < holds) return false;
  ASSIGN_OR_RETURN(const std::optional<RunSnapshot> fresh, AskRun(look, repository, run.id));
  return fresh && fresh->attempt == run.attempt && fresh->ended();
}

}  // namespace headrace::worker::github
