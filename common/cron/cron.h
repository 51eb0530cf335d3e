// Cron expressions in a time zone: when the next tick is, and when the last one was.
// Shapes: `minute hour day month weekday`, with seconds in front where they are asked for; or @yearly @annually @monthly
//   @weekly @daily @midnight @hourly. Lists, ranges, steps, names (MON, JAN); weekday 0 and 7 are Sunday. When day and weekday are
//   both restricted, either may match, as in Unix.
// Zones: an expression that names hours ticks once a local time: one that is skipped in spring ticks at the instant the clock
//   has moved on to, one that comes twice in autumn ticks the first time only. One for every hour (`*`) follows real time.
// Units: whole seconds; other parts of a Timestamp are cut.
// Errors: INVALID_ARGUMENT that names the field and what may stand there.
// Threads: immutable. Cost: Next a few microseconds, however far the tick is.
// Source: FLOWS 4.1; FAILURES row 47.
#pragma once

#include <array>
#include <bitset>
#include <optional>
#include <string_view>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/expr/zone.h"

namespace headrace::cron {

class Cron {
 public:
  static Result<Cron> Parse(std::string_view text, bool with_seconds = false);

  // The first tick after `after`; nothing when there is none in the next years (30 February).
  std::optional<Timestamp> Next(Timestamp after, const expr::Zone& zone) const;
  // The last tick before `before`.
  std::optional<Timestamp> Previous(Timestamp before, const expr::Zone& zone) const;

 private:
  // The first local time at or after `local` that matches.
  std::optional<std::int64_t> MatchLocal(std::int64_t local) const;
  bool MatchesDay(std::int64_t day) const;
  std::optional<std::int64_t> NextInRealTime(std::int64_t after, const expr::Zone& zone) const;
  std::optional<std::int64_t> NextOnTheClock(std::int64_t after, const expr::Zone& zone) const;

  std::bitset<60> seconds_;
  std::bitset<60> minutes_;
  std::bitset<24> hours_;
  std::bitset<32> days_;
  std::bitset<13> months_;
  std::bitset<7> weekdays_;
  bool any_day_ = true;
  bool any_weekday_ = true;
};

}  // namespace headrace::cron
