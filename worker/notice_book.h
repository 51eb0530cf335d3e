// Remembers what was said once, so that it is not said with every run.
// Threads: any. Bounded: after kNoticesMax it starts anew.
#pragma once

#include <mutex>
#include <string>
#include <unordered_set>

namespace headrace::worker {

class NoticeBook {
 public:
  // Whether this is the first time.
  bool First(const std::string& notice) {
    constexpr std::size_t kNoticesMax = 10'000;
    std::lock_guard lock(mutex_);
    if (said_.size() >= kNoticesMax) said_.clear();
    return said_.insert(notice).second;
  }

 private:
  std::mutex mutex_;
  std::unordered_set<std::string> said_;
};

}  // namespace headrace::worker
