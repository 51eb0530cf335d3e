// How long a loop has been at what it does now, for whoever asks from outside whether it hangs.
// Threads: one begins and ends, any asks.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>

#include "common/base/time.h"

namespace headrace {

class WorkWatch {
 public:
  void Begin() { since_ = Steady::now().time_since_epoch().count(); }
  void End() { since_ = 0; }
  // Nothing while it waits.
  Duration Spent() const {
    const Steady::rep since = since_.load();
    if (since == 0) return Duration(0);
    const auto spent = Steady::now().time_since_epoch() - Steady::duration(since);
    return std::max(std::chrono::duration_cast<Duration>(spent), Duration(0));
  }

 private:
  using Steady = std::chrono::steady_clock;
  std::atomic<Steady::rep> since_{0};
};

}  // namespace headrace
