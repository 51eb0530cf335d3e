#include "scheduler/triggers/calendar.h"

#include <algorithm>

namespace headrace::scheduler {

Result<Calendar> Calendar::Of(const model::Trigger& trigger, const std::string& zone) {
  Calendar calendar;
  ASSIGN_OR_RETURN(calendar.zone_, expr::Zone::Find(trigger.zone.empty() ? zone : trigger.zone));
  if (trigger.kind == model::TriggerKind::kSchedule) {
    ASSIGN_OR_RETURN(calendar.cron_, cron::Cron::Parse(trigger.cron, trigger.with_seconds));
  }
  calendar.dates_ = trigger.dates;
  return calendar;
}

std::optional<Timestamp> Calendar::After(Timestamp at) const {
  if (cron_) return cron_->Next(at, zone_);
  const auto date = std::upper_bound(dates_.begin(), dates_.end(), at);
  return date == dates_.end() ? std::nullopt : std::optional(*date);
}

std::optional<Timestamp> Calendar::Before(Timestamp at) const {
  if (cron_) return cron_->Previous(at, zone_);
  const auto date = std::lower_bound(dates_.begin(), dates_.end(), at);
  return date == dates_.begin() ? std::nullopt : std::optional(*std::prev(date));
}

}  // namespace headrace::scheduler
