// What one of several schedulers knows of flows that anybody may change: their latest revisions, and the triggers that they have.
// Place: the keeper's; tells the loop what changed, and gives partitions that are opened their flows.
// Shapes: a look costs one question while nothing has changed, and what has changed otherwise.
// Errors: a look that could not be made or told is UNAVAILABLE or RESOURCE_EXHAUSTED and has changed nothing; a flow that is damaged stays
//   as it was.
// Threads: one owner, which may wait for the store.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "scheduler/loop.h"

namespace headrace::scheduler {

class FlowFollower {
 public:
  // `zone`: of triggers that name none.
  FlowFollower(store::FlowStore& store, FlowRegistry& flows, PostToLoop post, std::string zone, store::PartitionId partitions)
      : store_(store), flows_(flows), post_(std::move(post)), zone_(std::move(zone)), heads_(partitions) {}

  // Looks for what has changed since it was called last.
  Status Follow();
  // All flows whose place is in the partition, as they were then.
  std::vector<FlowHead> HeadsOf(store::PartitionId id) const;

 private:
  using Name = std::pair<std::string, std::string>;  // namespace and id
  // `head`: nothing when the flow is gone.
  struct News {
    Name name;
    std::optional<FlowHead> head{};
    std::vector<TriggerSpecPtr> triggers{};
  };

  store::PartitionId PartitionOf(const Name& name) const;
  Result<std::vector<News>> Compare();
  Result<std::vector<News>> LookAt(const std::vector<Name>& names);
  Result<std::vector<TriggerSpecPtr>> TriggersOf(const FlowHead& head);

  store::FlowStore& store_;
  FlowRegistry& flows_;
  const PostToLoop post_;
  const std::string zone_;
  std::uint64_t version_ = 0;
  bool known_ = false;
  std::vector<std::map<Name, FlowHead>> heads_;  // by partition
};

}  // namespace headrace::scheduler
