#include "common/store/redis_partitions.h"

#include <algorithm>

#include "common/store/redis_layout.h"

namespace headrace::store {
namespace {

constexpr std::string_view kInUseKey = "{hr}:in_use";
// So few are asked all at once.
constexpr std::size_t kFew = 4;

}  // namespace

Result<bool> RedisPartitions::Has(PartitionId partition, Duration patience) {
  if (partition >= kRedisPartitions) {
    return InvalidArgument("partition " + std::to_string(partition) + " is none of the " + std::to_string(kRedisPartitions));
  }
  {
    std::lock_guard lock(mutex_);
    if (std::find(known_.begin(), known_.end(), partition) != known_.end()) return true;
  }
  ASSIGN_OR_RETURN(const Reply there, pool_.Call({"SISMEMBER", kInUseKey, std::to_string(partition)}, patience));
  if (there.integer != 0) Know(partition);
  return there.integer != 0;
}

Status RedisPartitions::Add(PartitionId partition, Duration patience) {
  // Looked for first: adding is refused when memory is full, and who takes over then adds nothing.
  ASSIGN_OR_RETURN(const bool there, Has(partition, patience));
  if (there) return {};
  RETURN_IF_ERROR(pool_.Call({"SADD", kInUseKey, std::to_string(partition)}, patience));
  Know(partition);
  return {};
}

void RedisPartitions::Know(PartitionId partition) {
  std::lock_guard lock(mutex_);
  if (std::find(known_.begin(), known_.end(), partition) == known_.end()) known_.push_back(partition);
}

Result<std::vector<PartitionId>> RedisPartitions::All(RedisPool& pool) {
  ASSIGN_OR_RETURN(const Reply reply, pool.Call({"SMEMBERS", kInUseKey}));
  std::vector<PartitionId> all;
  for (const Reply& item : reply.items) all.push_back(static_cast<PartitionId>(item.number()));
  std::sort(all.begin(), all.end());
  std::lock_guard lock(mutex_);
  known_ = all;
  return all;
}

Result<std::optional<RedisPartitions::Found>> RedisPartitions::Find(PartitionId home, const Ask& ask, const Accept& accept) {
  std::vector<PartitionId> rest;
  {
    std::lock_guard lock(mutex_);
    rest = known_;
  }
  std::vector<PartitionId> asked = rest;
  if (rest.size() > kFew) {
    ASSIGN_OR_RETURN(auto found, FindIn({home}, ask, accept));
    if (found) return found;
    std::erase(rest, home);
    asked.push_back(home);
  }
  ASSIGN_OR_RETURN(auto found, FindIn(rest, ask, accept));
  if (found) return found;
  // Others may have taken more meanwhile.
  ASSIGN_OR_RETURN(std::vector<PartitionId> all, All(pool_));
  std::erase_if(all, [&](PartitionId one) { return std::find(asked.begin(), asked.end(), one) != asked.end(); });
  return FindIn(all, ask, accept);
}

Result<std::optional<RedisPartitions::Found>> RedisPartitions::FindIn(const std::vector<PartitionId>& partitions, const Ask& ask,
                                                                      const Accept& accept) {
  if (partitions.empty()) return std::nullopt;
  std::vector<std::string> commands;
  for (const PartitionId partition : partitions) commands.push_back(ask(partition).Take());
  ASSIGN_OR_RETURN(std::vector<Reply> replies, pool_.Call(commands));
  for (std::size_t i = 0; i < replies.size(); ++i) {
    if (accept(replies[i])) return Found{partitions[i], std::move(replies[i])};
  }
  return std::nullopt;
}

}  // namespace headrace::store
