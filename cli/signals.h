// Signals as something to wait for: SIGINT, SIGTERM, SIGHUP and the change of the window.
// Threads: one Signals at a time in a process; Take and WaitForEnd from its owner.
#pragma once

#include <chrono>
#include <initializer_list>
#include <optional>

#include "common/base/error.h"

namespace headrace::cli {

class Signals {
 public:
  // From now on these signals end nothing: they wait for Take.
  static Result<Signals> Catch();
  Signals(Signals&& other) noexcept;
  Signals& operator=(Signals&&) = delete;
  ~Signals();  // they do again what they did

  // For poll: readable when one waits.
  int fd() const { return fd_; }
  // The next one that waits.
  std::optional<int> Take();
  // Waits for SIGINT, SIGTERM or SIGHUP, or until one of `others` is readable or so much time has passed: then nothing.
  std::optional<int> WaitForEnd(std::initializer_list<int> others = {},
                                std::optional<std::chrono::milliseconds> at_most = {});

 private:
  explicit Signals(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace headrace::cli
