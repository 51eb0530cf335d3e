// The timers of a process in due order. The rows in the store are the truth; this is what is looked at.
// Units: UTC. Threads: loop thread only. Cost: O(log n) a change, nothing while waiting.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "common/base/ids.h"
#include "common/model/event.h"

namespace headrace::scheduler {

struct ArmedTimer {
  Timestamp due{};
  ExecutionId execution;
  model::TimerId timer;
  auto operator<=>(const ArmedTimer&) const = default;
};

class TimerQueue {
 public:
  void Arm(ArmedTimer timer) { timers_.insert(std::move(timer)); }
  void Disarm(const ArmedTimer& timer);
  // Of one that TakeDue gave out and that is not to fire yet: it comes again at `due`. Its row keeps its date.
  void Postpone(const ArmedTimer& timer, Timestamp due);
  // Look timers that were disarmed since the last call.
  std::vector<ArmedTimer> TakeDisarmedLooks() { return std::exchange(disarmed_looks_, {}); }
  // Removes and returns up to `most` timers that are due at `now`, oldest first.
  std::vector<ArmedTimer> TakeDue(Timestamp now, std::size_t most);
  std::optional<Timestamp> NextDue() const;
  std::size_t size() const { return timers_.size(); }

 private:
  std::set<ArmedTimer> timers_;
  std::map<std::pair<ExecutionId, model::TimerId>, Timestamp> postponed_;  // where those stand whose rows say otherwise
  std::vector<ArmedTimer> disarmed_looks_;
};

}  // namespace headrace::scheduler
