#include "scheduler/lease_book.h"

#include <algorithm>

namespace headrace::scheduler {

void LeaseBook::Grant(const wire::TaskKey& key, const WorkerId& worker, Duration now, std::uint64_t credit_seq) {
  leases_[key] = Lease{worker, now + length_, false, credit_seq};
  Watch(key, now + length_);
}

void LeaseBook::AddOrphan(const wire::TaskKey& key, Duration now) {
  const Duration expires = now + length_ + length_ / 5;
  leases_[key] = Lease{WorkerId(), expires, false, 0};
  Watch(key, expires);
}

bool LeaseBook::ClaimOrRenew(const wire::TaskKey& key, const WorkerId& worker, Duration now) {
  const auto it = leases_.find(key);
  if (it == leases_.end()) return false;
  Lease& lease = it->second;
  if (!lease.worker.empty() && lease.worker != worker) return false;
  lease = Lease{worker, now + length_, true, lease.credit_seq};
  Watch(key, lease.expires);
  return true;
}

void LeaseBook::MarkAcked(const wire::TaskKey& key, const WorkerId& worker) {
  const auto it = leases_.find(key);
  if (it != leases_.end() && it->second.worker == worker) it->second.acked = true;
}

const Lease* LeaseBook::Find(const wire::TaskKey& key) const {
  const auto it = leases_.find(key);
  return it == leases_.end() ? nullptr : &it->second;
}

bool LeaseBook::Release(const wire::TaskKey& key, const WorkerId& worker) {
  const auto it = leases_.find(key);
  if (it == leases_.end() || it->second.worker != worker) return false;
  leases_.erase(it);
  return true;
}

std::vector<std::pair<wire::TaskKey, Lease>> LeaseBook::TakeExpired(Duration now) {
  std::vector<std::pair<wire::TaskKey, Lease>> expired;
  while (!expiries_.empty() && expiries_.front().first <= now) {
    const auto [expires, key] = std::move(expiries_.front());
    expiries_.pop_front();
    const auto it = leases_.find(key);
    if (it == leases_.end() || it->second.expires != expires) continue;  // ended or renewed
    expired.emplace_back(key, std::move(it->second));
    leases_.erase(it);
  }
  return expired;
}

std::optional<Duration> LeaseBook::NextExpiry() const {
  if (expiries_.empty()) return std::nullopt;
  return expiries_.front().first;
}

std::vector<wire::TaskKey> LeaseBook::HeldBy(const WorkerId& worker) const {
  std::vector<wire::TaskKey> keys;
  for (const auto& [key, lease] : leases_) {
    if (lease.worker == worker) keys.push_back(key);
  }
  std::sort(keys.begin(), keys.end(), [](const wire::TaskKey& a, const wire::TaskKey& b) {
    return std::tie(a.execution, a.fence.task_run) < std::tie(b.execution, b.fence.task_run);
  });
  return keys;
}

}  // namespace headrace::scheduler
