#include "worker/slot_pool.h"

#include <algorithm>

namespace headrace::worker {

SlotPool::SlotPool(int slots, std::function<void(std::shared_ptr<Job>)> run)
    : slots_(static_cast<std::size_t>(std::max(slots, 1))), run_(std::move(run)) {}

SlotPool::~SlotPool() {
  {
    std::lock_guard lock(mutex_);
    closing_ = true;
    waiting_.clear();
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void SlotPool::Submit(std::shared_ptr<Job> job) {
  std::lock_guard lock(mutex_);
  waiting_.push_back(std::move(job));
  if (waiting_.size() <= idle_) changed_.notify_one();
  else if (threads_.size() < slots_) threads_.emplace_back([this] { Work(); });
}

bool SlotPool::Remove(const Job& job) {
  std::lock_guard lock(mutex_);
  return std::erase_if(waiting_, [&](const auto& waiting) { return waiting.get() == &job; }) > 0;
}

void SlotPool::Work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    ++idle_;
    changed_.wait(lock, [this] { return closing_ || !waiting_.empty(); });
    --idle_;
    if (closing_) return;
    std::shared_ptr<Job> job = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    run_(std::move(job));
    lock.lock();
  }
}

}  // namespace headrace::worker
