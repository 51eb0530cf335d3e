// The dates of a schedule: by a cron expression in a zone, or those that it lists.
// Errors: INVALID_ARGUMENT when the expression or the zone is none. Threads: immutable.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/cron/cron.h"
#include "common/model/trigger.h"

namespace headrace::scheduler {

class Calendar {
 public:
  // `zone`: of triggers that name none. REQUIRES: the trigger is a kSchedule or kDates.
  static Result<Calendar> Of(const model::Trigger& trigger, const std::string& zone);

  std::optional<Timestamp> After(Timestamp at) const;
  std::optional<Timestamp> Before(Timestamp at) const;
  const expr::Zone& zone() const { return zone_; }

 private:
  std::optional<cron::Cron> cron_{};
  std::vector<Timestamp> dates_{};
  expr::Zone zone_ = expr::Zone::Utc();
};

}  // namespace headrace::scheduler
