#include "worker/github/rerun.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "common/base/text.h"
#include "common/expr/regex.h"
#include "worker/github/json_parts.h"
#include "worker/github/shared_state.h"

namespace headrace::worker::github {
namespace {

constexpr std::int64_t kAttemptsMax = 51;

bool IsOneOf(std::string_view word, const std::vector<std::string>& words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

Result<std::int64_t> Count(const Value& from, std::string_view path, std::int64_t fallback, std::int64_t most) {
  const Value* value = AtPath(from, path);
  if (value == nullptr || value->is_null()) return fallback;
  const std::string text = ToText(*value);
  auto number = ParseJson(text);
  if (!number || !number->is_int64() || number->get_int64() < 1 || number->get_int64() > most)
    return InvalidArgument("rerun." + std::string(path) + ": '" + text + "' is no number from 1 to " + std::to_string(most));
  return number->get_int64();
}

Status CheckNames(const Object& policy) {
  static const std::vector<std::string> kNames = {"maxAttempts", "jobs", "delay", "on", "never", "stopIfSame", "budget"};
  for (const auto& [key, value] : policy) {
    if (IsOneOf(key, kNames)) continue;
    const auto near = Nearest(key, kNames);
    return InvalidArgument("rerun." + std::string(key) + ": is not known" + (near ? "; did you mean '" + *near + "'?" : ""));
  }
  return {};
}

}  // namespace

Result<RerunPolicy> ReadRerunPolicy(const Value& property) {
  RerunPolicy policy;
  if (property.is_null()) return policy;
  const Object* object = property.if_object();
  if (object == nullptr) return InvalidArgument("rerun: expected a map such as {maxAttempts: 3, jobs: FAILED}");
  RETURN_IF_ERROR(CheckNames(*object));
  ASSIGN_OR_RETURN(policy.attempts_max, Count(property, "maxAttempts", 2, kAttemptsMax));
  const std::string jobs = TextAt(property, "jobs");
  if (!jobs.empty() && jobs != "FAILED" && jobs != "ALL") return InvalidArgument("rerun.jobs: '" + jobs + "' is neither FAILED nor ALL");
  policy.all_jobs = jobs == "ALL";
  if (const std::string delay = TextAt(property, "delay"); !delay.empty()) {
    auto span = ParseDuration(delay);
    if (!span) return Fail(std::move(span.error()).Wrap("rerun.delay"));
    policy.delay = *span;
  }
  if (const Value* on = Member(property, "on"); on != nullptr && on->is_array()) {
    policy.on.clear();
    for (const Value& word : on->get_array()) policy.on.push_back(ToText(word));
  }
  if (const Value* never = AtPath(property, "never.jobs"); never != nullptr) policy.never_jobs = ToText(*never);
  RETURN_IF_ERROR(expr::RegexMatches("", policy.never_jobs));
  ASSIGN_OR_RETURN(policy.stop_if_same, Count(property, "stopIfSame", 0, kAttemptsMax));
  ASSIGN_OR_RETURN(policy.per_day, Count(property, "budget.perDay", 0, 100'000));
  return policy;
}

bool JobSeen::failed() const {
  return !conclusion.empty() && conclusion != "success" && conclusion != "neutral" && conclusion != "skipped";
}

std::vector<JobSeen> ReadJobs(const Value& answer) {
  std::vector<JobSeen> seen;
  const Value* jobs = Member(answer, "jobs");
  if (jobs == nullptr || !jobs->is_array()) return seen;
  for (const Value& job : jobs->get_array()) {
    JobSeen one{.name = TextAt(job, "name"), .conclusion = TextAt(job, "conclusion"), .attempt = NumberAt(job, "run_attempt", 1),
                .started = InstantAt(job, "started_at"), .completed = InstantAt(job, "completed_at"), .url = TextAt(job, "html_url")};
    const Value* steps = Member(job, "steps");
    for (const Value& step : steps != nullptr && steps->is_array() ? steps->get_array() : Array()) {
      if (one.failed_step.empty() && TextAt(step, "conclusion") == "failure") one.failed_step = TextAt(step, "name");
    }
    seen.push_back(std::move(one));
  }
  return seen;
}

std::vector<std::string> FailedNames(const std::vector<JobSeen>& jobs) {
  std::vector<std::string> names;
  for (const JobSeen& job : jobs)
    if (job.failed()) names.push_back(job.name);
  return names;
}

Array ToOutput(const std::vector<JobSeen>& jobs) {
  Array out;
  for (const JobSeen& job : jobs) {
    const bool timed = job.completed > job.started && job.started != Timestamp{};
    const std::int64_t millis = timed ? std::chrono::duration_cast<std::chrono::milliseconds>(job.completed - job.started).count() : 0;
    out.push_back(Object{{"name", job.name}, {"conclusion", job.conclusion}, {"attempt", job.attempt}, {"durationMs", millis}, {"url", job.url}});
  }
  return out;
}

Result<RerunDecision> DecideRerun(const RerunPolicy& policy, std::int64_t attempt, const std::string& conclusion,
                                  const std::vector<JobSeen>& jobs, const std::vector<RedAttempt>& before) {
  static const std::vector<std::string> kNever = {"cancelled", "action_required", "stale", "skipped", "startup_failure"};
  const bool broken = conclusion == "failure" || conclusion == "timed_out";
  RerunDecision decision{.verdict = broken ? "BROKEN" : "INFRA"};
  const auto stop = [&](std::string why) {
    decision.why = std::move(why);
    return decision;
  };
  if (policy.attempts_max <= 1) return stop("");
  if (IsOneOf(conclusion, kNever) || !IsOneOf(conclusion, policy.on)) return stop("a run that is " + conclusion + " is not run again");
  if (attempt >= std::min(policy.attempts_max, kAttemptsMax)) return stop("its " + std::to_string(attempt) + " attempts are spent");
  for (const JobSeen& job : jobs) {
    if (!job.failed()) continue;
    ASSIGN_OR_RETURN(const bool never, expr::RegexMatches(job.name, policy.never_jobs));
    if (!policy.never_jobs.empty() && never) return stop("the job " + job.name + " is never run again");
    // This attempt and those right before it.
    std::int64_t same = 1;
    for (auto red = before.rbegin(); red != before.rend() && IsOneOf(job.signature(), red->signatures); ++red) ++same;
    if (policy.stop_if_same > 0 && same >= policy.stop_if_same)
      return stop(job.signature() + " failed " + std::to_string(same) + " times in a row");
  }
  decision.again = true;
  return decision;
}

std::vector<std::string> FlakyJobs(const std::vector<JobSeen>& jobs) {
  std::map<std::string, std::int64_t> failed;  // name to the first attempt that failed
  std::set<std::string> flaky;
  for (const JobSeen& job : jobs) {
    if (!job.failed()) continue;
    const auto [at, first] = failed.emplace(job.name, job.attempt);
    if (!first) at->second = std::min(at->second, job.attempt);
  }
  for (const JobSeen& job : jobs) {
    const auto at = failed.find(job.name);
    if (job.conclusion == "success" && at != failed.end() && job.attempt > at->second) flaky.insert(job.name);
  }
  return {flaky.begin(), flaky.end()};
}

}  // namespace headrace::worker::github
