#include "worker/github/budget_report.h"

#include "worker/github/shared_state.h"

namespace headrace::worker::github {
namespace {

const Object& PartOf(const Value& record, std::string_view name) {
  static const Object kNone;
  const Value* part = Member(record, name);
  return part != nullptr && part->is_object() ? part->get_object() : kNone;
}

Object WritesOf(const Value& record, Timestamp now) {
  std::int64_t minute = 0;
  std::int64_t hour = 0;
  Timestamp next = now;
  const Value* writes = Member(record, "writes");
  for (const Value& one : writes != nullptr && writes->is_array() ? writes->get_array() : Array()) {
    if (!one.is_int64()) continue;
    const Timestamp at = FromMicros(one.get_int64());
    minute += at <= now && now - at < std::chrono::minutes(1) ? 1 : 0;
    hour += at <= now && now - at < std::chrono::hours(1) ? 1 : 0;
    next = std::max(next, at);
  }
  return {{"lastMinute", minute}, {"lastHour", hour}, {"lastTurn", next > now ? Value(json::string(FormatInstant(next))) : Value()}};
}

}  // namespace

Result<Object> ReadBudget(EngineDoor& door, const std::string& connection, Timestamp now) {
  const std::string key = "gh/" + connection + "/budget";
  ASSIGN_OR_RETURN(const Board board, ReadBoard(door, {key}));
  const Value& record = board.records.at(key);
  if (record.is_null()) return NotFound("nothing is known of a connection '" + connection + "': no task has asked GitHub by it yet");
  Array resources;
  for (const auto& [name, quota] : PartOf(record, "quota")) {
    resources.push_back(Object{{"resource", name}, {"limit", NumberAt(quota, "limit")}, {"remaining", NumberAt(quota, "remaining")},
                               {"reset", FormatInstant(FromMicros(NumberAt(quota, "reset") * 1'000'000))}});
  }
  Array pauses;
  for (const auto& [name, pause] : PartOf(record, "pause")) {
    if (TimeAt(pause, "until") <= now) continue;
    pauses.push_back(Object{{"resource", name}, {"until", FormatInstant(TimeAt(pause, "until"))}, {"why", TextAt(pause, "why")}});
  }
  return Object{{"connection", connection}, {"resources", std::move(resources)}, {"pauses", std::move(pauses)},
                {"writes", WritesOf(record, now)}};
}

}  // namespace headrace::worker::github
