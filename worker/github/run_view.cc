#include "worker/github/run_view.h"

#include <algorithm>
#include <tuple>

#include "worker/github/json_parts.h"
#include "worker/github/shared_state.h"

namespace headrace::worker::github {
namespace {

constexpr std::size_t kRunsMax = 200;
constexpr std::size_t kTitleMax = 120;
constexpr std::size_t kFingerprintsMax = 16;
constexpr Duration kForgetAfter = std::chrono::hours(1);
constexpr Duration kGoneAfter = std::chrono::seconds(60);

Object& Room(Value& record, std::string_view name) { return ObjectOf(ObjectOf(record)[name]); }

const Object* RoomOf(const Value& record, std::string_view name) {
  const Value* room = Member(record, name);
  return room == nullptr ? nullptr : room->if_object();
}

// ".github/workflows/main.yml@refs/heads/x" to "main.yml".
std::string FileOf(std::string path) {
  path = path.substr(0, path.find('@'));
  return path.substr(path.rfind('/') + 1);
}

// Not in the middle of a character: the record would be no JSON.
std::string CutTitle(const std::string& title) {
  if (title.size() <= kTitleMax) return title;
  std::size_t cut = kTitleMax;
  while (cut > 0 && (static_cast<unsigned char>(title[cut]) & 0xC0U) == 0x80U) --cut;
  return title.substr(0, cut);
}

RunId IdOf(std::string_view text) {
  RunId id = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return 0;
    id = id * 10 + (c - '0');
  }
  return id;
}

}  // namespace

std::optional<RunSnapshot> ReadRun(const Value& run, std::string_view source) {
  RunSnapshot to{.id = NumberAt(run, "id")};
  if (to.id <= 0) return std::nullopt;
  to.attempt = std::max<std::int64_t>(1, NumberAt(run, "run_attempt", 1));
  to.status = TextAt(run, "status");
  to.conclusion = TextAt(run, "conclusion");
  to.updated = InstantAt(run, "updated_at");
  to.created = InstantAt(run, "created_at");
  to.started = InstantAt(run, "run_started_at");
  to.title = TextAt(run, "display_title");
  to.event = TextAt(run, "event");
  to.branch = TextAt(run, "head_branch");
  to.sha = TextAt(run, "head_sha");
  to.workflow = FileOf(TextAt(run, "path"));
  to.workflow_id = TextAt(run, "workflow_id");
  to.url = TextAt(run, "html_url");
  if (const Value* actor = Member(run, "actor")) to.actor = TextAt(*actor, "login");
  to.source = source;
  return to;
}

Value ToRecord(const RunSnapshot& run) {
  return Object{{"id", run.id}, {"attempt", run.attempt}, {"status", run.status}, {"conclusion", run.conclusion},
                {"updated", ToMicros(run.updated)}, {"created", ToMicros(run.created)}, {"started", ToMicros(run.started)},
                {"title", CutTitle(run.title)}, {"event", run.event}, {"branch", run.branch}, {"sha", run.sha},
                {"workflow", run.workflow}, {"workflowId", run.workflow_id}, {"url", run.url}, {"actor", run.actor},
                {"source", run.source}};
}

RunSnapshot FromRecord(const Value& record) {
  return {.id = NumberAt(record, "id"), .attempt = NumberAt(record, "attempt", 1), .status = TextAt(record, "status"),
          .conclusion = TextAt(record, "conclusion"), .updated = TimeAt(record, "updated"), .created = TimeAt(record, "created"),
          .started = TimeAt(record, "started"), .title = TextAt(record, "title"), .event = TextAt(record, "event"),
          .branch = TextAt(record, "branch"), .sha = TextAt(record, "sha"), .workflow = TextAt(record, "workflow"),
          .workflow_id = TextAt(record, "workflowId"), .url = TextAt(record, "url"), .actor = TextAt(record, "actor"), .source = TextAt(record, "source")};
}

bool IsNewer(const RunSnapshot& candidate, const RunSnapshot& known) {
  return std::make_tuple(candidate.attempt, candidate.ended(), candidate.updated) >
         std::make_tuple(known.attempt, known.ended(), known.updated);
}

std::optional<RunSnapshot> RunView::Find(RunId id) const {
  const Object* runs = RoomOf(record_, "runs");
  const Value* found = runs == nullptr ? nullptr : runs->if_contains(std::to_string(id));
  if (found == nullptr) return std::nullopt;
  return FromRecord(*found);
}

std::vector<RunSnapshot> RunView::All() const {
  std::vector<RunSnapshot> all;
  if (const Object* runs = RoomOf(record_, "runs")) {
    for (const auto& [id, run] : *runs) all.push_back(FromRecord(run));
  }
  return all;
}

