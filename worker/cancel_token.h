// Tells a running task that it must end.
// Threads: Cancel and Abandon from the loop's thread; the rest from the task's.
#pragma once

#include <functional>
#include <mutex>
#include <string>

#include "common/base/time.h"

namespace headrace::worker {

class CancelToken {
 public:
  // End with this grace and report KILLED. A later call with less grace hurries.
  void Cancel(Duration grace, std::string reason) { Ask(grace, std::move(reason)); }
  // End at once; nobody waits for the result.
  void Abandon() { Ask(Duration::zero(), "its lease ended"); }

  bool requested() const {
    std::lock_guard lock(mutex_);
    return requested_;
  }
  std::string reason() const {
    std::lock_guard lock(mutex_);
    return reason_;
  }

  // Calls `act` when asked to end, now if that has happened, on the asking thread, under a lock: it must only signal.
  void Watch(std::function<void(Duration grace)> act) {
    std::lock_guard lock(mutex_);
    act_ = std::move(act);
    if (requested_) act_(grace_);
  }
  // After it `act` is not running and will not run.
  void Unwatch() {
    std::lock_guard lock(mutex_);
    act_ = nullptr;
  }

 private:
  void Ask(Duration grace, std::string reason) {
    std::lock_guard lock(mutex_);
    if (requested_ && grace >= grace_) return;
    if (!requested_) reason_ = std::move(reason);
    requested_ = true;
    grace_ = grace;
    if (act_) act_(grace_);
  }

  mutable std::mutex mutex_;
  bool requested_ = false;
  Duration grace_{};
  std::string reason_{};
  std::function<void(Duration)> act_{};
};

}  // namespace headrace::worker
