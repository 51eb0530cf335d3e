// Who holds which delivery and until when. A lease that runs out means: nobody runs it any more.
// Shapes: an orphan is a delivery that some worker may hold from before this scheduler started.
// Units: monotonic time. Threads: loop thread only. Cost: O(1) a change.
// Source: DESIGN section 4; FAILURES rows 3, 4, 13, 16, 23.
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "common/wire/messages.h"

namespace headrace::scheduler {

struct Lease {
  WorkerId worker;  // empty: an orphan
  Duration expires{};
  bool acked = false;
  std::uint64_t credit_seq = 0;  // the worker's newest word when it was granted
  std::uint64_t process = 0;     // the worker's incarnation
};

class LeaseBook {
 public:
  explicit LeaseBook(Duration length) : length_(length) {}

  void Grant(const wire::TaskKey& key, const WorkerId& worker, Duration now, std::uint64_t credit_seq = 0, std::uint64_t process = 0);
  // Waits a lease and the worker's margin on top, so that whoever held it has ended it by then.
  void AddOrphan(const wire::TaskKey& key, Duration now);
  // The worker says that it holds the key: true if it is (now) its lease, which is renewed.
  bool ClaimOrRenew(const wire::TaskKey& key, const WorkerId& worker, Duration now, std::uint64_t process = 0);
  void MarkAcked(const wire::TaskKey& key, const WorkerId& worker);
  const Lease* Find(const wire::TaskKey& key) const;
  // Ends the lease; false if `worker` did not hold it.
  bool Release(const wire::TaskKey& key, const WorkerId& worker);
  void Drop(const wire::TaskKey& key) { leases_.erase(key); }
  // Removes and returns those that match.
  std::vector<std::pair<wire::TaskKey, Lease>> TakeIf(const std::function<bool(const wire::TaskKey&)>& match);
  // Removes and returns what has run out.
  std::vector<std::pair<wire::TaskKey, Lease>> TakeExpired(Duration now);
  std::optional<Duration> NextExpiry() const;
  std::vector<wire::TaskKey> HeldBy(const WorkerId& worker) const;
  std::size_t size() const { return leases_.size(); }

 private:
  using Expiries = std::deque<std::pair<Duration, wire::TaskKey>>;
  void TakeExpired(Expiries& expiries, Duration now, std::vector<std::pair<wire::TaskKey, Lease>>& into);

  const Duration length_;
  std::unordered_map<wire::TaskKey, Lease> leases_;
  // Rising, as the leases of each are equally long; an entry that no longer matches its lease is passed over.
  Expiries expiries_;
  Expiries orphan_expiries_;
};

}  // namespace headrace::scheduler
