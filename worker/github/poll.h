// One poll of a repository's runs for everybody who waits for one of them.
// Place: a task that waits calls Refresh in each look; the first whose turn it is asks GitHub, tells the news, and all read
//   what it found. A poll that is lost with its worker is made again an interval later by whoever looks then.
// Shapes: up to two open runs are asked for one by one, more with one list; each conditionally, so that what has not changed
//   costs nothing.
// Errors: as the client's. Threads: the task's. Source: GITHUB 5(a).
#pragma once

#include <optional>
#include <string>

#include "worker/github/look.h"
#include "worker/github/run_view.h"

namespace headrace::worker::github {

// The topic of those who wait for a run of this repository; their key is KeyOf the run.
std::string TopicOf(const Look& look, const Repository& repository);
std::string KeyOf(RunId id);
// Of the shared record of RunView.
std::string ViewKey(const Look& look, const Repository& repository);
// The same for "owner/name", of a connection that is known by its name alone.
std::string ViewKey(std::string_view connection, const std::string& repository);
inline constexpr Duration kViewKept = std::chrono::hours(24 * 40);

struct Waited {
  RunId id = 0;
  std::int64_t attempt = 1;  // that is waited for
  Timestamp until{};         // how long at most
  bool any = false;          // for a run that has not been seen: the list is wanted, whatever is open
};

struct Refreshed {
  std::optional<RunSnapshot> run{};
  bool gone = false;           // it has been deleted
  std::vector<RunSnapshot> all{};  // of `any`
  Timestamp next{};            // when the next poll is due
  Duration interval{};
};

Result<Refreshed> Refresh(Look& look, const Repository& repository, const Waited& waited, Duration interval);
// What was learned of a run otherwise: by asking for it, or because we changed it.
Status Tell(Look& look, const Repository& repository, const RunSnapshot& run);
// Asks for one run now. Nothing when there is none.
Result<std::optional<RunSnapshot>> AskRun(Look& look, const Repository& repository, RunId id);

}  // namespace headrace::worker::github
