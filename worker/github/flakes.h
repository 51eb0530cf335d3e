// What is remembered of jobs that fail now and then: evidence is a job that failed in one attempt and succeeded in a later
// one of the same commit.
// Shapes: gh/<connection>/<owner>/<name>/flakes/<workflow> is {days: {DAY: runs}, jobs: {NAME: {fails, flakes, lostMs, last,
//   days: {DAY: [fails, flakes, lostMs]}}}}; a DAY counts from 1970. gh/index/flakes names these records.
// Threads: the functions on values are pure. Source: GITHUB 5(e).
#pragma once

#include <vector>

#include "worker/engine_door.h"
#include "worker/github/look.h"
#include "worker/github/rerun.h"
#include "worker/github/run_view.h"

namespace headrace::worker::github {

// Adds what came after attempt `counted` (0: nothing of the run was counted) of one run; `jobs` are those of all attempts.
void CountJobs(Value& record, const std::vector<JobSeen>& jobs, std::int64_t counted, Timestamp now);
// Once a run and attempt, however many tasks wait for it. A run that was green at once has no jobs to tell of. What cannot be
// counted is said in the task's log: it is no reason to wait again, or to fail.
void CountRun(Look& look, const Repository& repository, const RunSnapshot& run, const std::vector<JobSeen>& jobs);

inline constexpr int kFlakeDays = 90;
// Writes that there is a record of this name; the oldest make room.
void ListFlakes(Value& index, const std::string& name, Timestamp now);

struct FlakeQuery {
  std::string repository{};  // owner/name; empty: all
  std::string workflow{};    // file name; empty: all
  Duration window = std::chrono::hours(24 * 30);  // whole days, today's among them; at most kFlakeDays
};
// As people write it; an empty window is the default. Errors: INVALID_ARGUMENT names what it takes.
Result<FlakeQuery> ParseFlakeQuery(const std::string& repository, const std::string& workflow, const std::string& window);

struct FlakyJob {
  std::string connection{};
  std::string repository{};
  std::string workflow{};
  std::string job{};
  std::int64_t runs = 0;  // of the workflow
  std::int64_t fails = 0;
  std::int64_t flakes = 0;
  std::int64_t lost_ms = 0;  // in attempts that failed
  Timestamp last{};
  // The share of runs in which the job flakes, as low as 95 % certainty allows (Wilson): 1 of 2 ranks below 30 of 100.
  double rate = 0;

  Object ToObject() const;
};

// Jobs of one record that failed within the window.
std::vector<FlakyJob> FlakyJobsOf(const Value& record, Duration window, Timestamp now);
// The surest flake first; then what failed most.
Result<std::vector<FlakyJob>> ReadFlakes(EngineDoor& door, const FlakeQuery& query, Timestamp now);

}  // namespace headrace::worker::github
