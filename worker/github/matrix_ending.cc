#include "worker/github/matrix_ending.h"

#include <algorithm>

#include "worker/github/flakes.h"
#include "worker/github/rerun_claim.h"
#include "worker/github/shared_state.h"

namespace headrace::worker::github {
namespace {

// One of these failed in an earlier attempt, too: that is hardly chance.
bool FailedBefore(const std::vector<JobSeen>& all, std::int64_t attempt, const std::vector<std::string>& names) {
  return std::any_of(all.begin(), all.end(), [&](const JobSeen& job) {
    return job.attempt < attempt && job.failed() && std::find(names.begin(), names.end(), job.name) != names.end();
  });
}

Result<std::vector<JobSeen>> JobsOf(Look& look, const Repository& repository, const RunSnapshot& run, bool all) {
  const std::string base = repository.path() + "/actions/runs/" + std::to_string(run.id);
  const std::string path = all ? base + "/jobs?filter=all&per_page=100" : base + "/attempts/" + std::to_string(run.attempt) + "/jobs?per_page=100";
  ASSIGN_OR_RETURN(const Answer answer, look.client().GetAll(path, "jobs"));
  if (!answer.ok()) return Fail(Code::kFailedPrecondition, Refusal({.path = path}, answer));
  return ReadJobs(answer.body);
}

void NoteRed(Cell& cell, const RunSnapshot& run, const std::vector<JobSeen>& jobs) {
  if (!cell.red.empty() && cell.red.back().attempt == run.attempt) return;
  RedAttempt red{.attempt = run.attempt, .jobs = FailedNames(jobs)};
  for (const JobSeen& job : jobs)
    if (job.failed()) red.signatures.push_back(job.signature());
  cell.red.push_back(std::move(red));
}

Status EndGreen(Look& look, const Repository& repository, const RunSnapshot& run, Cell& cell) {
  cell.state = "GREEN";
  if (run.attempt == 1) {
    CountRun(look, repository, run, {});
    return {};
  }
  auto jobs = JobsOf(look, repository, run, true);
  if (!jobs) {
    cell.state.clear();
    return tl::unexpected(std::move(jobs.error()));
  }
  cell.flaky_jobs = FlakyJobs(*jobs);
  if (!cell.flaky_jobs.empty()) cell.state = "FLAKY_GREEN";
  CountRun(look, repository, run, *jobs);
  return {};
}

// What the jobs did in earlier nights is asked before this run is among it.
Status EndRed(Look& look, const Repository& repository, const RunSnapshot& run, const std::vector<JobSeen>& jobs, const RerunDecision& decision, Cell& cell) {
  std::vector<JobSeen> all = jobs;
  if (run.attempt > 1) {
    ASSIGN_OR_RETURN(all, JobsOf(look, repository, run, true));
  }
  cell.failed_jobs = FailedNames(jobs);
  const std::string flakes = look.Key(repository, "flakes/" + (run.workflow.empty() ? run.workflow_id : run.workflow));
  ASSIGN_OR_RETURN(const Board board, ReadBoard(look.door(), {flakes}));
  cell.likely_flake = !FailedBefore(all, run.attempt, cell.failed_jobs) && LooksFlaky(cell.failed_jobs, board.records.at(flakes));
  CountRun(look, repository, run, all);
  if (decision.verdict == "BROKEN") {
    cell.state = "RED";
    return {};
  }
  cell.state = "INFRA";
  cell.reason = "ended with " + (run.conclusion.empty() ? std::string("no conclusion") : run.conclusion);
  return {};
}

}  // namespace

void Refuse(Cell& cell, const std::string& why) {
  const auto says = [&](std::string_view words) { return why.find(words) != std::string::npos; };
  cell.reason = why;
  if (says("GitHub answered 404") || says("No ref found")) cell.state = "MISSING";
  else if (says("GitHub answered 422")) cell.state = "NOT_DISPATCHABLE";
  else cell.state = "INFRA";
}

Result<CellEnd> EndCell(Look& look, const Repository& repository, const RerunPolicy& policy, const RunSnapshot& run, bool may_write, Cell& cell) {
  cell.sha = run.sha;
  cell.url = run.url;
  cell.attempt = run.attempt;
  cell.duration_ms = std::max<std::int64_t>(0, std::chrono::duration_cast<std::chrono::milliseconds>(run.updated - run.started).count());
  if (run.conclusion == "success" || run.conclusion == "neutral") {
    RETURN_IF_ERROR(EndGreen(look, repository, run, cell));
    return CellEnd{};
  }
  ASSIGN_OR_RETURN(const std::vector<JobSeen> jobs, JobsOf(look, repository, run, false));
  std::vector<RedAttempt> before = cell.red;
  std::erase_if(before, [&](const RedAttempt& one) { return one.attempt >= run.attempt; });
  ASSIGN_OR_RETURN(RerunDecision decision, DecideRerun(policy, run.attempt, run.conclusion, jobs, before));
  if (decision.again) {
    NoteRed(cell, run, jobs);
    if (cell.rerun_at == Timestamp{}) cell.rerun_at = look.now() + policy.delay;
    if (cell.rerun_at > look.now()) return CellEnd{.due = cell.rerun_at};
    if (!may_write) return CellEnd{.due = look.now() + std::chrono::seconds(1)};
    ASSIGN_OR_RETURN(const RerunTry tried, TryRerun(look, repository, policy, run));
    if (tried.refused.empty()) {
      cell.attempt = run.attempt + 1;
      cell.rerun_at = {};
      return CellEnd{.written = tried.posted};
    }
    look.context().Log("WARN", "run " + std::to_string(run.id) + " of " + cell.repository + " is not run again: " + tried.refused);
  }
  RETURN_IF_ERROR(EndRed(look, repository, run, jobs, decision, cell));
  return CellEnd{};
}

}  // namespace headrace::worker::github
