// Ids of executions whose trace is to be told, until the exporter has time for them: a collector that is away costs an id each.
// Laws: Offer never waits; what finds the queue full is dropped and counted by its answer.
// Threads: any.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>

#include "common/base/ids.h"
#include "common/base/time.h"

namespace headrace::trace {

class TraceQueue {
 public:
  explicit TraceQueue(std::size_t most) : most_(most) {}

  // False: it is full, or closed.
  bool Offer(ExecutionId id);
  // The oldest; waits so long for one. Nothing when there is none, at once when the queue is closed.
  std::optional<ExecutionId> Take(Duration wait);
  // Returns early when the queue is closed.
  void Sleep(Duration span);
  // Nothing new comes in; what is there can be taken.
  void Close();
  bool closed() const;
  std::size_t size() const;

 private:
  const std::size_t most_;
  mutable std::mutex mutex_;
  std::condition_variable bell_;
  std::deque<ExecutionId> ids_;
  bool closed_ = false;
};

}  // namespace headrace::trace
