// The small parent of all task processes: a helper process that spawns them, ends their whole trees, and outlives the worker
// just long enough to end everything when the worker dies.
// Shapes: one process order is one command in its own process group; its stdout and stderr are pipes that the caller reads.
// Errors: a command that cannot be started names it and the reason; a helper that died is started anew by the next Spawn.
// Threads: Spawn from any; Process::Pump from one, Process::Kill from any.
// Cost: a vfork from a small process, two more wake-ups a command; nothing grows with the worker's memory.
// Source: FAILURES rows 13 to 15; PERFORMANCE P5.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/error.h"
#include "common/base/time.h"

namespace headrace::worker {

struct ProcessOrder {
  std::vector<std::string> argv;
  std::vector<std::string> env{};  // "NAME=value"; nothing is inherited
  std::string directory{};         // empty: the helper's own
};

enum class OutputStream { kStdout, kStderr };
using OutputSink = std::function<void(OutputStream, std::string_view)>;

// As a shell reports it: the exit code, or 128 and the signal.
struct ProcessExit {
  int code = 0;
  int signal = 0;
};

class Process {
 public:
  // `lost` is set when the helper turns out to be dead.
  Process(int out, int err, int control, std::shared_ptr<std::atomic<bool>> lost)
      : out_(out), err_(err), control_(control), lost_(std::move(lost)) {}
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  // Hands over what the process writes until it has ended and every process that it left behind is gone.
  Result<ProcessExit> Pump(const OutputSink& sink);
  // SIGTERM to the whole tree, SIGKILL after `grace`; zero is SIGKILL at once.
  void Kill(Duration grace);

 private:
  struct Report;
  bool Read(int& fd, OutputStream stream, const OutputSink& sink, std::string& buffer);
  Result<Report> ReadReport();

  int out_;
  int err_;
  int control_;
  std::shared_ptr<std::atomic<bool>> lost_;
};

class Supervisor {
 public:
  // Forks the helper. Call it early: the helper keeps what the caller's memory is now, and forking a large process is slow.
  static Result<std::unique_ptr<Supervisor>> Start();
  // Ends every process that still runs.
  ~Supervisor();
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  Result<std::unique_ptr<Process>> Spawn(const ProcessOrder& order);
  pid_t pid() const { return pid_; }

 private:
  Supervisor() = default;
  Status Fork();
  void Close();

  std::mutex mutex_;
  int socket_ = -1;
  pid_t pid_ = -1;
  std::shared_ptr<std::atomic<bool>> lost_;
};

}  // namespace headrace::worker
