#include "common/cron/cron.h"

#include <algorithm>
#include <chrono>

namespace headrace::cron {
namespace {

constexpr std::int64_t kDaySeconds = 24 * 60 * 60;
// Longer than the longest wait of any expression: 29 February on a weekday, over a century without a leap year.
constexpr std::int64_t kHorizonDays = 366 * 41;

std::int64_t FloorDay(std::int64_t seconds) {
  return seconds / kDaySeconds - (seconds % kDaySeconds < 0 ? 1 : 0);
}

template <std::size_t N>
std::optional<std::size_t> NextSet(const std::bitset<N>& set, std::size_t from) {
  for (std::size_t i = from; i < N; ++i) {
    if (set[i]) return i;
  }
  return std::nullopt;
}

std::chrono::year_month_day DateOf(std::int64_t day) {
  return std::chrono::year_month_day{std::chrono::sys_days(std::chrono::days(day))};
}

std::int64_t FirstOfNextMonth(const std::chrono::year_month_day& date) {
  const auto next = date.year() / date.month() / std::chrono::day(1) + std::chrono::months(1);
  return std::chrono::sys_days(next).time_since_epoch().count();
}

// The first second after `from` at which the zone's offset is another than at `from`; REQUIRES: at `to` it is another.
std::int64_t ChangeBetween(std::int64_t from, std::int64_t to, const expr::Zone& zone) {
  const int offset = zone.At(from).seconds;
  while (to - from > 1) {
    const std::int64_t middle = from + (to - from) / 2;
    (zone.At(middle).seconds == offset ? from : to) = middle;
  }
  return to;
}

}  // namespace

bool Cron::MatchesDay(std::int64_t day) const {
  const std::chrono::year_month_day date = DateOf(day);
  const std::chrono::weekday weekday{std::chrono::sys_days(std::chrono::days(day))};
  const bool by_day = days_[static_cast<unsigned>(date.day())];
  const bool by_weekday = weekdays_[weekday.c_encoding()];
  if (any_day_ || any_weekday_) return by_day && by_weekday;
  return by_day || by_weekday;
}

std::optional<std::int64_t> Cron::MatchLocal(std::int64_t local) const {
  std::int64_t day = FloorDay(local);
  std::int64_t of_day = local - day * kDaySeconds;
  const std::int64_t last = day + kHorizonDays;
  while (day <= last) {
    const std::chrono::year_month_day date = DateOf(day);
    if (!months_[static_cast<unsigned>(date.month())]) {
      day = FirstOfNextMonth(date);
      of_day = 0;
      continue;
    }
    if (MatchesDay(day)) {
      std::size_t minute = static_cast<std::size_t>(of_day / 60 % 60);
      std::size_t second = static_cast<std::size_t>(of_day % 60);
      for (auto hour = NextSet(hours_, static_cast<std::size_t>(of_day / 3600)); hour; hour = NextSet(hours_, *hour + 1)) {
        if (static_cast<std::int64_t>(*hour) > of_day / 3600) minute = second = 0;
        for (auto found = NextSet(minutes_, minute); found; found = NextSet(minutes_, *found + 1)) {
          if (*found > minute) second = 0;
          const auto at = NextSet(seconds_, second);
          if (at) return day * kDaySeconds + static_cast<std::int64_t>(*hour * 3600 + *found * 60 + *at);
          second = 0;
        }
        minute = second = 0;
      }
    }
    ++day;
    of_day = 0;
  }
  return std::nullopt;
}

std::optional<std::int64_t> Cron::NextInRealTime(std::int64_t after, const expr::Zone& zone) const {
  std::int64_t from = after + 1;
  while (true) {
    const int offset = zone.At(from).seconds;
    const std::optional<std::int64_t> local = MatchLocal(from + offset);
    if (!local) return std::nullopt;
    const std::int64_t instant = *local - offset;
    if (zone.At(instant).seconds == offset) return instant;
    from = ChangeBetween(from, instant, zone);
  }
}

std::optional<std::int64_t> Cron::NextOnTheClock(std::int64_t after, const expr::Zone& zone) const {
  std::int64_t local = after + zone.At(after).seconds;
  while (true) {
    const std::optional<std::int64_t> found = MatchLocal(local + 1);
    if (!found) return std::nullopt;
    local = *found;
    std::int64_t instant = zone.FromLocal(local);
    // A local time that is skipped: the clock moves on by the gap, at the change itself.
    if (instant + zone.At(instant).seconds != local) instant = ChangeBetween(instant - kDaySeconds, instant, zone);
    if (instant > after) return instant;
  }
}

std::optional<Timestamp> Cron::Next(Timestamp after, const expr::Zone& zone) const {
  const std::int64_t seconds = std::chrono::floor<std::chrono::seconds>(after).time_since_epoch().count();
  const auto next = hours_.all() ? NextInRealTime(seconds, zone) : NextOnTheClock(seconds, zone);
  if (!next) return std::nullopt;
  return Timestamp(std::chrono::seconds(*next));
}

std::optional<Timestamp> Cron::Previous(Timestamp before, const expr::Zone& zone) const {
  // A window that doubles until it holds a tick holds few.
  for (std::int64_t window = 64; window <= kHorizonDays * kDaySeconds; window *= 2) {
    std::optional<Timestamp> last;
    for (auto tick = Next(before - std::chrono::seconds(window), zone); tick && *tick < before; tick = Next(*tick, zone)) {
      last = tick;
    }
    if (last) return last;
  }
  return std::nullopt;
}

}  // namespace headrace::cron
