// A trigger at rest: what it needs to tick without its flow, and how far it has come. One row a trigger.
// Shapes: what the flow says (of `revision`) first, then what has happened. A tick is named by its date.
// Units: UTC microseconds; dates of schedules are whole seconds.
// Threads: values. Source: FLOWS 4.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/ids.h"
#include "common/model/flow.h"
#include "common/model/state.h"

namespace headrace::model {

struct TriggerName {
  std::string ns;
  std::string flow_id;
  std::string id;
  std::string str() const { return ns + "/" + flow_id + "/" + id; }
  auto operator<=>(const TriggerName&) const = default;
};

// kOther: of a type that nothing here starts.
enum class TriggerKind : std::uint8_t { kOther, kSchedule, kDates, kWebhook, kFlow, kPolling };
// Of dates that passed while nobody could tick: each, the last one, or none.
enum class MissedPolicy : std::uint8_t { kAll, kLast, kNone };

// The past (or a part of it) once more, one date after the other.
struct Backfill {
  Timestamp start{};
  Timestamp end{};
  Timestamp current{};  // the next date to run
  Timestamp created{};  // tells it from other backfills of the same dates
  bool paused = false;
  Object inputs{};
  std::vector<Label> labels{};
  bool operator==(const Backfill&) const = default;
};

// One of several conditions that a flow trigger waits for has been met.
struct MetCondition {
  std::string window;     // the id of the preconditions or MultipleCondition
  std::string condition;  // its place there
  Timestamp at{};
  ExecutionId execution{};
  bool operator==(const MetCondition&) const = default;
};

struct WindowStart {
  std::string window;
  Timestamp start{};
  bool operator==(const WindowStart&) const = default;
};

struct Trigger {
  TriggerName name;
  TriggerKind kind = TriggerKind::kOther;
  std::string type;
  int revision = 0;  // of the flow that said what follows
  bool off = false;  // disabled there, or its flow is
  std::string cron{};
  bool with_seconds = false;
  std::string zone{};  // empty: the scheduler's
  std::vector<Timestamp> dates{};  // rising
  MissedPolicy missed = MissedPolicy::kAll;
  std::optional<Duration> late_max{};
  bool allow_concurrent = false;
  std::vector<State> stop_after{};
  Duration interval{0};  // of kPolling: from one look to the next

  bool disabled = false;  // by a person, a task, or stopAfter
  std::optional<Timestamp> next{};
  std::optional<Timestamp> last{};  // the last date that was dealt with
  std::optional<ExecutionId> execution{};  // runs: the next one waits for its end
  std::optional<Timestamp> locked_since{};
  std::optional<Backfill> backfill{};
  std::vector<MetCondition> met{};
  std::vector<WindowStart> windows{};
  std::string problem{};  // why the last tick started nothing, for people
  std::string memo{};     // of kPolling: JSON that the last look left for the next; no secrets
  bool operator==(const Trigger&) const = default;
};

}  // namespace headrace::model
