// One bad thing that may happen on another thread, and a descriptor that tells when it has.
// Threads: Raise from any; the rest from the owner.
#pragma once

#include <mutex>

#include "common/base/error.h"

namespace headrace::cli {

class Alarm {
 public:
  Alarm();
  ~Alarm();
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;

  // The first one counts.
  void Raise(const Error& error);
  // Readable from then on.
  int fd() const { return fd_; }
  // No error while nothing was raised.
  Status status() const;

 private:
  const int fd_;
  mutable std::mutex mutex_;
  Status status_{};
};

}  // namespace headrace::cli
