#include "cli/host/alarm.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>

namespace headrace::cli {

Alarm::Alarm() : fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

Alarm::~Alarm() { close(fd_); }

void Alarm::Raise(const Error& error) {
  {
    std::lock_guard lock(mutex_);
    if (!status_) return;
    status_ = Fail(error);
  }
  const std::uint64_t one = 1;
  (void)!write(fd_, &one, sizeof one);
}

Status Alarm::status() const {
  std::lock_guard lock(mutex_);
  return status_;
}

}  // namespace headrace::cli
