// Whether a red run is to be tried again: only its failed jobs, only when that may help, only so often.
// Shapes: {maxAttempts, jobs: FAILED|ALL, delay, on, never: {jobs}, stopIfSame, budget: {perDay}} of a task.
// Errors: INVALID_ARGUMENT naming the property. Threads: pure. Source: GITHUB 5(e), 3.1 (50 re-runs a run).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/time.h"
#include "common/model/value.h"

namespace headrace::worker::github {

struct RerunPolicy {
  std::int64_t attempts_max = 1;  // in all, people's included; 1: never again
  bool all_jobs = false;
  Duration delay{};
  std::vector<std::string> on = {"failure", "timed_out"};
  std::string never_jobs{};       // a regular expression of names; empty: none
  std::int64_t stop_if_same = 0;  // the same step failed so often in a row; 0: does not count
  std::int64_t per_day = 0;       // of a workflow of a repository; 0: no limit
};
Result<RerunPolicy> ReadRerunPolicy(const Value& property);

struct JobSeen {
  std::string name{};
  std::string conclusion{};
  std::int64_t attempt = 1;  // its own: jobs that were not run again keep theirs
  Timestamp started{};
  Timestamp completed{};
  std::string url{};
  std::string failed_step{};

  bool failed() const;
  // What failed: the same twice is no chance.
  std::string signature() const { return name + " / " + failed_step; }
};
std::vector<JobSeen> ReadJobs(const Value& answer);
std::vector<std::string> FailedNames(const std::vector<JobSeen>& jobs);
Array ToOutput(const std::vector<JobSeen>& jobs);

// What failed in one attempt.
struct RedAttempt {
  std::int64_t attempt = 1;
  std::vector<std::string> jobs{};
  std::vector<std::string> signatures{};
};

struct RerunDecision {
  bool again = false;
  std::string verdict{};  // of a run that is not tried again: BROKEN or INFRA
  std::string why{};
};
// `before` are the earlier attempts that were seen red, the oldest first.
Result<RerunDecision> DecideRerun(const RerunPolicy& policy, std::int64_t attempt, const std::string& conclusion,
                                  const std::vector<JobSeen>& jobs, const std::vector<RedAttempt>& before);

// Jobs that failed in one attempt and succeeded in a later one. `jobs` are those of all attempts.
std::vector<std::string> FlakyJobs(const std::vector<JobSeen>& jobs);

}  // namespace headrace::worker::github
