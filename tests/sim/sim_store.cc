#include "tests/sim/sim_store.h"

#include <utility>

#include "tests/sim/release_before.h"

namespace headrace::sim {

Status SimStore::Write(store::WriteBatch batch) {
  Status written;
  store::WriteBatch seen = batch;
  batch.epoch = server_.OnDisk(batch.partition, batch.epoch);
  disk_.Commit(std::move(batch), [&](Status status) { written = std::move(status); });
  if (!written) return written;
  server_.OnWritten(seen.partition, seen.epoch);
  laws_.OnDurable(seen);
  const std::string partition = "partition " + std::to_string(seen.partition);
  for (const store::OutboxRow& row : seen.outbox_added) {
    const auto item = wire::DecodeOutbox(row.record);
    if (item) world_.Note(partition + " owes " + std::to_string(row.id) + ": " + item->from.str() + " to " + item->to.str() + ", kind " + std::to_string(item->body.index()));
  }
  for (const std::uint64_t id : seen.outbox_done) world_.Note(partition + " has paid " + std::to_string(id));
  return written;
}

// What was applied already is only answered, in its own epoch.
Status SimStore::Ask(const store::WriteBatch& batch) {
  Status answer;
  disk_.Commit({.partition = batch.partition, .epoch = server_.OnDisk(batch.partition, batch.epoch)},
               [&](Status status) { answer = std::move(status); });
  return answer;
}

void SimStore::Commit(store::WriteBatch batch, store::CommitDone done) {
  if (user_.before) AsBefore(batch);
  pending_.push_back({std::move(batch), std::move(done)});
  if (!busy_) Next();
}

void SimStore::Next() {
  if (pending_.empty()) return;
  busy_ = true;
  Duration delay = world_.Between(faults_.commit_min, faults_.commit_max);
  if (world_.random.Chance(faults_.stall)) delay += world_.Between(Duration(0), faults_.stall_max);
  Send(delay);
}

void SimStore::Send(Duration delay) {
  world_.After(delay, [this, alive = alive_] {
    if (!*alive) return;
    if (!Reach()) {
      if (!std::exchange(waits_, true)) LoseAnswers();
      return Send(world_.Between(std::chrono::milliseconds(5), std::chrono::seconds(1)));
    }
    waits_ = false;
    Pending next = std::move(pending_.front());
    pending_.pop_front();
    busy_ = false;
    const Status written = next.applied ? Ask(next.batch) : Write(std::move(next.batch));
    Next();
    next.done(written);
  });
}

// They had reached the server when it went away; in order, as they are sent.
void SimStore::LoseAnswers() {
  std::size_t applied = world_.random.Below(pending_.size() + 1);
  for (Pending& one : pending_) {
    if (one.applied) continue;
    if (applied-- == 0 || !Write(one.batch)) return;
    one.applied = true;
  }
}

void SimStore::Crash() {
  *alive_ = false;
  const std::size_t kept = pending_.empty() || waits_ ? 0 : world_.random.Below(pending_.size() + 1);
  for (std::size_t i = 0; i < kept; ++i) {
    if (!pending_[i].applied && !Write(std::move(pending_[i].batch))) break;
  }
  pending_.clear();
}

Result<store::Epoch> SimStore::Acquire(store::PartitionId partition) {
  RETURN_IF_ERROR(Reach());
  return disk_.Acquire(partition);
}

Result<store::PartitionSnapshot> SimStore::Load(store::PartitionId partition) {
  RETURN_IF_ERROR(Reach());
  auto snapshot = disk_.Load(partition);
  if (snapshot && user_.before) AsBefore(*snapshot);
  return snapshot;
}

Result<store::StoredExecution> SimStore::Read(const ExecutionId& id) {
  RETURN_IF_ERROR(Reach());
  auto stored = disk_.Read(id);
  if (stored && user_.before) AsBefore(*stored);
  return stored;
}

Result<std::string> SimStore::ReadRecord(const ExecutionId& id) {
  RETURN_IF_ERROR(Reach());
  return disk_.ReadRecord(id);
}

Result<std::vector<store::FlowCount>> SimStore::Count(const store::ExecutionQuery& query) {
  RETURN_IF_ERROR(Reach());
  return disk_.Count(query);
}

Result<store::ExecutionPage> SimStore::List(const store::ExecutionQuery& query) {
  RETURN_IF_ERROR(Reach());
  return disk_.List(query);
}

Result<std::optional<store::RequestRow>> SimStore::FindRequest(const std::string& id) {
  RETURN_IF_ERROR(Reach());
  return disk_.FindRequest(id);
}

}  // namespace headrace::sim
