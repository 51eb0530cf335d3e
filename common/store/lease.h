// Who may drive a partition: leases by the store's own clock, so that those of the schedulers do not matter.
// Shapes: every taking raises the epoch beyond all that were ever given, also after a failover that lost some; commits are
//   fenced by that epoch. A lease only says when to stop trying: correctness rests on the fence.
// Errors: ABORTED when another owner has taken the partition; UNAVAILABLE when the store cannot be asked in time.
// Threads: any; calls block. Source: FAILURES 2.5, rows 11, 12, 45 and 46.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/store/store.h"

namespace headrace::store {

struct LeaseHolder {
  PartitionId partition = 0;
  std::string owner{};  // empty: nobody ever had it
  Epoch epoch = 0;
  Duration left{};      // 0: anybody may take it
};

// A process that drives partitions, or is ready to.
struct Member {
  std::string id;
  std::string api_address{};
  std::string worker_endpoint{};
  std::string build{};
  bool operator==(const Member&) const = default;
};

struct Present : Member {
  Duration silent{};  // since it last said that it is there; 0 of a build that does not tell
};

class LeaseStore {
 public:
  virtual ~LeaseStore() = default;
  // The new epoch, if nobody else holds the partition now; nothing if somebody does. Taking one's own raises the epoch too.
  virtual Result<std::optional<Epoch>> Acquire(PartitionId partition, const std::string& owner, Duration lease) = 0;
  // As long again from now on. It succeeds late, too, as long as nobody else took the partition.
  virtual Status Renew(PartitionId partition, const std::string& owner, Epoch epoch, Duration lease) = 0;
  // As Renew, of many. ABORTED when another owner has one of them: then any of them may be renewed or not, and each is asked alone.
  virtual Status RenewAll(const std::string& owner, const std::vector<std::pair<PartitionId, Epoch>>& held, Duration lease) {
    for (const auto& [partition, epoch] : held) {
      if (Status renewed = Renew(partition, owner, epoch, lease); !renewed) return renewed;
    }
    return {};
  }
  // Anybody may take it at once: how a partition is handed over.
  virtual Status Release(PartitionId partition, const std::string& owner, Epoch epoch) = 0;
  // Of these partitions, in this order.
  virtual Result<std::vector<LeaseHolder>> Holders(const std::vector<PartitionId>& partitions) = 0;
  // How many partitions the store has; they are numbered from 0.
  virtual PartitionId partitions() const = 0;

  // It is there, for so long; announced again before that.
  virtual Status Announce(const Member& member, Duration lifetime) = 0;
  virtual Status Leave(const std::string& id) = 0;
  // Those who are there, by id.
  virtual Result<std::vector<Present>> Members() = 0;
};

}  // namespace headrace::store
