// Which workflow runs are news to a trigger that fires for completed ones.
// Shapes: the memo is {of, since: micros, mark: micros, seen: {"ID/ATTEMPT": micros}}: whose runs they are, since when the
//   trigger counts, the newest end that it knows of, and the ends that it has seen while they are known.
// Laws: an attempt of a run is news once, whatever GitHub changes of it later. What ended before the trigger began is none, nor
//   what ended in a repository before the trigger came to look at it. A list that is late by less than five minutes loses nothing.
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
// `of` names the repository, and the GitHub that it is on.
RunNews NewRuns(const std::string& of, const std::vector<RunSnapshot>& known, const RunFilter& filter, const Value& memo, Timestamp now);

}  // namespace headrace::worker::github
