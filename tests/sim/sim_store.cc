#include "tests/sim/sim_store.h"

#include <utility>

namespace headrace::sim {

Status SimStore::Write(store::WriteBatch batch) {
  Status written;
  store::WriteBatch seen = batch;
  disk_.Commit(std::move(batch), [&](Status status) { written = std::move(status); });
  if (written) laws_.OnDurable(seen);
  return written;
}

void SimStore::Commit(store::WriteBatch batch, store::CommitDone done) {
  pending_.push_back({std::move(batch), std::move(done)});
  if (!busy_) Next();
}

void SimStore::Next() {
  if (pending_.empty()) return;
  busy_ = true;
  Duration delay = world_.Between(faults_.commit_min, faults_.commit_max);
  if (world_.random.Chance(faults_.stall)) delay += world_.Between(Duration(0), faults_.stall_max);
  world_.After(delay, [this, alive = alive_] {
    if (!*alive) return;
    Pending next = std::move(pending_.front());
    pending_.pop_front();
    busy_ = false;
    const Status written = Write(std::move(next.batch));
    Next();
    next.done(written);
  });
}

void SimStore::Crash() {
  *alive_ = false;
  const std::size_t kept = pending_.empty() ? 0 : world_.random.Below(pending_.size() + 1);
  for (std::size_t i = 0; i < kept; ++i) {
    if (!Write(std::move(pending_[i].batch))) break;
  }
  pending_.clear();
}

}  // namespace headrace::sim
