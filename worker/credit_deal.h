// How many of the free slots each scheduler is shown: all of them while nobody had to be turned away, else a share.
// Shapes: places are the welcomed links in order; shares of one moment never sum up to more than what is free.
// Units: `now` is monotonic. Threads: values. Source: docs/protocol.md, "Several schedulers".
#pragma once

#include <cstdint>

#include "common/base/time.h"

namespace headrace::worker {

class CreditDeal {
 public:
  static constexpr Duration kNever = Duration::max();

  // An assignment was turned away for want of a slot: from now on slots are dealt, for three leases.
  void OnTurnedAway(Duration now, Duration lease, Duration heartbeat);
  // One of them used a slot: the next one that is left over is another's.
  void OnTaken(std::size_t place, Duration now);
  // What is left over and was not used for a turn goes to the next ones; the deal may be over. Whether shares may have changed.
  bool OnTick(Duration now, std::size_t places, std::uint32_t free_slots);
  std::uint32_t Share(std::size_t place, std::size_t places, std::uint32_t free_slots) const;
  Duration NextWake() const { return dealing_ ? next_turn_ : kNever; }
  bool dealing() const { return dealing_; }

 private:
  bool dealing_ = false;
  Duration until_{};
  Duration turn_{};
  Duration next_turn_{};
  std::size_t first_ = 0;  // the place that is served first with what is left over
};

}  // namespace headrace::worker
