// Simulated time and chance: one seed is one history.
// Shapes: things happen in order of time, then of being planned; every step goes into a digest, so that two runs of
//   one seed can be told to be equal.
// Units: simulated microseconds since the start. Threads: one.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <utility>

#include "common/base/clock.h"
#include "common/base/hash.h"
#include "common/base/random.h"
#include "scheduler/core.h"

namespace headrace::sim {

class World {
 public:
  explicit World(std::uint64_t seed, bool trace) : random(seed), trace_(trace) {}

  Duration now() const { return now_; }
  Timestamp wall() const { return kEpoch + now_ + wall_step_; }
  scheduler::Moment moment() const { return {wall(), now_}; }
  void StepWall(Duration by) { wall_step_ += by; }

  void After(Duration delay, std::function<void()> what) {
    plan_.emplace(std::pair(now_ + std::max(delay, Duration(0)), next_++), std::move(what));
  }
  // Runs until `end`; false when nothing is planned any more.
  bool RunUntil(Duration end);
  // A line of history: into the digest, and onto stderr when tracing.
  void Note(const std::string& line);
  std::uint64_t digest() const { return digest_; }
  std::uint64_t steps() const { return steps_; }
  Duration Between(Duration low, Duration high) {
    return low + Duration(static_cast<std::int64_t>(random.Below(static_cast<std::uint64_t>((high - low).count()) + 1)));
  }

  Random random;

 private:
  static constexpr Timestamp kEpoch = FromMicros(1'790'000'000'000'000);
  const bool trace_;
  Duration now_{0};
  Duration wall_step_{0};
  std::uint64_t next_ = 0;
  std::uint64_t steps_ = 0;
  std::uint64_t digest_ = 0;
  std::map<std::pair<Duration, std::uint64_t>, std::function<void()>> plan_;
};

// The world's time for code that asks a clock.
class WorldClock final : public Clock {
 public:
  explicit WorldClock(const World& world) : world_(world) {}
  Timestamp Now() const override { return world_.wall(); }
  Duration Monotonic() const override { return world_.now(); }

 private:
  const World& world_;
};

// The clock of the store, by which leases run; schedulers' own clocks may differ and step.
class StoreClock final : public Clock {
 public:
  explicit StoreClock(const World& world) : world_(world) {}
  Timestamp Now() const override { return FromMicros(1'790'000'000'000'000) + world_.now(); }
  Duration Monotonic() const override { return world_.now(); }

 private:
  const World& world_;
};

}  // namespace headrace::sim
