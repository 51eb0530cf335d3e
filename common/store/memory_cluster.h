// Memory stores of one truth for several engines in one process, who share its partitions by lease: for tests and the simulator.
// Shapes: every Open is another process's view; what one commits the others read at once. Leases run by the clock given.
// Errors: as store.h and lease.h. Threads: as store.h; any may open.
#pragma once

#include <memory>

#include "common/base/clock.h"
#include "common/store/lease.h"
#include "common/store/memory_store.h"

namespace headrace::store {

struct MemoryStores {
  std::unique_ptr<Store> store;
  std::unique_ptr<FlowStore> flows;
  std::unique_ptr<LogStore> logs;
  std::unique_ptr<LeaseStore> leases;
};

class MemoryCluster {
 public:
  // `clock` outlives everything that was opened.
  explicit MemoryCluster(const Clock& clock, PartitionId partitions = kPlaces, LogLimits log_limits = {});
  // The stores may outlive the cluster.
  MemoryStores Open() const;

 private:
  struct Truth;
  class SharedStore;
  class SharedFlows;
  class SharedLogs;
  class Leases;
  std::shared_ptr<Truth> truth_;
};

// One LeaseStore over a truth of its own, for who needs no more.
std::unique_ptr<LeaseStore> MakeMemoryLeaseStore(const Clock& clock, PartitionId partitions);

}  // namespace headrace::store
