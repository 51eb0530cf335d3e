#include "tests/sim/store_server.h"

#include <algorithm>

#include "common/base/check.h"

namespace headrace::sim {
namespace {

// As LOST_EPOCHS of the Redis functions. They go beyond their server's clock, too; that may have gone back, so it is left out.
constexpr store::Epoch kLostEpochs = 1 << 20;

}  // namespace

Status StoreServer::Reach(int scheduler) const {
  if (!away_ && !cut_off_.contains(scheduler)) return {};
  return Fail(Code::kUnavailable, "the store is away");
}

void StoreServer::CutOff(int scheduler, bool cut) {
  if (cut) cut_off_.insert(scheduler);
  else cut_off_.erase(scheduler);
}

Result<std::optional<store::Epoch>> StoreServer::Take(store::PartitionId partition, const std::string& owner, Duration lease,
                                                      store::Epoch& seen) {
  ASSIGN_OR_RETURN(const std::optional<store::Epoch> on_disk, stores_.leases->Acquire(partition, owner, lease));
  if (!on_disk) return std::nullopt;
  Head& head = heads_[partition];
  store::Epoch epoch = std::max(head.epoch, seen) + 1;
  if (head.server != 0 && head.server != server_) epoch += kLostEpochs;
  if (head.server != 0) before_[partition] = head;
  head = {.epoch = epoch, .owner = owner, .lease = lease, .server = server_};
  on_disk_[{partition, epoch}] = *on_disk;
  seen = std::max(seen, epoch);
  on_taken();
  return epoch;
}

store::Epoch StoreServer::OnDisk(store::PartitionId partition, store::Epoch epoch) const {
  const auto found = on_disk_.find({partition, epoch});
  return found == on_disk_.end() ? epoch : found->second;
}

void StoreServer::OnWritten(store::PartitionId partition, store::Epoch epoch) {
  if (const auto head = heads_.find(partition); head != heads_.end() && head->second.epoch == epoch) head->second.wrote = true;
}

void StoreServer::Promote(bool forgets_takings, Random& chance) {
  ++server_;
  for (const auto& [partition, head] : heads_) {
    if (forgets_takings && !head.wrote && before_.contains(partition)) {
      Forget(partition, chance);
      continue;
    }
    // It may not have heard of the last renewals, or that it was released. Whoever has lost it meanwhile is refused.
    if (!chance.Chance(0.5)) continue;
    const Duration left(static_cast<std::int64_t>(chance.Below(static_cast<std::uint64_t>(head.lease.count()) + 1)));
    static_cast<void>(stores_.leases->Renew(partition, head.owner, OnDisk(partition, head.epoch), left));
  }
}

void StoreServer::Forget(store::PartitionId partition, Random& chance) {
  Head& head = heads_.at(partition);
  const Head was = before_.at(partition);
  const Duration left(static_cast<std::int64_t>(chance.Below(static_cast<std::uint64_t>(was.lease.count()) + 1)));
  world_.Note("partition " + std::to_string(partition) + " goes back from epoch " + std::to_string(head.epoch) + " of " + head.owner +
              " to " + std::to_string(was.epoch) + " of " + was.owner);
  CHECK(stores_.store->Acquire(partition).has_value());  // whoever has it
  const auto on_disk = stores_.leases->Acquire(partition, was.owner, left);
  CHECK(on_disk && *on_disk);
  on_disk_[{partition, was.epoch}] = **on_disk;
  head = was;
  before_.erase(partition);
}

Result<std::optional<store::Epoch>> SimLeases::Acquire(store::PartitionId partition, const std::string& owner, Duration lease) {
  RETURN_IF_ERROR(server_.Reach(scheduler_));
  return server_.Take(partition, owner, lease, seen_);
}

Status SimLeases::Renew(store::PartitionId partition, const std::string& owner, store::Epoch epoch, Duration lease) {
  RETURN_IF_ERROR(server_.Reach(scheduler_));
  return leases_.Renew(partition, owner, server_.OnDisk(partition, epoch), lease);
}

Status SimLeases::Release(store::PartitionId partition, const std::string& owner, store::Epoch epoch) {
  RETURN_IF_ERROR(server_.Reach(scheduler_));
  return leases_.Release(partition, owner, server_.OnDisk(partition, epoch));
}

Result<std::vector<store::LeaseHolder>> SimLeases::Holders(const std::vector<store::PartitionId>& partitions) {
  RETURN_IF_ERROR(server_.Reach(scheduler_));
  return leases_.Holders(partitions);
}

Status SimLeases::Announce(const store::Member& member, Duration lifetime) {
  RETURN_IF_ERROR(server_.Reach(scheduler_));
  return leases_.Announce(member, lifetime);
}

Status SimLeases::Leave(const std::string& id) {
  RETURN_IF_ERROR(server_.Reach(scheduler_));
  return leases_.Leave(id);
}

Result<std::vector<store::Present>> SimLeases::Members() {
  RETURN_IF_ERROR(server_.Reach(scheduler_));
  return leases_.Members();
}

Result<store::FlowRow> SimFlows::Put(store::FlowRow flow) {
  RETURN_IF_ERROR(server_.Reach(scheduler_));
  return flows_.Put(std::move(flow));
}

Result<store::FlowRow> SimFlows::Get(const std::string& ns, const std::string& id, int revision) {
  RETURN_IF_ERROR(server_.Reach(scheduler_));
  return flows_.Get(ns, id, revision);
}

Result<std::vector<store::FlowRow>> SimFlows::ListLatest(const std::string& ns_prefix) {
  RETURN_IF_ERROR(server_.Reach(scheduler_));
  return flows_.ListLatest(ns_prefix);
}

Result<std::vector<store::FlowRow>> SimFlows::Revisions(const std::string& ns, const std::string& id) {
  RETURN_IF_ERROR(server_.Reach(scheduler_));
  return flows_.Revisions(ns, id);
}

}  // namespace headrace::sim
