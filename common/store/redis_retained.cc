#include "common/store/redis_retained.h"

namespace headrace::store {
namespace {

// Some seconds of a busy scheduler: more than a replica lags.
constexpr std::size_t kBytesMax = 16 * 1024 * 1024;

}  // namespace

void RetainedBatches::Add(Batch batch) {
  bytes_ += batch.bytes.size();
  batches_.push_back(std::move(batch));
  while (bytes_ > kBytesMax && batches_.size() > 1) {
    bytes_ -= batches_.front().bytes.size();
    batches_.pop_front();
  }
}

std::optional<std::vector<RetainedBatches::Batch>> RetainedBatches::Find(PartitionId partition, Epoch epoch, std::uint64_t first,
                                                                         std::uint64_t last) const {
  std::vector<Batch> found;
  for (const Batch& batch : batches_) {
    const BatchName& name = batch.name;
    if (name.partition != partition || name.epoch != epoch || name.number > last) continue;
    if (name.number == first + found.size()) found.push_back(batch);
  }
  if (found.size() != last - first + 1) return std::nullopt;
  return found;
}

}  // namespace headrace::store
