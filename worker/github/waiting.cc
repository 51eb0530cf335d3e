#include "worker/github/waiting.h"

#include <algorithm>

#include "common/base/text.h"
#include "worker/github/flakes.h"
#include "worker/github/json_parts.h"
#include "worker/github/rerun_claim.h"
#include "worker/github/shared_state.h"

namespace headrace::worker::github {
namespace {

using model::PropertyKind;
using std::chrono::seconds;

// Nobody waits for more than Actions lets a run last.
constexpr Duration kLongest = std::chrono::hours(24 * 36);
// In case a word got lost.
constexpr Duration kAtLatest = std::chrono::minutes(15);

std::vector<RedAttempt> RedOf(const Object& memo) {
  std::vector<RedAttempt> red;
  const Value* list = memo.if_contains("red");
  if (list == nullptr || !list->is_array()) return red;
  for (const Value& one : list->get_array()) red.push_back({NumberAt(one, "attempt", 1), TextsOf(one, "failedJobs"), TextsOf(one, "signatures")});
  return red;
}

// One run that has ended, on its way to an outcome.
class Ending {
 public:
  Ending(Look& look, const WaitPlan& plan, const RunSnapshot& run, Object more)
      : look_(look), plan_(plan), run_(run), more_(std::move(more)) {}

  Result<TaskOutcome> Conclude() {
    const bool good = std::find(plan_.success.begin(), plan_.success.end(), run_.conclusion) != plan_.success.end();
    return good ? Green() : Red();
  }

 private:
  Result<std::vector<JobSeen>> Jobs(bool all) {
    const std::string base = plan_.repository.path() + "/actions/runs/" + std::to_string(run_.id);
    const std::string path = all ? base + "/jobs?filter=all&per_page=100"
                                 : base + "/attempts/" + std::to_string(run_.attempt) + "/jobs?per_page=100";
    ASSIGN_OR_RETURN(const Answer answer, look_.client().GetAll(path, "jobs"));
    if (!answer.ok()) return Fail(Code::kFailedPrecondition, Refusal({.path = path}, answer));
    return ReadJobs(answer.body);
  }

  Result<TaskOutcome> Green() {
    std::vector<JobSeen> jobs;
    std::vector<std::string> flaky;
    if (run_.attempt > 1) {
      ASSIGN_OR_RETURN(const std::vector<JobSeen> all, Jobs(true));
      flaky = FlakyJobs(all);
      CountRun(look_, plan_.repository, run_, all);
      for (const JobSeen& job : all)
        if (job.conclusion == "success" || job.attempt == run_.attempt) jobs.push_back(job);
    } else {
      CountRun(look_, plan_.repository, run_, {});
      if (plan_.include_jobs) {
        ASSIGN_OR_RETURN(jobs, Jobs(false));
      }
    }
    Object outputs = Outputs(jobs, flaky, flaky.empty() ? "GREEN" : "FLAKY_GREEN");
    if (flaky.empty()) {
      look_.context().Log("INFO", Name() + " is green");
      return TaskOutcome::Success(std::move(outputs));
    }
    const std::string message = Name() + " is green, but " + Listed(flaky) + " failed before and did not at a later attempt";
    look_.context().Log("WARN", message);
    TaskOutcome outcome = TaskOutcome::Success(std::move(outputs));
    if (plan_.warn_if_flaky) outcome.state = model::State::kWarning;
    return outcome;
  }

