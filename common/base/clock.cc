#include "common/base/clock.h"

namespace headrace {

Timestamp SystemClock::Now() const {
  return std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now());
}

Duration SystemClock::Monotonic() const {
  return std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch());
}

ScaledClock::ScaledClock(std::int64_t factor)
    : factor_(factor < 1 ? 1 : factor), wall_start_(system_.Now()), monotonic_start_(system_.Monotonic()) {}

Timestamp ScaledClock::Now() const { return wall_start_ + (Monotonic() - monotonic_start_) * factor_; }

}  // namespace headrace
