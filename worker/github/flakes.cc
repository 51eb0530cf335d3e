#include "worker/github/flakes.h"

#include <algorithm>

#include "worker/github/shared_state.h"

namespace headrace::worker::github {
namespace {

constexpr Duration kKept = std::chrono::hours(24 * 180);
constexpr std::size_t kJobsMax = 500;

}  // namespace

void CountJobs(Value& record, const std::vector<JobSeen>& jobs, Timestamp now) {
  Object& root = ObjectOf(record);
  root["runs"] = NumberAt(record, "runs") + 1;
  Object& names = ObjectOf(root["jobs"]);
  const std::vector<std::string> flaky = FlakyJobs(jobs);
  for (const JobSeen& job : jobs) {
    if (!job.failed()) continue;
    if (!names.contains(job.name) && names.size() >= kJobsMax) continue;
    Value& of = names[job.name];
    const bool flake = std::find(flaky.begin(), flaky.end(), job.name) != flaky.end();
    const Duration lost = std::max<Duration>(job.completed - job.started, Duration(0));
    of = Object{{"fails", NumberAt(of, "fails") + 1},
                {"flakes", NumberAt(of, "flakes") + (flake ? 1 : 0)},
                {"lostMs", NumberAt(of, "lostMs") + std::chrono::duration_cast<std::chrono::milliseconds>(lost).count()},
                {"last", ToMicros(now)}};
  }
}

Status CountRun(Look& look, const Repository& repository, const RunSnapshot& run, const std::vector<JobSeen>& jobs) {
  const std::string counted = look.Key(repository, "counted/" + std::to_string(run.id) + "/" + std::to_string(run.attempt));
  const std::string flakes = look.Key(repository, "flakes/" + (run.workflow.empty() ? run.workflow_id : run.workflow));
  return ChangeBoard(look.door(), {counted, flakes}, [&](Board& board) -> Status {
    board.keep = kKept;
    if (!board.at(counted).is_null()) return {};
    board.at(counted) = true;
    CountJobs(board.at(flakes), jobs, look.now());
    return {};
  });
}

}  // namespace headrace::worker::github
