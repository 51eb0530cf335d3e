// Who may drive a partition: leases by the store's own clock, so that those of the schedulers do not matter.
// Shapes: every taking raises the epoch beyond all that were ever given, also after a failover that lost some; commits are
//   fenced by that epoch. A lease only says when to stop trying: correctness rests on the fence.
// Errors: ABORTED when another owner has taken the partition; UNAVAILABLE when the store cannot be asked in time.
// Threads: any; calls block. Source: FAILURES 2.5, rows 11, 12, 45 and 46.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/store/store.h"

namespace headrace::store {

struct LeaseHolder {
  PartitionId partition = 0;
  std::string owner{};  // empty: nobody ever had it
  Epoch epoch = 0;
  Duration left{};      // 0: anybody may take it
};

class LeaseStore {
 public:
  virtual ~LeaseStore() = default;
  // The new epoch, if nobody else holds the partition now; nothing if somebody does. Taking one's own raises the epoch too.
  virtual Result<std::optional<Epoch>> Acquire(PartitionId partition, const std::string& owner, Duration lease) = 0;
  // As long again from now on. It succeeds late, too, as long as nobody else took the partition.
  virtual Status Renew(PartitionId partition, const std::string& owner, Epoch epoch, Duration lease) = 0;
  // Anybody may take it at once: how a partition is handed over.
  virtual Status Release(PartitionId partition, const std::string& owner, Epoch epoch) = 0;
  // Of these partitions, in this order.
  virtual Result<std::vector<LeaseHolder>> Holders(const std::vector<PartitionId>& partitions) = 0;
};

}  // namespace headrace::store
