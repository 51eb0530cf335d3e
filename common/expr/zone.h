// Time zones; the one home of Howard Hinnant's tz library.
// Shapes: an IANA name ("Europe/Paris"), "UTC", "Z", or an offset ("+02:00", "GMT+2").
// Units: seconds since the epoch; local seconds are what a wall clock shows, as if it were UTC.
// Errors: an unknown name is INVALID_ARGUMENT. Threads: pure after the first use loads the database (/usr/share/zoneinfo).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/error.h"

namespace headrace::expr {

struct ZoneOffset {
  int seconds = 0;
  std::string abbreviation;  // CEST, UTC
  bool daylight = false;
};

class Zone {
 public:
  static Result<Zone> Find(std::string_view name);
  static Zone Utc() { return {}; }
  static Zone Fixed(int offset_seconds);

  const std::string& name() const { return name_; }
  bool is_region() const { return region_ != nullptr; }
  ZoneOffset At(std::int64_t epoch_seconds) const;
  // A local time that is skipped moves on by the gap; of two, the earlier instant is meant (as java.time).
  std::int64_t FromLocal(std::int64_t local_seconds) const;

 private:
  std::string name_ = "UTC";
  int offset_seconds_ = 0;
  const void* region_ = nullptr;  // a date::time_zone, owned by the library for ever
};

// The zone this machine lives in: TZ, else what /etc/localtime points at, else UTC.
std::string MachineZoneName();

}  // namespace headrace::expr
