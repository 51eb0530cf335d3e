#include "worker/github/hook_health.h"

#include <algorithm>

#include "worker/github/shared_state.h"

namespace headrace::worker::github {
namespace {

constexpr std::int64_t kStreak = 20;
constexpr Duration kDistrust = std::chrono::hours(1);
constexpr Duration kOwedFor = std::chrono::seconds(30);
constexpr std::size_t kOwedMax = 100;

std::string NameOf(const RunSnapshot& run) { return std::to_string(run.id) + '/' + std::to_string(run.attempt); }

Object& Hooks(Value& view) { return ObjectOf(ObjectOf(view)["hooks"]); }

}  // namespace

void NoteDelivered(Value& view, const RunSnapshot& run, bool news) {
  Object& hooks = Hooks(view);
  const bool owed = ObjectOf(hooks["owed"]).erase(NameOf(run)) > 0;
  if (!news && !owed) return;
  const Value* streak = hooks.if_contains("streak");
  hooks["streak"] = std::min((streak != nullptr && streak->is_int64() ? streak->get_int64() : 0) + 1, kStreak);
}

bool PutFound(Value& view, const RunSnapshot& run, const std::vector<RunId>& watched, Timestamp now) {
  RunView runs(view);
  const auto before = runs.Find(run.id);
  if (!runs.Put(run)) return false;
  const bool awaited = (before && !before->ended()) || std::find(watched.begin(), watched.end(), run.id) != watched.end();
  if (run.ended() && awaited) NoteFound(view, run, now);
  return true;
}

void NoteFound(Value& view, const RunSnapshot& run, Timestamp now) {
  Object& owed = ObjectOf(Hooks(view)["owed"]);
  if (owed.size() < kOwedMax) owed.emplace(NameOf(run), ToMicros(now));
}

void NoteMissed(Value& view, Timestamp now) {
  const Value* hooks = Member(view, "hooks");
  if (hooks == nullptr || Member(*hooks, "owed") == nullptr) return;
  Object& owed = ObjectOf(Hooks(view)["owed"]);
  const std::size_t before = owed.size();
  for (auto at = owed.begin(); at != owed.end();) {
    const bool waits = at->value().is_int64() && FromMicros(at->value().get_int64()) + kOwedFor > now;
    at = waits ? at + 1 : owed.erase(at);
  }
  if (owed.size() == before) return;
  Hooks(view)["streak"] = 0;
  Hooks(view)["missed"] = ToMicros(now);
}

bool HooksBringEnds(const Value& view, Timestamp now) {
  const Value* hooks = Member(view, "hooks");
  return hooks != nullptr && NumberAt(*hooks, "streak") >= kStreak && TimeAt(*hooks, "missed") + kDistrust <= now;
}

}  // namespace headrace::worker::github
