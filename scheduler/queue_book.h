// Deliveries that wait for a worker to begin them, by worker group, and since when: those that nobody was given, and those
// on their way to a worker or turned away by one.
// Units: monotonic time, which never steps back. Threads: the core's. Cost: O(1) a change, O(groups) a look.
#pragma once

#include <functional>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/wire/messages.h"
#include "scheduler/engine.h"

namespace headrace::scheduler {

class QueueBook {
 public:
  struct Waited {
    std::string group;
    Duration since{};
  };

  // A key that waits already keeps its place.
  void Add(const wire::TaskKey& key, const std::string& group, Duration now);
  // Nothing if it did not wait.
  std::optional<Waited> Remove(const wire::TaskKey& key);
  void RemoveIf(const std::function<bool(const wire::TaskKey&)>& gone);
  // By group; one that nothing waits for any more stays, with nothing waiting.
  std::vector<QueueView> Queues(Duration now) const;

 private:
  using Times = std::list<Duration>;  // oldest first
  struct Place {
    std::map<std::string, Times>::iterator queue;
    Times::iterator at;
  };

  std::map<std::string, Times> queues_;
  std::unordered_map<wire::TaskKey, Place> places_;
};

}  // namespace headrace::scheduler
