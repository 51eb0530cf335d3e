#include "common/trace/trace_queue.h"

#include <utility>

namespace headrace::trace {

bool TraceQueue::Offer(ExecutionId id) {
  const std::lock_guard lock(mutex_);
  if (closed_ || ids_.size() >= most_) return false;
  ids_.push_back(std::move(id));
  if (ids_.size() == 1) bell_.notify_all();
  return true;
}

std::optional<ExecutionId> TraceQueue::Take(Duration wait) {
  std::unique_lock lock(mutex_);
  bell_.wait_for(lock, wait, [this] { return closed_ || !ids_.empty(); });
  if (ids_.empty()) return std::nullopt;
  ExecutionId id = std::move(ids_.front());
  ids_.pop_front();
  return id;
}

void TraceQueue::Sleep(Duration span) {
  std::unique_lock lock(mutex_);
  bell_.wait_for(lock, span, [this] { return closed_; });
}

void TraceQueue::Close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  bell_.notify_all();
}

bool TraceQueue::closed() const {
  const std::lock_guard lock(mutex_);
  return closed_;
}

std::size_t TraceQueue::size() const {
  const std::lock_guard lock(mutex_);
  return ids_.size();
}

}  // namespace headrace::trace
