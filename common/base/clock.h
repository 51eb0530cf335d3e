// The Clock seam: the only way to ask for the time. The executor has none: its time comes with the event.
// Threads: SystemClock from any thread; ManualClock belongs to the test or simulator that moves it.
#pragma once

#include "common/base/time.h"

namespace headrace {

class Clock {
 public:
  virtual ~Clock() = default;
  // Wall time; may step.
  virtual Timestamp Now() const = 0;
  // Time since some fixed point; never steps back. Leases and timeouts use this.
  virtual Duration Monotonic() const = 0;
};

class SystemClock final : public Clock {
 public:
  Timestamp Now() const override;
  Duration Monotonic() const override;
};

// Moves when told.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(Timestamp start = FromMicros(1'700'000'000'000'000)) : now_(start) {}
  Timestamp Now() const override { return now_; }
  Duration Monotonic() const override { return monotonic_; }
  void Advance(Duration by) { now_ += by; monotonic_ += by; }
  // Steps wall time only, as an operator or NTP may.
  void StepWall(Duration by) { now_ += by; }

 private:
  Timestamp now_;
  Duration monotonic_{0};
};

}  // namespace headrace
