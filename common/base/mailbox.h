// A bounded mailbox: many threads post, one loop drains.
// Errors: Post on a full or closed mailbox returns false and leaves the value with the caller.
// Threads: Post and Close from any; Drain and Wait from the one owner. `wake` runs on the posting thread.
#pragma once

#include <cstddef>
#include <functional>
#include <mutex>
#include <utility>
#include <vector>

namespace headrace {

template <typename T>
class Mailbox {
 public:
  // `wake` is called when the mailbox goes from empty to holding something.
  explicit Mailbox(std::size_t capacity, std::function<void()> wake = {})
      : capacity_(capacity), wake_(std::move(wake)) {}

  bool Post(T&& value) {
    bool was_empty = false;
    {
      std::lock_guard lock(mutex_);
      if (closed_ || items_.size() >= capacity_) return false;
      was_empty = items_.empty();
      items_.push_back(std::move(value));
    }
    if (was_empty && wake_) wake_();
    return true;
  }

  // Moves everything that waits into `out` (cleared first). Returns whether there was something.
  bool Drain(std::vector<T>& out) {
    out.clear();
    std::lock_guard lock(mutex_);
    std::swap(out, items_);
    return !out.empty();
  }

  void Close() {
    std::lock_guard lock(mutex_);
    closed_ = true;
  }

  std::size_t depth() const {
    std::lock_guard lock(mutex_);
    return items_.size();
  }

 private:
  const std::size_t capacity_;
  const std::function<void()> wake_;
  mutable std::mutex mutex_;
  std::vector<T> items_;
  bool closed_ = false;
};

}  // namespace headrace
