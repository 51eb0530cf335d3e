#include "scheduler/timer_queue.h"

namespace headrace::scheduler {

void TimerQueue::Disarm(const ArmedTimer& timer) {
  if (timer.timer.kind == model::TimerKind::kLook) {
    const auto postponed = postponed_.find({timer.execution, timer.timer});
    if (postponed != postponed_.end()) {
      timers_.erase({postponed->second, timer.execution, timer.timer});
      postponed_.erase(postponed);
    }
    disarmed_looks_.push_back(timer);
  }
  timers_.erase(timer);
}

void TimerQueue::Postpone(const ArmedTimer& timer, Timestamp due) {
  postponed_[{timer.execution, timer.timer}] = due;
  timers_.insert({due, timer.execution, timer.timer});
}

std::vector<ArmedTimer> TimerQueue::TakeDue(Timestamp now, std::size_t most) {
  std::vector<ArmedTimer> due;
  while (!timers_.empty() && timers_.begin()->due <= now && due.size() < most) {
    due.push_back(std::move(timers_.extract(timers_.begin()).value()));
    if (due.back().timer.kind == model::TimerKind::kLook) postponed_.erase({due.back().execution, due.back().timer});
  }
  return due;
}

std::optional<Timestamp> TimerQueue::NextDue() const {
  if (timers_.empty()) return std::nullopt;
  return timers_.begin()->due;
}

}  // namespace headrace::scheduler
