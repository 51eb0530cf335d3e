// What is known of the workflow runs of one repository, and who waits for which: the shared record that polls, webhooks and
// waiting tasks read and change.
// Shapes: the record gh/<connection>/<owner>/<name>/runs is JSON {runs: {ID: snapshot}, watch: {ID: {until, attempt}},
//   claimed, polled, etags: {PATH: {FINGERPRINT: ETAG}}, missing: {ID: since}}; times are microseconds.
// Laws: a snapshot replaces another iff (attempt, ended, updated) is greater, so that polls, webhooks and redeliveries may
//   come in any order, any number of times. One poll an interval: whoever claims it makes it.
// Threads: pure. Source: GITHUB 5.0, 5(a).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/time.h"
#include "common/model/value.h"

namespace headrace::worker::github {

using RunId = std::int64_t;

struct RunSnapshot {
  RunId id = 0;
  std::int64_t attempt = 1;
  std::string status{};      // unknown words are neither an end nor a success
  std::string conclusion{};
  Timestamp updated{};       // by GitHub's clock
  Timestamp created{};
  Timestamp started{};       // of this attempt
  std::string title{};
  std::string event{};
  std::string branch{};      // or tag
  std::string sha{};
  std::string workflow{};    // file name of its path
  std::string workflow_id{};
  std::string url{};
  std::string actor{};       // who started it
  std::string source{};      // poll or webhook

  bool ended() const { return status == "completed"; }
  bool operator==(const RunSnapshot&) const = default;
};

// Of the JSON that GitHub's API and its webhooks share; nothing when it is no run.
std::optional<RunSnapshot> ReadRun(const Value& run, std::string_view source);
Value ToRecord(const RunSnapshot& run);
RunSnapshot FromRecord(const Value& record);
bool IsNewer(const RunSnapshot& candidate, const RunSnapshot& known);

class RunView {
 public:
  explicit RunView(Value& record) : record_(record) {}

  std::optional<RunSnapshot> Find(RunId id) const;
  std::vector<RunSnapshot> All() const;
  // True when it was news. Only the newest runs are kept, and those that are watched.
  bool Put(const RunSnapshot& run);

  // Somebody waits for the run to end in this attempt or a later one.
  void Watch(RunId id, std::int64_t attempt, Timestamp until);
  // Watched runs that have not come as far as they are waited for.
  std::vector<RunId> Open(Timestamp now) const;

  // Whether the view is so old that it is to be polled; the poll is the caller's then.
  bool Claim(Duration interval, Timestamp now);
  // When it will be.
  Timestamp NextPoll(Duration interval) const;
  void NotePolled(Timestamp now);

  std::string Etag(const std::string& path, const std::string& fingerprint) const;
  void SetEtag(const std::string& path, const std::string& fingerprint, const std::string& etag);

  // GitHub says there is no such run. True once it has said so for a minute, again and again.
  bool NoteMissing(RunId id, Timestamp now);
  bool IsGone(RunId id) const;

 private:
  void Trim();
  void ForgetOld(Timestamp now);

  Value& record_;
};

}  // namespace headrace::worker::github
