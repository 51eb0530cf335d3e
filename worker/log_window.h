// Logs that wait for a scheduler's credit: bounded, the oldest of the noisiest task dropped first, with a marker.
// Shapes: a task's logs are in the lane of the link they go to, or in none; a window of bytes a lane, one bound for all;
//   entries of a task keep their order.
// Threads: one owner. Cost: O(1) an entry; dropping is amortised.
// Source: FAILURES 3.1 (LOG has its own credit and never delays a heartbeat).
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>

#include "worker/session_port.h"
#include "worker/task_key.h"

namespace headrace::worker {

class LogWindow {
 public:
  using Lane = std::optional<LinkId>;

  explicit LogWindow(std::size_t buffer_bytes) : buffer_bytes_(buffer_bytes) {}

  // `lane` counts for the first entry; Move changes it.
  void Add(const wire::TaskKey& key, wire::LogEntry entry, Lane lane);
  void Move(const wire::TaskKey& key, Lane lane);
  // The scheduler takes this many bytes from now on; what was granted before is void.
  void Grant(LinkId link, std::uint64_t bytes) { lanes_[link].window = bytes; }
  // Drops what waits for that link.
  void Close(LinkId link);
  // The next piece that may be sent, or nothing: no logs or no credit. Tasks take turns.
  std::optional<wire::Logs> Next(LinkId link);
  // The next piece of one task.
  std::optional<wire::Logs> NextOf(const wire::TaskKey& key);
  // No more will be added; what waits is still sent.
  void End(const wire::TaskKey& key);
  // Drops what waits.
  void Forget(const wire::TaskKey& key);

  bool sendable(LinkId link) const;
  std::size_t bytes() const { return bytes_; }
  // Entries, for want of credit, since the beginning.
  std::uint64_t dropped() const { return dropped_; }

 private:
  struct TaskLogs {
    Lane lane{};
    std::deque<wire::LogEntry> entries{};
    std::size_t bytes = 0;
    std::uint64_t dropped = 0;
    Timestamp dropped_at{};  // of the last one
    std::uint64_t next_seq = 0;
    bool queued = false;
    bool ended = false;
  };
  struct Waiting {
    std::uint64_t window = 0;
    std::deque<wire::TaskKey> pending{};  // tasks with entries, in turn
  };
  using Tasks = std::map<wire::TaskKey, TaskLogs, TaskKeyLess>;

  std::optional<wire::Logs> NextIn(Waiting& lane);
  wire::Logs Take(Tasks::iterator at, std::uint64_t& window);
  void Shrink();
  void DropUntil(TaskLogs& logs, std::size_t goal);

  const std::size_t buffer_bytes_;
  std::size_t bytes_ = 0;
  std::uint64_t dropped_ = 0;
  Tasks tasks_;
  std::map<Lane, Waiting> lanes_;
};

}  // namespace headrace::worker
