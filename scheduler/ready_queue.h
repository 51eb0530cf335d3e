// Deliveries that wait for a worker of one group, fair between executions: each gets its turn, however many tasks
// another one has waiting. Looks of triggers are one of them.
// Threads: loop thread only. Cost: O(1) a change.
#pragma once

#include <deque>
#include <functional>
#include <list>
#include <optional>
#include <unordered_map>
#include <vector>

#include "common/wire/messages.h"

namespace headrace::scheduler {

class ReadyQueue {
 public:
  void Push(const wire::TaskKey& key);
  void PushFront(const wire::TaskKey& key);
  std::optional<wire::TaskKey> Pop();
  // False if it does not wait here.
  bool Remove(const wire::TaskKey& key);
  // Removes and returns those that match.
  std::vector<wire::TaskKey> TakeIf(const std::function<bool(const wire::TaskKey&)>& match);
  std::size_t size() const { return size_; }

 private:
  struct Turn {
    ExecutionId execution;
    std::deque<wire::TaskKey> keys;
  };
  std::list<Turn> turns_;
  std::unordered_map<ExecutionId, std::list<Turn>::iterator> by_execution_;
  std::size_t size_ = 0;
};

}  // namespace headrace::scheduler
