#include "worker/github/budget.h"

#include <algorithm>
#include <vector>

#include "worker/github/shared_state.h"

namespace headrace::worker::github {
namespace {

using std::chrono::seconds;

constexpr Duration kBetweenWrites = seconds(1);
constexpr Duration kMinute = seconds(60);
constexpr Duration kHour = seconds(3600);
constexpr Duration kTurnHolds = seconds(60);
// So long nobody else tries, whatever becomes of who does.
constexpr Duration kProbeHolds = seconds(90);
constexpr Duration kLongestPause = std::chrono::minutes(32);
constexpr std::string_view kAll = "all";

Object& Room(Value& record, std::string_view name) {
  Value& room = ObjectOf(record)[name];
  return ObjectOf(room);
}

// Nothing when no pause stands in the way. The first after a pause is sent ahead alone.
std::optional<Admission> HoldPause(Value& record, const std::string& name, Timestamp now) {
  const Value* found = AtPath(record, "pause." + name);
  if (found == nullptr) return std::nullopt;
  const std::string why = TextAt(*found, "why");
  const Timestamp until = TimeAt(*found, "until");
  if (until > now) return Admission{.due = until, .why = why};
  if (TimeAt(*found, "probe") > now) return Admission{.due = std::min(TimeAt(*found, "probe"), now + seconds(5)), .why = why};
  Room(record, "pause")[name].as_object()["probe"] = ToMicros(now + kProbeHolds);
  return std::nullopt;
}

std::optional<Admission> HoldQuota(const Value& record, const Allowance& allowance, const Wish& wish, Timestamp now) {
  const Value* found = AtPath(record, "quota." + wish.resource);
  if (found == nullptr) return std::nullopt;
  const Timestamp reset = FromMicros(NumberAt(*found, "reset") * 1'000'000);
  if (reset <= now) return std::nullopt;
  const auto limit = static_cast<double>(NumberAt(*found, "limit"));
  const auto reserve = wish.writes ? 0 : static_cast<std::int64_t>(limit * allowance.reserve);
  if (NumberAt(*found, "remaining") > reserve) return std::nullopt;
  return Admission{.due = reset + seconds(1), .why = wish.writes ? "the quota of GitHub is spent" : "what is left of GitHub's quota is kept for writes"};
}

std::vector<Timestamp> WritesOf(const Value& record, Timestamp now) {
  std::vector<Timestamp> writes;
  if (const Value* list = Member(record, "writes"); list != nullptr && list->is_array()) {
    for (const Value& at : list->get_array()) {
      if (!at.is_int64()) continue;
      const Timestamp time = FromMicros(at.get_int64());
      if (time > now - kHour) writes.push_back(time);
    }
  }
  return writes;
}

// The first moment with room in every window: each is full from its oldest write that counts until that one is out of it.
Timestamp FirstTurn(const std::vector<Timestamp>& writes, const Allowance& allowance, Timestamp now) {
  Timestamp turn = now;
  const auto keep = [&](Duration window, std::int64_t most) {
    if (static_cast<std::int64_t>(writes.size()) >= most)
      turn = std::max(turn, writes[writes.size() - static_cast<std::size_t>(most)] + window);
  };
  keep(kBetweenWrites, 1);
  keep(kMinute, allowance.writes_per_minute);
  keep(kHour, allowance.writes_per_hour);
  return turn;
}

Admission TakeTurn(Value& record, const Allowance& allowance, const Wish& wish, Timestamp now) {
  if (wish.turn && *wish.turn > now) return {.due = *wish.turn, .turn = wish.turn, .why = "its turn to write has not come"};
  if (wish.turn && now - *wish.turn < kTurnHolds) return {.go = true, .due = now};
  std::vector<Timestamp> writes = WritesOf(record, now);
  const Timestamp turn = FirstTurn(writes, allowance, now);
  writes.push_back(turn);
  Array list;
  for (const Timestamp at : writes) list.push_back(ToMicros(at));
  ObjectOf(record)["writes"] = std::move(list);
  if (turn <= now) return {.go = true, .due = now};
  return {.due = turn, .turn = turn, .why = "its turn to write has not come"};
}

void NoteQuota(Value& record, const Quota& quota) {
  Value& room = Room(record, "quota")[quota.resource];
  const std::int64_t known = NumberAt(room, "reset", -1);
  if (known > quota.reset_s) return;
  std::int64_t remaining = quota.remaining;
  if (known == quota.reset_s) remaining = std::min(remaining, NumberAt(room, "remaining", remaining));
  room = Object{{"limit", quota.limit}, {"remaining", remaining}, {"reset", quota.reset_s}};
}

// Retry-After, else the reset, else a minute that doubles each time. A limit that is told to requests which were on their
// way when the pause began is the same limit, not a new one.
void NotePause(Value& record, const std::string& resource, const HttpAnswer& answer, Timestamp sent, Timestamp now) {
  const bool primary = MeaningOf(answer) == Meaning::kPrimary;
  const std::string name = primary ? resource : std::string(kAll);
  Value& pause = Room(record, "pause")[name];
  const bool again = !pause.is_object() || sent >= TimeAt(pause, "until");
  const std::int64_t strikes = NumberAt(pause, "strikes") + (again ? 1 : 0);
  Timestamp until = now + std::min<Duration>(kMinute * (1LL << std::min<std::int64_t>(strikes - 1, 10)), kLongestPause);
  if (const auto told = RetryAfterOf(answer)) until = now + std::max<Duration>(*told, seconds(1));
  else if (const auto quota = QuotaOf(answer); primary && quota) until = FromMicros(quota->reset_s * 1'000'000) + seconds(1);
  pause = Object{{"until", ToMicros(std::max(until, TimeAt(pause, "until")))},
                 {"strikes", strikes},
                 {"why", primary ? "GitHub's rate limit is reached" : "GitHub's secondary rate limit is reached"}};
}

void ForgetPause(Value& record, const std::string& name, Timestamp sent) {
  Object& pauses = Room(record, "pause");
  const Value* pause = pauses.if_contains(name);
  if (pause != nullptr && sent >= TimeAt(*pause, "until")) pauses.erase(name);
}

}  // namespace

Admission Admit(Value& record, const Allowance& allowance, const Wish& wish, Timestamp now) {
  const Value before = record;
  for (const std::string& name : {std::string(kAll), wish.resource}) {
    if (auto held = HoldPause(record, name, now)) {
      record = before;
      return *held;
    }
  }
  auto held = HoldQuota(record, allowance, wish, now);
  if (held) record = before;
  if (held) return *held;
  if (!wish.writes) return {.go = true, .due = now};
  // A turn is taken while nothing else stands in the way: a probe that must wait for its turn lets another one try.
  Admission admission = TakeTurn(record, allowance, wish, now);
  if (!admission.go && record.is_object() && before.is_object()) {
    if (const Value* pauses = Member(before, "pause")) ObjectOf(record)["pause"] = *pauses;
  }
  return admission;
}

void NoteAnswer(Value& record, const std::string& resource, const HttpAnswer& answer, Timestamp sent, Timestamp now) {
  const Meaning meaning = MeaningOf(answer);
  if (const auto quota = QuotaOf(answer)) NoteQuota(record, *quota);
  if (meaning == Meaning::kPrimary || meaning == Meaning::kSecondary) return NotePause(record, resource, answer, sent, now);
  if (meaning == Meaning::kTrouble || Member(record, "pause") == nullptr) return;
  for (const std::string& name : {std::string(kAll), resource}) ForgetPause(record, name, sent);
}

Duration Spacing(const Value& record, const std::string& resource, Timestamp now) {
  const Value* quota = AtPath(record, "quota." + resource);
  if (quota == nullptr) return {};
  const Timestamp reset = FromMicros(NumberAt(*quota, "reset") * 1'000'000);
  if (reset <= now) return {};
  // Half of what is left: others use it, too.
  const std::int64_t share = std::max<std::int64_t>(1, NumberAt(*quota, "remaining") / 2);
  return (reset - now) / share;
}

}  // namespace headrace::worker::github
