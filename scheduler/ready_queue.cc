#include "scheduler/ready_queue.h"

#include <algorithm>
#include <iterator>

#include "scheduler/look_book.h"

namespace headrace::scheduler {
namespace {

// All looks of triggers have one turn together: ten thousand that are due at once do not stand before a task.
const ExecutionId& TurnOf(const wire::TaskKey& key) {
  static const ExecutionId kLooks("look-");
  return IsLook(key) ? kLooks : key.execution;
}

}  // namespace

void ReadyQueue::Push(const wire::TaskKey& key) {
  ++size_;
  if (const auto it = by_execution_.find(TurnOf(key)); it != by_execution_.end()) {
    it->second->keys.push_back(key);
    return;
  }
  turns_.push_back(Turn{TurnOf(key), {key}});
  by_execution_[TurnOf(key)] = std::prev(turns_.end());
}

void ReadyQueue::PushFront(const wire::TaskKey& key) {
  ++size_;
  if (const auto it = by_execution_.find(TurnOf(key)); it != by_execution_.end()) {
    it->second->keys.push_front(key);
    turns_.splice(turns_.begin(), turns_, it->second);
    return;
  }
  turns_.push_front(Turn{TurnOf(key), {key}});
  by_execution_[TurnOf(key)] = turns_.begin();
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
  const auto it = by_execution_.find(TurnOf(key));
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

std::vector<wire::TaskKey> ReadyQueue::TakeIf(const std::function<bool(const wire::TaskKey&)>& match) {
  std::vector<wire::TaskKey> taken;
  for (auto turn = turns_.begin(); turn != turns_.end();) {
    std::deque<wire::TaskKey>& keys = turn->keys;
    const auto kept = std::stable_partition(keys.begin(), keys.end(), [&](const wire::TaskKey& key) { return !match(key); });
    taken.insert(taken.end(), std::make_move_iterator(kept), std::make_move_iterator(keys.end()));
    keys.erase(kept, keys.end());
    if (keys.empty()) {
      by_execution_.erase(turn->execution);
      turn = turns_.erase(turn);
    } else {
      ++turn;
    }
  }
  size_ -= taken.size();
  return taken;
}

}  // namespace headrace::scheduler