bool RunView::Put(const RunSnapshot& run) {
  const auto known = Find(run.id);
  if (known && !IsNewer(run, *known)) return false;
  Room(record_, "runs")[std::to_string(run.id)] = ToRecord(run);
  Room(record_, "missing").erase(std::to_string(run.id));
  Trim();
  return true;
}

// Ids rise with time: the smallest are the oldest.
void RunView::Trim() {
  Object& runs = Room(record_, "runs");
  const Object* watch = RoomOf(record_, "watch");
  while (runs.size() > kRunsMax) {
    auto oldest = runs.end();
    for (auto at = runs.begin(); at != runs.end(); ++at) {
      if (watch != nullptr && watch->contains(at->key())) continue;
      if (oldest == runs.end() || IdOf(at->key()) < IdOf(oldest->key())) oldest = at;
    }
    if (oldest == runs.end()) return;
    runs.erase(oldest);
  }
}

void RunView::Watch(RunId id, std::int64_t attempt, Timestamp until) {
  Value& watch = Room(record_, "watch")[std::to_string(id)];
  watch = Object{{"attempt", std::max(attempt, NumberAt(watch, "attempt", 1))},
                 {"until", std::max(ToMicros(until), NumberAt(watch, "until"))}};
}

std::vector<RunId> RunView::Open(Timestamp now) const {
  std::vector<RunId> open;
  const Object* watch = RoomOf(record_, "watch");
  if (watch == nullptr) return open;
  for (const auto& [key, wish] : *watch) {
    if (TimeAt(wish, "until") <= now) continue;
    const RunId id = IdOf(key);
    const auto run = Find(id);
    if (run && run->ended() && run->attempt >= NumberAt(wish, "attempt", 1)) continue;
    if (!IsGone(id)) open.push_back(id);
  }
  return open;
}

bool RunView::Claim(Duration interval, Timestamp now) {
  if (NextPoll(interval) > now) return false;
  ObjectOf(record_)["claimed"] = ToMicros(now);
  return true;
}

// A moment less than the interval: timers that come a little early are not to wait a whole one more.
Timestamp RunView::NextPoll(Duration interval) const {
  return std::max(TimeAt(record_, "claimed"), TimeAt(record_, "polled")) + interval - interval / 10;
}

void RunView::NotePolled(Timestamp now) {
  ObjectOf(record_)["polled"] = ToMicros(now);
  ForgetOld(now);
}

// Nobody says that they wait no more, for who is killed cannot: what has come as far as it was waited for is forgotten later.
void RunView::ForgetOld(Timestamp now) {
  Object& watch = Room(record_, "watch");
  for (auto at = watch.begin(); at != watch.end();) {
    const auto run = Find(IdOf(at->key()));
    const bool come = run && run->ended() && run->attempt >= NumberAt(at->value(), "attempt", 1) && run->updated + kForgetAfter < now;
    at = come || TimeAt(at->value(), "until") <= now ? watch.erase(at) : at + 1;
  }
  Object& missing = Room(record_, "missing");
  for (auto at = missing.begin(); at != missing.end();)
    at = TimeAt(at->value(), "since") + 24 * kForgetAfter < now ? missing.erase(at) : at + 1;
}

std::string RunView::Etag(const std::string& path, const std::string& fingerprint) const {
  const Object* etags = RoomOf(record_, "etags");
  const Value* of = etags == nullptr ? nullptr : etags->if_contains(path);
  return of == nullptr ? std::string() : TextAt(*of, fingerprint);
}

// Only the path that is polled now is worth its room.
void RunView::SetEtag(const std::string& path, const std::string& fingerprint, const std::string& etag) {
  Object& etags = Room(record_, "etags");
  if (etags.size() > 8 && !etags.contains(path)) etags.clear();
  Object& of = ObjectOf(etags[path]);
  if (of.size() >= kFingerprintsMax && !of.contains(fingerprint)) of.clear();
  of[fingerprint] = etag;
}

bool RunView::NoteMissing(RunId id, Timestamp now) {
  Object& missing = Room(record_, "missing");
  Value& since = missing[std::to_string(id)];
  if (!since.is_object()) since = Object{{"since", ToMicros(now)}};
  if (now - TimeAt(since, "since") >= kGoneAfter) since.as_object()["gone"] = true;
  return since.as_object().contains("gone");
}

bool RunView::IsGone(RunId id) const {
  const Object* missing = RoomOf(record_, "missing");
  const Value* of = missing == nullptr ? nullptr : missing->if_contains(std::to_string(id));
  return of != nullptr && Member(*of, "gone") != nullptr;
}

}  // namespace headrace::worker::github
