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
  // How long to wait really until this much wall time has passed.
  virtual Duration RealWait(Duration wall) const { return wall; }
};

class SystemClock final : public Clock {
 public:
  Timestamp Now() const override;
  Duration Monotonic() const override;
};

// Wall time that runs `factor` times as fast as it should, so that a rehearsal of a six-hour wait takes seconds.
class ScaledClock final : public Clock {
 public:
  explicit ScaledClock(std::int64_t factor);
  Timestamp Now() const override;
  Duration Monotonic() const override { return system_.Monotonic(); }
  Duration RealWait(Duration wall) const override { return wall / factor_ + Duration(1); }

 private:
  const std::int64_t factor_;
  const SystemClock system_{};
  const Timestamp wall_start_;
  const Duration monotonic_start_;
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
