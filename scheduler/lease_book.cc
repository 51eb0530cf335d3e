#include "scheduler/lease_book.h"

#include <algorithm>

namespace headrace::scheduler {

void LeaseBook::Grant(const wire::TaskKey& key, const WorkerId& worker, Duration now, std::uint64_t credit_seq, std::uint64_t process) {
  leases_[key] = Lease{worker, now + length_, false, credit_seq, process};
  expiries_.emplace_back(now + length_, key);
}

void LeaseBook::AddOrphan(const wire::TaskKey& key, Duration now) {
  const Duration expires = now + length_ + length_ / 5;
  leases_[key] = Lease{WorkerId(), expires, false, 0, 0};
  orphan_expiries_.emplace_back(expires, key);
}

bool LeaseBook::ClaimOrRenew(const wire::TaskKey& key, const WorkerId& worker, Duration now, std::uint64_t process) {
  const auto it = leases_.find(key);
  if (it == leases_.end()) return false;
  Lease& lease = it->second;
  if (!lease.worker.empty() && lease.worker != worker) return false;
  lease = Lease{worker, now + length_, true, lease.credit_seq, process};
  expiries_.emplace_back(lease.expires, key);
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

std::vector<std::pair<wire::TaskKey, Lease>> LeaseBook::TakeIf(const std::function<bool(const wire::TaskKey&)>& match) {
  std::vector<std::pair<wire::TaskKey, Lease>> taken;
  for (auto it = leases_.begin(); it != leases_.end();) {
    if (!match(it->first)) {
      ++it;
      continue;
    }
    taken.emplace_back(it->first, std::move(it->second));
    it = leases_.erase(it);
  }
  return taken;
}

std::vector<std::pair<wire::TaskKey, Lease>> LeaseBook::TakeExpired(Duration now) {
  std::vector<std::pair<wire::TaskKey, Lease>> expired;
  TakeExpired(expiries_, now, expired);
  TakeExpired(orphan_expiries_, now, expired);
  return expired;
}

void LeaseBook::TakeExpired(Expiries& expiries, Duration now, std::vector<std::pair<wire::TaskKey, Lease>>& into) {
  while (!expiries.empty() && expiries.front().first <= now) {
    const auto [expires, key] = std::move(expiries.front());
    expiries.pop_front();
    const auto it = leases_.find(key);
    if (it == leases_.end() || it->second.expires != expires) continue;  // ended or renewed
    into.emplace_back(key, std::move(it->second));
    leases_.erase(it);
  }
}

std::optional<Duration> LeaseBook::NextExpiry() const {
  std::optional<Duration> next;
  for (const Expiries* expiries : {&expiries_, &orphan_expiries_}) {
    if (!expiries->empty() && (!next || expiries->front().first < *next)) next = expiries->front().first;
  }
  return next;
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
