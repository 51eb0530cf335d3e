// What the slots' threads tell the loop: bounded by bytes, so that a flood of logs slows its task and not the worker.
// Threads: Post from any (logs wait while the inbox is full); Drain and Close from the loop's.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <variant>
#include <vector>

#include "worker/job.h"

namespace headrace::worker {

struct JobBegan {
  std::shared_ptr<Job> job;
  Timestamp at{};
};
struct JobLogged {
  wire::TaskKey key;
  wire::LogEntry entry;
};
struct JobStepped {
  std::shared_ptr<Job> job;
  std::optional<Duration> again_after{};
};
// It is on disk, as far as that is possible.
struct ResultKept {
  wire::TaskResult result;
};
using JobNews = std::variant<JobBegan, JobLogged, JobStepped, ResultKept>;

class Inbox {
 public:
  Inbox(std::size_t bytes_max, std::function<void()> wake) : bytes_max_(bytes_max), wake_(std::move(wake)) {}

  void Post(JobNews news) {
    const auto* log = std::get_if<JobLogged>(&news);
    const std::size_t bytes = log == nullptr ? 0 : log->entry.message.size() + sizeof(JobNews);
    bool first = false;
    {
      std::unique_lock lock(mutex_);
      if (log != nullptr) room_.wait(lock, [&] { return closed_ || bytes_ < bytes_max_; });
      if (closed_) return;
      bytes_ += bytes;
      first = news_.empty();
      news_.push_back(std::move(news));
    }
    if (first) wake_();
  }

  // Moves everything into `out` (cleared first).
  void Drain(std::vector<JobNews>& out) {
    out.clear();
    {
      std::lock_guard lock(mutex_);
      std::swap(out, news_);
      bytes_ = 0;
    }
    if (!out.empty()) room_.notify_all();
  }

  // From now on nothing is kept and nobody waits.
  void Close() {
    {
      std::lock_guard lock(mutex_);
      closed_ = true;
    }
    room_.notify_all();
  }

 private:
  const std::size_t bytes_max_;
  const std::function<void()> wake_;
  std::mutex mutex_;
  std::condition_variable room_;
  std::vector<JobNews> news_;
  std::size_t bytes_ = 0;
  bool closed_ = false;
};

}  // namespace headrace::worker
