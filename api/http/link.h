// The way back into a connection from other threads. It ends with the connection: what comes later is dropped, whoever
// still holds it.
// Threads: any.
#pragma once

#include <functional>
#include <mutex>
#include <utility>

namespace headrace::api::http {

class Link {
 public:
  using Work = std::function<void()>;
  explicit Link(std::function<void(Work)> post) : post_(std::move(post)) {}

  void Post(Work work) {
    std::lock_guard lock(mutex_);
    if (post_) post_(std::move(work));
  }
  void Close() {
    std::lock_guard lock(mutex_);
    post_ = nullptr;
  }

 private:
  std::mutex mutex_;
  std::function<void(Work)> post_;
};

}  // namespace headrace::api::http
