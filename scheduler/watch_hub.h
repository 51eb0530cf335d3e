// Who watches which execution, and the bounded streams between the loop and them.
// Shapes: an update holds the head of an execution and the task runs that changed; see WatchUpdate in engine.h.
// Threads: Publish on the loop thread; everything else from any thread.
// Cost: nothing for an execution that nobody watches.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "scheduler/engine.h"

namespace headrace::scheduler {

// The execution without its task runs.
model::Execution HeadOf(const model::Execution& execution);

class WatchHub : public std::enable_shared_from_this<WatchHub> {
 public:
  // Reads the whole execution as it is durable now.
  using ReadView = std::function<Result<ExecutionView>(const ExecutionId&)>;
  explicit WatchHub(ReadView read) : read_(std::move(read)) {}

  Result<std::shared_ptr<Subscription>> Watch(const ExecutionId& id, std::uint64_t after,
                                              std::function<void()> on_ready);
  std::shared_ptr<void> WatchLogs(const ExecutionId& id, std::function<void()> on_ready);

  bool HasWatchers(const ExecutionId& id) const;
  // Executions whose state or logs somebody watches.
  std::vector<ExecutionId> Watched();
  void Publish(const WatchUpdate& update);
  // Something was committed that no update tells: watchers read the whole again.
  void Refresh(const ExecutionId& id);
  void NoteLogs(const ExecutionId& id);

 private:
  class Stream;
  struct LogToken;
  std::vector<std::shared_ptr<Stream>> StreamsOf(const ExecutionId& id);
  void Forget(const ExecutionId& id);

  const ReadView read_;
  mutable std::mutex mutex_;
  std::multimap<ExecutionId, std::weak_ptr<Stream>> streams_;
  std::multimap<ExecutionId, std::weak_ptr<LogToken>> log_tokens_;
};

}  // namespace headrace::scheduler
