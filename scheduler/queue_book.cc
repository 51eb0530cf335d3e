#include "scheduler/queue_book.h"

#include <iterator>

namespace headrace::scheduler {

void QueueBook::Add(const wire::TaskKey& key, const std::string& group, Duration now) {
  const auto [place, fresh] = places_.try_emplace(key);
  if (!fresh) return;
  const auto queue = queues_.try_emplace(group).first;
  queue->second.push_back(now);
  place->second = {queue, std::prev(queue->second.end())};
}

std::optional<QueueBook::Waited> QueueBook::Remove(const wire::TaskKey& key) {
  const auto found = places_.find(key);
  if (found == places_.end()) return std::nullopt;
  const Place place = found->second;
  Waited waited{place.queue->first, *place.at};
  place.queue->second.erase(place.at);
  places_.erase(found);
  return waited;
}

void QueueBook::RemoveIf(const std::function<bool(const wire::TaskKey&)>& gone) {
  for (auto it = places_.begin(); it != places_.end();) {
    if (!gone(it->first)) {
      ++it;
      continue;
    }
    it->second.queue->second.erase(it->second.at);
    it = places_.erase(it);
  }
}

std::vector<QueueView> QueueBook::Queues(Duration now) const {
  std::vector<QueueView> views;
  for (const auto& [group, times] : queues_) {
    views.push_back({.group = group, .waiting = times.size(), .oldest = times.empty() ? Duration(0) : now - times.front()});
  }
  return views;
}

}  // namespace headrace::scheduler
