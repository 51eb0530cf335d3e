// Logs that wait for the scheduler's credit: bounded, the oldest of the noisiest task dropped first, with a marker.
// Shapes: one window of bytes for the whole session; entries of a task keep their order.
// Threads: one owner. Cost: O(1) an entry; dropping is amortised.
// Source: FAILURES 3.1 (LOG has its own credit and never delays a heartbeat).
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>

#include "worker/task_key.h"

namespace headrace::worker {

class LogWindow {
 public:
  explicit LogWindow(std::size_t buffer_bytes) : buffer_bytes_(buffer_bytes) {}

  void Add(const wire::TaskKey& key, wire::LogEntry entry);
  // The scheduler takes this many bytes from now on; what was granted before is void.
  void Grant(std::uint64_t bytes) { window_ = bytes; }
  // The next piece that may be sent, or nothing: no logs or no credit. Tasks take turns.
  std::optional<wire::Logs> Next();
  // The next piece of one task.
  std::optional<wire::Logs> NextOf(const wire::TaskKey& key);
  // No more will be added; what waits is still sent.
  void End(const wire::TaskKey& key);
  // Drops what waits.
  void Forget(const wire::TaskKey& key);

  bool sendable() const { return window_ > 0 && !pending_.empty(); }
  std::size_t bytes() const { return bytes_; }

 private:
  struct TaskLogs {
    std::deque<wire::LogEntry> entries{};
    std::size_t bytes = 0;
    std::uint64_t dropped = 0;
    Timestamp dropped_at{};  // of the last one
    std::uint64_t next_seq = 0;
    bool queued = false;
    bool ended = false;
  };
  using Tasks = std::map<wire::TaskKey, TaskLogs, TaskKeyLess>;

  wire::Logs Take(Tasks::iterator at);
  void Shrink();
  void DropUntil(TaskLogs& logs, std::size_t goal);

  const std::size_t buffer_bytes_;
  std::uint64_t window_ = 0;
  std::size_t bytes_ = 0;
  Tasks tasks_;
  std::deque<wire::TaskKey> pending_;  // tasks with entries, in turn
};

}  // namespace headrace::worker