  Result<TaskOutcome> Red() {
    ASSIGN_OR_RETURN(const std::vector<JobSeen> jobs, Jobs(false));
    const std::vector<RedAttempt> before = Before();
    ASSIGN_OR_RETURN(RerunDecision decision, DecideRerun(plan_.rerun, run_.attempt, run_.conclusion, jobs, before));
    if (decision.again) {
      Note(jobs);
      if (WaitsForDelay()) return look_.Again(FromMicros(NumberAt(Value(look_.memo()), "rerunAt")) - look_.now());
      ASSIGN_OR_RETURN(const RerunTry tried, TryRerun(look_, plan_.repository, plan_.rerun, run_));
      if (tried.refused.empty()) {
        if (tried.posted) look_.context().Log("WARN", Name() + " is red (" + Listed(FailedNames(jobs)) + "): " + (plan_.rerun.all_jobs ? "all" : "its failed") + " jobs are run again");
        look_.memo().erase("rerunAt");
        look_.memo()["attempt"] = run_.attempt + 1;
        return look_.Again(tried.again_after.value_or(plan_.interval), plan_.interval, TopicOf(look_, plan_.repository), {KeyOf(run_.id)}, kAtLatest);
      }
      decision.why = tried.refused;
    }
    ASSIGN_OR_RETURN(const std::vector<JobSeen> all, run_.attempt > 1 ? Jobs(true) : Result<std::vector<JobSeen>>(jobs));
    CountRun(look_, plan_.repository, run_, all);
    const std::vector<std::string> failed = FailedNames(jobs);
    std::string message = "RunFailed: " + Name() + " ended with " + (run_.conclusion.empty() ? "no conclusion" : run_.conclusion);
    if (!failed.empty()) message += "; failed jobs: " + Listed(failed);
    if (!decision.why.empty()) message += "; " + decision.why;
    if (run_.conclusion == "action_required") message += "; somebody has to approve it";
    return TaskOutcome::Failed(message + ". " + run_.url, Outputs(jobs, FlakyJobs(all), decision.verdict));
  }

  std::vector<RedAttempt> Before() const {
    std::vector<RedAttempt> red = RedOf(look_.memo());
    std::erase_if(red, [&](const RedAttempt& one) { return one.attempt >= run_.attempt; });
    return red;
  }

  void Note(const std::vector<JobSeen>& jobs) {
    Value& list = look_.memo()["red"];
    if (!list.is_array()) list = Array();
    for (const Value& one : list.get_array())
      if (NumberAt(one, "attempt") == run_.attempt) return;
    Array signatures;
    for (const JobSeen& job : jobs)
      if (job.failed()) signatures.emplace_back(json::string(job.signature()));
    list.get_array().push_back(Object{{"attempt", run_.attempt}, {"failedJobs", TextList(FailedNames(jobs))}, {"signatures", std::move(signatures)}});
  }

  bool WaitsForDelay() {
    if (plan_.rerun.delay <= Duration(0)) return false;
    const std::int64_t at = NumberAt(Value(look_.memo()), "rerunAt");
    if (at == 0) look_.memo()["rerunAt"] = ToMicros(look_.now() + plan_.rerun.delay);
    return at == 0 || FromMicros(at) > look_.now();
  }

  std::string Name() const {
    return "run " + std::to_string(run_.id) + " of " + plan_.repository.full() + (run_.workflow.empty() ? "" : " (" + run_.workflow + ")") +
           (run_.attempt > 1 ? ", attempt " + std::to_string(run_.attempt) + "," : "");
  }

  Object Outputs(const std::vector<JobSeen>& jobs, const std::vector<std::string>& flaky, const std::string& verdict) {
    Array reruns;
    for (const RedAttempt& red : RedOf(look_.memo()))
      if (red.attempt < run_.attempt) reruns.push_back(Object{{"attempt", red.attempt}, {"failedJobs", TextList(red.jobs)}});
    const Timestamp since = TimeAt(Value(look_.memo()), "since");
    Object outputs{{"runId", run_.id}, {"attempt", run_.attempt}, {"status", run_.status}, {"conclusion", run_.conclusion},
                   {"url", run_.url}, {"headSha", run_.sha}, {"title", run_.title}, {"jobs", ToOutput(jobs)}, {"reruns", std::move(reruns)},
                   {"flaky", TextList(flaky)}, {"verdict", verdict},
                   {"waitedMs", std::chrono::duration_cast<std::chrono::milliseconds>(look_.now() - since).count()},
                   {"source", run_.source}, {"apiCost", look_.cost()}};
    for (auto& [key, value] : more_) outputs[key] = value;
    return outputs;
  }

