#include "cli/signals.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

namespace headrace::cli {
namespace {

constexpr int kCaught[] = {SIGINT, SIGTERM, SIGHUP, SIGWINCH};

// Where the handler writes: it may run on any thread, at any time.
std::atomic<int> write_end{-1};

void OnSignal(int signal) {
  const int saved = errno;
  const auto byte = static_cast<unsigned char>(signal);
  (void)!write(write_end.load(), &byte, 1);
  errno = saved;
}

}  // namespace

Result<Signals> Signals::Catch() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
    return Fail(Code::kInternal, std::string("cannot wait for signals: ") + std::strerror(errno));
  }
  write_end.store(ends[1]);
  struct sigaction action{};
  action.sa_handler = OnSignal;
  action.sa_flags = SA_RESTART;
  for (const int signal : kCaught) sigaction(signal, &action, nullptr);
  return Signals(ends[0]);
}

Signals::Signals(Signals&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

Signals::~Signals() {
  if (fd_ < 0) return;
  for (const int number : kCaught) signal(number, SIG_DFL);
  close(write_end.exchange(-1));
  close(fd_);
}

std::optional<int> Signals::Take() {
  unsigned char byte = 0;
  if (read(fd_, &byte, 1) != 1) return std::nullopt;
  return byte;
}

std::optional<int> Signals::WaitForEnd(std::initializer_list<int> others, std::optional<std::chrono::milliseconds> at_most) {
  using Steady = std::chrono::steady_clock;
  const Steady::time_point end = Steady::now() + at_most.value_or(std::chrono::milliseconds(0));
  std::vector<pollfd> waits = {{fd_, POLLIN, 0}};
  for (const int fd : others) waits.push_back({fd, POLLIN, 0});
  while (true) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Steady::now()).count();
    if (at_most && left <= 0) return std::nullopt;
    poll(waits.data(), waits.size(), at_most ? static_cast<int>(left) : -1);
    while (const auto signal = Take()) {
      if (*signal != SIGWINCH) return signal;
    }
    for (std::size_t i = 1; i < waits.size(); ++i) {
      if ((waits[i].revents & POLLIN) != 0) return std::nullopt;
    }
  }
}

}  // namespace headrace::cli
