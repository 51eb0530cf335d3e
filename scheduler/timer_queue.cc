#include "scheduler/timer_queue.h"

namespace headrace::scheduler {

std::vector<ArmedTimer> TimerQueue::TakeDue(Timestamp now, std::size_t most) {
  std::vector<ArmedTimer> due;
  while (!timers_.empty() && timers_.begin()->due <= now && due.size() < most) {
    due.push_back(std::move(timers_.extract(timers_.begin()).value()));
  }
  return due;
}

std::optional<Timestamp> TimerQueue::NextDue() const {
  if (timers_.empty()) return std::nullopt;
  return timers_.begin()->due;
}

}  // namespace headrace::scheduler
