// The leader thread reaps and kills; a second thread spawns. The split is what makes strays cheap to see: a process that
// lost its parent is given to the leader, while every ordered process is a child of the spawner, so one waitid with
// __WNOTHREAD tells the leader whether there are strays. An ordered process is a subreaper itself: strays reach the leader only
// when theirs has ended, and then they are to end too.
#include "worker/process/supervisor_main.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "worker/process/order_wire.h"
#include "worker/process/process_tree.h"
#include "worker/process/spawn.h"

namespace headrace::worker {
namespace {

using SteadyTime = std::chrono::steady_clock::time_point;
constexpr auto kStrayPatience = std::chrono::seconds(2);

struct Ordered {
  int control = -1;
  bool exited = false;
  int status = 0;
  SteadyTime exited_at{};
  SteadyTime kill_at = SteadyTime::max();
};

class SupervisorProcess {
 public:
  explicit SupervisorProcess(int socket) : socket_(socket) {
    epoll_ = epoll_create1(EPOLL_CLOEXEC);
    closed_ = eventfd(0, EFD_CLOEXEC);
    sigset_t children;
    sigemptyset(&children);
    sigaddset(&children, SIGCHLD);
    signals_ = signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK);
    null_ = open("/dev/null", O_RDWR | O_CLOEXEC);
    Watch(signals_, 0);
    Watch(closed_, 0);
  }

  [[noreturn]] void Run() {
    std::thread spawner([this] { SpawnUntilClosed(); });
    while (!closing_.load()) {
      epoll_event events[32];
      const int n = epoll_wait(epoll_, events, 32, Timeout());
      for (int i = 0; i < n; ++i)
        if (events[i].data.u64 != 0) ReadControl(static_cast<pid_t>(events[i].data.u64));
      signalfd_siginfo ignored[8];
      while (read(signals_, ignored, sizeof ignored) > 0) {}
      KillOverdue();
      Reap();
      ReportExits();
    }
    EndEverything();
    _exit(0);
  }

 private:
  void Watch(int fd, pid_t pid) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = static_cast<std::uint64_t>(pid);
    epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
  }

  // The spawner's thread: one order after the other.
  void SpawnUntilClosed() {
    ReceivedOrder order;
    while (ReceiveOrder(socket_, order)) {
      // Held over the spawn: the leader must not reap a process that is not in the table yet.
      std::lock_guard lock(mutex_);
      const SpawnResult result = SpawnOrder(order, null_);
      close(order.out);
      close(order.err);
      if (result.pid > 0) {
        ordered_[result.pid] = {.control = order.control};
        Watch(order.control, result.pid);
        continue;
      }
      const ControlReport report{ReportKind::kNotStarted, result.error};
      (void)!send(order.control, &report, sizeof report, MSG_NOSIGNAL | MSG_DONTWAIT);
      close(order.control);
    }
    closing_.store(true);
    const std::uint64_t one = 1;
    (void)!write(closed_, &one, sizeof one);
  }

  void ReadControl(pid_t pid) {
    std::lock_guard lock(mutex_);
    const auto at = ordered_.find(pid);
    if (at == ordered_.end()) return;
    ControlOrder order;
    const ssize_t size = recv(at->second.control, &order, sizeof order, MSG_DONTWAIT);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
    const bool gone = size != static_cast<ssize_t>(sizeof order);
    if (gone) epoll_ctl(epoll_, EPOLL_CTL_DEL, at->second.control, nullptr);
    if (at->second.exited) return;
    if (gone || order.grace_us <= 0) {
      SignalTree(pid, SIGKILL);
      return;
    }
    SignalTree(pid, SIGTERM);
    at->second.kill_at = std::min(at->second.kill_at,
                                  std::chrono::steady_clock::now() + std::chrono::microseconds(order.grace_us));
  }

  void KillOverdue() {
    std::lock_guard lock(mutex_);
    const SteadyTime now = std::chrono::steady_clock::now();
    for (auto& [pid, ordered] : ordered_) {
      if (ordered.exited || now < ordered.kill_at) continue;
      ordered.kill_at = SteadyTime::max();
      SignalTree(pid, SIGKILL);
    }
  }

  void Reap() {
    for (;;) {
      siginfo_t info{};
      if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0) return;
      std::lock_guard lock(mutex_);
      int status = 0;
      waitpid(info.si_pid, &status, 0);
      const auto at = ordered_.find(info.si_pid);
      if (at == ordered_.end()) continue;
      at->second.exited = true;
      at->second.status = status;
      at->second.exited_at = std::chrono::steady_clock::now();
    }
  }

  // Only strays are children of this thread.
  static bool HasStrays() {
    siginfo_t info{};
    return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT | __WNOTHREAD) == 0;
  }

  void ReportExits() {
    std::lock_guard lock(mutex_);
    const bool ended = std::any_of(ordered_.begin(), ordered_.end(), [](const auto& o) { return o.second.exited; });
    const bool strays = HasStrays();
    if (strays) {
      for (const pid_t pid : Children(getpid()))
        if (!ordered_.contains(pid)) SignalTree(pid, SIGKILL);
    }
    if (!ended) return;
    const SteadyTime now = std::chrono::steady_clock::now();
    for (auto at = ordered_.begin(); at != ordered_.end();) {
      const Ordered& ordered = at->second;
      // A stray that hangs in the kernel must not hold up everybody's result.
      if (!ordered.exited || (strays && now - ordered.exited_at < kStrayPatience)) {
        ++at;
        continue;
      }
      const ControlReport report{ReportKind::kExited, ordered.status};
      (void)!send(ordered.control, &report, sizeof report, MSG_NOSIGNAL | MSG_DONTWAIT);
      close(ordered.control);
      at = ordered_.erase(at);
    }
  }

  int Timeout() {
    std::lock_guard lock(mutex_);
    SteadyTime next = SteadyTime::max();
    for (const auto& [pid, ordered] : ordered_)
      next = std::min(next, ordered.exited ? ordered.exited_at + kStrayPatience : ordered.kill_at);
    if (next == SteadyTime::max()) return -1;
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(next - std::chrono::steady_clock::now());
    return static_cast<int>(std::clamp<std::int64_t>(wait.count(), 0, 60'000));
  }

  static void EndEverything() {
    constexpr int kRounds = 2000;
    for (int round = 0; round < kRounds; ++round) {
      for (const pid_t pid : Descendants(getpid())) kill(pid, SIGKILL);
      int status = 0;
      pid_t reaped = 0;
      while ((reaped = waitpid(-1, &status, WNOHANG)) > 0) {}
      if (reaped < 0 && errno == ECHILD) return;
      poll(nullptr, 0, 5);
    }
  }

  const int socket_;
  int epoll_ = -1;
  int closed_ = -1;
  int signals_ = -1;
  int null_ = -1;
  std::atomic<bool> closing_ = false;
  std::mutex mutex_;
  std::map<pid_t, Ordered> ordered_;
};

}  // namespace

void SuperviseUntilClosed(int socket) {
  // Out of the worker's session: a Ctrl-C or a kill of its group must not take the supervisor along.
  setsid();
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  prctl(PR_SET_NAME, "headrace-superv");
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, nullptr);
  SupervisorProcess(socket).Run();
}

}  // namespace headrace::worker
