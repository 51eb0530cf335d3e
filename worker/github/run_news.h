// Which workflow runs are news to a trigger that fires for completed ones.
// Shapes: the memo is {since: micros, mark: micros, seen: {"ID/ATTEMPT": micros}}: since when the trigger counts, the newest
//   end that it knows of, and the runs that it has fired for of the last minutes before that.
// Laws: an attempt of a run is news once. What ended before the trigger began is none. A list that is late by less than
//   five minutes loses nothing.
// Units: times of runs are GitHub's clock. Threads: pure. Source: GITHUB 2.1.
#pragma once

#include <string>
#include <vector>

#include "worker/github/run_view.h"

namespace headrace::worker::github {

// Empty lists: whatever it is. Branches and workflows may be patterns (`releases/*`).
struct RunFilter {
  std::vector<std::string> workflows{};  // file names or ids
  std::vector<std::string> branches{};
  std::vector<std::string> events{};
  std::vector<std::string> actors{};
  std::vector<std::string> conclusions{};
};

struct RunNews {
  std::vector<RunSnapshot> runs{};  // in the order in which they ended
  Value memo{};
};

bool Admits(const RunFilter& filter, const RunSnapshot& run);
RunNews NewRuns(const std::vector<RunSnapshot>& known, const RunFilter& filter, const Value& memo, Timestamp now);

}  // namespace headrace::worker::github