  Look& look_;
  const WaitPlan& plan_;
  const RunSnapshot& run_;
  Object more_;
};

}  // namespace

Result<WaitPlan> ReadWaitPlan(Look& look) {
  WaitPlan plan;
  TaskContext& context = look.context();
  ASSIGN_OR_RETURN(plan.repository, look.ReadRepository());
  ASSIGN_OR_RETURN(plan.interval, ReadInterval(context, "interval", plan.interval));
  ASSIGN_OR_RETURN(const std::vector<std::string> success, context.Texts("success"));
  if (!success.empty()) plan.success = success;
  ASSIGN_OR_RETURN(const Value rerun, context.Render("rerun"));
  ASSIGN_OR_RETURN(plan.rerun, ReadRerunPolicy(rerun));
  ASSIGN_OR_RETURN(plan.include_jobs, context.Bool("includeJobs", false));
  ASSIGN_OR_RETURN(const auto on_flaky, context.Text("onFlaky"));
  plan.warn_if_flaky = on_flaky.value_or("") == "WARNING";
  ASSIGN_OR_RETURN(plan.cancel_on_timeout, context.Bool("cancelOnTimeout", false));
  // Who cannot read it is ended by the engine, with less to say.
  if (const std::string& timeout = context.order().spec->timeout; !timeout.empty()) {
    if (const auto text = context.RenderValue(json::string(timeout), false)) {
      if (const auto span = ParseDuration(ToText(*text))) plan.deadline = context.began() + *span;
    }
  }
  return plan;
}

Duration MarginOf(const Look& look, const WaitPlan& plan) {
  const Timestamp began = std::min(*plan.deadline, look.context().began());
  return std::min<Duration>(seconds(3), (*plan.deadline - began) / 5);
}

bool IsLate(const Look& look, const WaitPlan& plan) {
  return plan.deadline && look.now() >= *plan.deadline - MarginOf(look, plan);
}

Result<TaskOutcome> EndLate(Look& look, const WaitPlan& plan, const std::string& what) {
  const Timestamp since = look.context().began();
  std::string message = "WaitTimeout: " + what + " within " + FormatDuration(*plan.deadline - since);
  const RunId id = NumberAt(Value(look.memo()), "run");
  if (plan.cancel_on_timeout && id != 0) {
    const std::string path = plan.repository.path() + "/actions/runs/" + std::to_string(id) + "/cancel";
    const auto answer = look.client().Send({.method = "POST", .path = path});
    if (answer && (answer->ok() || answer->code == 409)) message += "; it is being cancelled";
    else message += "; it could not be cancelled: " + (answer ? answer->message : answer.error().message);
  }
  return TaskOutcome::Failed(message, id == 0 ? Object() : Object{{"runId", id}});
}

Result<TaskOutcome> GoOnWaiting(Look& look, const WaitPlan& plan, Object more) {
  Object& memo = look.memo();
  if (!memo.contains("since")) memo["since"] = ToMicros(look.now());
  const RunId id = NumberAt(Value(memo), "run");
  const std::int64_t attempt = NumberAt(Value(memo), "attempt", 1);
  const std::string name = "run " + std::to_string(id) + " of " + plan.repository.full();
  look.StayWith(TopicOf(look, plan.repository), {KeyOf(id)});
  ASSIGN_OR_RETURN(const Refreshed seen,
                   Refresh(look, plan.repository,
                           {.id = id, .attempt = attempt, .until = plan.deadline.value_or(look.context().began() + kLongest)}, plan.interval));
  if (seen.gone) return TaskOutcome::Failed("RunNotFound: " + name + " is not there (any more)");
  if (seen.run && seen.run->ended() && seen.run->attempt >= attempt) return Ending(look, plan, *seen.run, std::move(more)).Conclude();
  if (IsLate(look, plan)) return EndLate(look, plan, name + " did not end");
  Duration at_latest = kAtLatest;
  if (plan.deadline) at_latest = std::min(at_latest, std::max<Duration>(*plan.deadline - MarginOf(look, plan) - look.now(), std::chrono::milliseconds(50)));
  // Another one was asked to run it again and may have died over it.
  if (seen.run && seen.run->ended() && seen.run->attempt + 1 == attempt) {
    ASSIGN_OR_RETURN(const bool lost, IsRerunLost(look, plan.repository, *seen.run));
    if (lost) memo["attempt"] = seen.run->attempt;
    at_latest = std::min<Duration>(at_latest, seconds(60));
  }
  const Duration after = std::min(std::max<Duration>(seen.next - look.now(), seconds(1)), at_latest);
  return look.Again(after, seen.interval, TopicOf(look, plan.repository), {KeyOf(id)}, at_latest);
}

std::vector<model::PropertySpec> WaitProperties() {
  return {{.name = "interval", .kind = PropertyKind::kDuration, .doc = "How old what is known of the run may become. All that wait for runs of one repository are served by one request an interval.", .default_value = "PT15S"},
          {.name = "success", .kind = PropertyKind::kList, .doc = "Conclusions that count as good.", .default_value = Array{"success", "neutral"}, .members = {{.name = "conclusion"}}},
          {.name = "rerun", .kind = PropertyKind::kObject, .doc = "Runs a red run again: once an attempt, whoever sees it red. cancelled, action_required, stale, skipped and startup_failure are never run again.",
           .members = {{.name = "maxAttempts", .kind = PropertyKind::kInteger, .doc = "Attempts in all, people's re-runs included; at most 51.", .default_value = 2},
                       {.name = "jobs", .kind = PropertyKind::kEnum, .doc = "Only those that failed, with those that need them; or all.", .default_value = "FAILED", .enum_values = {"FAILED", "ALL"}},
                       {.name = "delay", .kind = PropertyKind::kDuration, .doc = "Waits so long before."},
                       {.name = "on", .kind = PropertyKind::kList, .doc = "Conclusions that are worth another attempt.", .default_value = Array{"failure", "timed_out"}, .members = {{.name = "conclusion"}}},
                       {.name = "never", .kind = PropertyKind::kObject, .doc = "What must not be run again.", .members = {{.name = "jobs", .doc = "A regular expression of names of jobs: publish|deploy.*"}}},
                       {.name = "stopIfSame", .kind = PropertyKind::kInteger, .doc = "The same step of the same job failed so often in a row: it is broken, not flaky."},
                       {.name = "budget", .kind = PropertyKind::kObject, .doc = "Of all executions together.", .members = {{.name = "perDay", .kind = PropertyKind::kInteger, .doc = "Re-runs of this workflow of this repository a day (UTC)."}}}}},
          {.name = "includeJobs", .kind = PropertyKind::kBoolean, .doc = "Asks for the jobs of a green run, too.", .default_value = false},
          {.name = "onFlaky", .kind = PropertyKind::kEnum, .doc = "How the task ends when a job failed first and succeeded later.", .default_value = "SUCCESS", .enum_values = {"SUCCESS", "WARNING"}},
          {.name = "cancelOnTimeout", .kind = PropertyKind::kBoolean, .doc = "Cancels the run when the task's `timeout` is over.", .default_value = false}};
}

std::vector<model::PropertySpec> WaitOutputs() {
  return {{.name = "runId", .kind = PropertyKind::kInteger, .doc = "The run."},
          {.name = "attempt", .kind = PropertyKind::kInteger, .doc = "The attempt that counted."},
          {.name = "status", .doc = "completed."},
          {.name = "conclusion", .doc = "success, failure, …"},
          {.name = "url", .doc = "For people."},
          {.name = "headSha", .doc = "The commit."},
          {.name = "title", .doc = "As GitHub shows it."},
          {.name = "jobs", .kind = PropertyKind::kList, .doc = "{name, conclusion, attempt, durationMs, url}; of a run that was red or run again, or with includeJobs."},
          {.name = "reruns", .kind = PropertyKind::kList, .doc = "{attempt, failedJobs} of each attempt that was run again."},
          {.name = "flaky", .kind = PropertyKind::kList, .doc = "Jobs that failed first and succeeded later."},
          {.name = "verdict", .kind = PropertyKind::kEnum, .doc = "GREEN, FLAKY_GREEN, BROKEN, or INFRA: it did not come to a verdict on the code.", .enum_values = {"GREEN", "FLAKY_GREEN", "BROKEN", "INFRA"}},
          {.name = "waitedMs", .kind = PropertyKind::kInteger, .doc = "How long the task waited."},
          {.name = "source", .doc = "Where the end was heard of: poll or webhook."},
          {.name = "apiCost", .kind = PropertyKind::kInteger, .doc = "Requests of this task that cost something of GitHub's quota."}};
}

}  // namespace headrace::worker::github
