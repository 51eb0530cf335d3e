#include "scheduler/ready_queue.h"

#include <algorithm>

namespace headrace::scheduler {

void ReadyQueue::Push(const wire::TaskKey& key) {
  ++size_;
  if (const auto it = by_execution_.find(key.execution); it != by_execution_.end()) {
    it->second->keys.push_back(key);
    return;
  }
  turns_.push_back(Turn{key.execution, {key}});
  by_execution_[key.execution] = std::prev(turns_.end());
}

void ReadyQueue::PushFront(const wire::TaskKey& key) {
  ++size_;
  if (const auto it = by_execution_.find(key.execution); it != by_execution_.end()) {
    it->second->keys.push_front(key);
    turns_.splice(turns_.begin(), turns_, it->second);
    return;
  }
  turns_.push_front(Turn{key.execution, {key}});
  by_execution_[key.execution] = turns_.begin();
}

std::optional<wire::TaskKey> ReadyQueue::Pop() {
  if (turns_.empty()) return std::nullopt;
  --size_;
  Turn& turn = turns_.front();
  wire::TaskKey key = std::move(turn.keys.front());
  turn.keys.pop_front();
  if (turn.keys.empty()) {
    by_execution_.erase(turn.execution);
    turns_.pop_front();
  } else {
    turns_.splice(turns_.end(), turns_, turns_.begin());
  }
  return key;
}

bool ReadyQueue::Remove(const wire::TaskKey& key) {
  const auto it = by_execution_.find(key.execution);
  if (it == by_execution_.end()) return false;
  std::deque<wire::TaskKey>& keys = it->second->keys;
  const auto at = std::find(keys.begin(), keys.end(), key);
  if (at == keys.end()) return false;
  keys.erase(at);
  --size_;
  if (keys.empty()) {
    turns_.erase(it->second);
    by_execution_.erase(it);
  }
  return true;
}

}  // namespace headrace::scheduler
