// Whether GitHub's webhooks bring the ends of a repository's runs: then polls are only a net, and may be rare.
// Shapes: `hooks` of the record that RunView keeps: {streak, missed, owed: {"ID/ATTEMPT": since}}. An end that a poll finds
//   first is owed a delivery, which may still come; one that does not come is missed.
// Threads: pure. Source: GITHUB 5(b).
#pragma once

#include <vector>

#include "common/base/time.h"
#include "worker/github/run_view.h"

namespace headrace::worker::github {

inline constexpr Duration kPollBesideHooks = std::chrono::minutes(2);

// A webhook tells that a run has ended; `news`: that was not known. What was known and is not owed comes again.
void NoteDelivered(Value& view, const RunSnapshot& run, bool news);
// What a poll found goes into the view. An end counts as found when somebody waits for it (`watched`), or when the run was known
// to go on: of others nobody knows whether hooks told their end before the view forgot them. True when it was news.
bool PutFound(Value& view, const RunSnapshot& run, const std::vector<RunId>& watched, Timestamp now);
// A poll finds an end that was not known.
void NoteFound(Value& view, const RunSnapshot& run, Timestamp now);
// After a poll: what was owed for too long is missed.
void NoteMissed(Value& view, Timestamp now);
// The last twenty ends were delivered, and none was missed for an hour.
bool HooksBringEnds(const Value& view, Timestamp now);

}  // namespace headrace::worker::github
