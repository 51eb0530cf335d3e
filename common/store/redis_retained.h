// The latest confirmed batches, for a master that has forgotten them: a replica that lagged when it was promoted.
// Shapes: bounded by bytes; the oldest go first. Threads: one owner.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "common/store/store.h"

namespace headrace::store {

struct BatchName {
  PartitionId partition = 0;
  Epoch epoch = 0;
  std::uint64_t number = 0;
};

class RetainedBatches {
 public:
  struct Batch {
    BatchName name;
    std::string bytes;
  };
  void Add(Batch batch);
  // Numbers `first` to `last` of this partition and epoch; nothing if one of them is not at hand any more.
  std::optional<std::vector<Batch>> Find(PartitionId partition, Epoch epoch, std::uint64_t first, std::uint64_t last) const;

 private:
  std::deque<Batch> batches_;
  std::size_t bytes_ = 0;
};

}  // namespace headrace::store
