// Runs that wait for something they have in common: of each topic one is looked at an interval, for all of them.
// Place: Core asks before it fires a look timer, and when news of a topic comes. In memory only: after a restart every run is
//   looked at once when its timer comes, and says again what it waits for.
// Threads: loop thread only. Cost: O(log n) a look; a run that need not be looked at costs a move of its timer in memory.
// Source: GITHUB 5(a); docs/adr/0009-shared-records.md.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "scheduler/timer_queue.h"

namespace headrace::scheduler {

class WaitBook {
 public:
  struct Wish {
    ExecutionId execution;
    model::TimerId timer;    // its look timer
    Duration after{};        // from now to the timer
    Duration interval{};     // how old what is known of the topic may become
    Duration at_latest{};    // from `now`; zero: no limit
    std::string topic;
    std::vector<std::string> keys{};
  };

  // The run waits; what it waited for before is forgotten.
  void Wait(Wish wish, Timestamp now);

  // Its look timer has come: nothing when it is to be looked at now, and it is forgotten here; else when to ask again.
  std::optional<Timestamp> Postpone(const ArmedTimer& timer, Timestamp now);

  // Its look timer is set no more: it has ended, or was woken.
  void Forget(const ExecutionId& execution, model::TimerId timer);

  // All runs of those executions.
  void ForgetAll(const std::function<bool(const ExecutionId&)>& gone);

  using Run = std::pair<ExecutionId, model::TimerId>;
  // Runs that wait for one of the keys, or for the topic when there are none; they are forgotten here.
  std::vector<Run> TakeInterested(const std::string& topic, const std::vector<std::string>& keys);

  std::size_t size() const { return waiting_.size(); }

 private:
  using RunKey = std::pair<ExecutionId, model::TaskRunIndex>;
  struct Waiting {
    model::TimerId timer;
    Duration interval{};
    std::optional<Timestamp> at_latest{};
    std::string topic;
    std::set<std::string> keys;
  };
  struct Topic {
    std::set<RunKey> runs;
    std::map<std::string, std::set<RunKey>> by_key;
    Timestamp known{};  // of when what is known is, or will be when who was sent to look is back
  };

  void Drop(const RunKey& key);

  std::map<RunKey, Waiting> waiting_;
  std::unordered_map<std::string, Topic> topics_;
};

}  // namespace headrace::scheduler
