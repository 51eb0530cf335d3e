// What is remembered of jobs that fail now and then: evidence is a job that failed in one attempt and succeeded in a later
// one of the same commit.
// Shapes: gh/<connection>/<owner>/<name>/flakes/<workflow> is {runs, jobs: {NAME: {fails, flakes, lostMs, last}}}.
// Threads: CountJobs is pure. Source: GITHUB 5(e).
#pragma once

#include <vector>

#include "worker/github/look.h"
#include "worker/github/rerun.h"
#include "worker/github/run_view.h"

namespace headrace::worker::github {

// Adds the jobs of all attempts of one run.
void CountJobs(Value& record, const std::vector<JobSeen>& jobs, Timestamp now);
// Once a run and attempt, however many tasks wait for it.
Status CountRun(Look& look, const Repository& repository, const RunSnapshot& run, const std::vector<JobSeen>& jobs);

}  // namespace headrace::worker::github
