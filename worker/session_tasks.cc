// The tasks: assignments, cancels, and the end of what nobody wants any more.
#include <algorithm>

#include "worker/session.h"

namespace headrace::worker {
namespace {

constexpr std::size_t kGoneKept = 16 * 1024;

}  // namespace

void WorkerSession::Nack(Link& link, const wire::Assign& assign, wire::NackReason reason, Duration now) {
  link.Nack(assign, reason);
  if (reason != wire::NackReason::kNoSlot || free_slots() > 0) return;
  link.OweCredit();
  if (Welcomed().size() > 1) deal_.OnTurnedAway(now, link.lease(), link.heartbeat());
}

void WorkerSession::On(Link& link, wire::Assign& message, Duration now) {
  // Between sessions the scheduler does not know yet what is held here; it will assign again.
  if (!link.welcomed()) return;
  std::uint64_t& highest = highest_epochs_[message.partition];
  if (message.epoch < highest) return Nack(link, message, wire::NackReason::kOldEpoch, now);
  highest = message.epoch;

  std::shared_ptr<const wire::TaskSpec> spec = link.SpecOf(message);
  if (const auto at = tasks_.find(message.key); at != tasks_.end()) return OnHeld(link, at, message, now);
  if (link.WasNacked(message)) return Nack(link, message, wire::NackReason::kNoSlot, now);
  if (IsGone(message.key, now)) return Nack(link, message, wire::NackReason::kNoSlot, now);
  if (!ReplaceOlder(message, now)) return Nack(link, message, wire::NackReason::kOldEpoch, now);
  if (draining_) return Nack(link, message, wire::NackReason::kDraining, now);
  if (!spec) return Nack(link, message, wire::NackReason::kUnknownSpec, now);
  if (free_slots() == 0) return Nack(link, message, wire::NackReason::kNoSlot, now);
  // Too long on its way: its lease may be another worker's by now.
  const Duration said = link.SaidAt(message.credit_seq, now);
  if (now >= KillAt({.lease_from = said, .lease = link.lease()})) return Nack(link, message, wire::NackReason::kNoSlot, now);
  Begin(link, message, std::move(spec), now);
}

// Who assigns what is here already owns its partition now.
void WorkerSession::OnHeld(Link& link, Tasks::iterator at, wire::Assign& assign, Duration now) {
  Task& task = at->second;
  if (task.phase == TaskPhase::kAbandoned) return Nack(link, assign, wire::NackReason::kNoSlot, now);
  if (task.home != link.id()) {
    if (const Duration said = link.SaidAt(assign.credit_seq, now); said > task.lease_from) {
      task.lease_from = said;
      task.lease = link.lease();
    }
    SetHome(at, link, now);
  }
  if (task.phase == TaskPhase::kEnded) return SendResult(at, now);
  link.Send(wire::AssignAck{.key = assign.key});
}

// Other deliveries and attempts of the same task run: older ones end, a newer one wins over the message.
bool WorkerSession::ReplaceOlder(const wire::Assign& assign, Duration now) {
  wire::TaskKey first = assign.key;
  first.fence.attempt = 0;
  first.fence.delivery = 0;
  for (auto at = tasks_.lower_bound(first); at != tasks_.end() && SameTaskRun(at->first, assign.key);) {
    if (TaskKeyLess()(assign.key, at->first)) return false;
    const auto older = at++;
    if (older->second.phase == TaskPhase::kEnded) {
      port_.DropResult(older->first);
      Forget(older, now);
    } else {
      Abandon(older, now);
    }
  }
  return true;
}

void WorkerSession::Begin(Link& link, wire::Assign& assign, std::shared_ptr<const wire::TaskSpec> spec, Duration now) {
  Task task{.home = link.id(), .lease_from = link.SaidAt(assign.credit_seq, now), .lease = link.lease()};
  lease_check_at_ = std::min(lease_check_at_, KillAt(task));
  tasks_.emplace(assign.key, std::move(task));
  ++busy_;
  link.Took();
  if (deal_.dealing()) {
    const auto links = Welcomed();
    deal_.OnTaken(static_cast<std::size_t>(std::find(links.begin(), links.end(), &link) - links.begin()), now);
  }
  credit_due_ = true;
  acks_due_.push_back(assign.key);
  port_.StartTask({.key = assign.key,
                   .spec = std::move(spec),
                   .context_json = std::move(assign.context_json),
                   .task_run = std::move(assign.task_run),
                   .ns = std::move(assign.ns),
                   .flow_id = std::move(assign.flow_id),
                   .memo_json = std::move(assign.memo_json),
                   .started = assign.started,
                   .trace_parent = std::move(assign.trace_parent)});
}

void WorkerSession::SendAcks() {
  for (const wire::TaskKey& key : acks_due_) {
    const auto at = tasks_.find(key);
    if (at == tasks_.end() || !at->second.ack_due || at->second.phase == TaskPhase::kAbandoned) continue;
    at->second.ack_due = false;
    Tell(at->second, wire::AssignAck{.key = key});
  }
  acks_due_.clear();
}

// A scheduler that is not (yet) its home says it again.
void WorkerSession::On(Link& link, wire::Cancel& message, Duration now) {
  const auto at = tasks_.find(message.key);
  if (at == tasks_.end()) {
    RememberGone(message.key, now);  // its Assign may come later than this
  } else if (!SpeaksFor(link, at->second)) {
    return;
  } else if (at->second.phase == TaskPhase::kRunning) {
    at->second.phase = TaskPhase::kCancelling;
    port_.CancelTask(message.key, message.grace, message.reason);
  }
  link.Send(wire::CancelAck{.key = message.key});
}

void WorkerSession::Abandon(Tasks::iterator at, Duration now) {
  if (at->second.phase == TaskPhase::kAbandoned) return;
  at->second.phase = TaskPhase::kAbandoned;
  logs_.Forget(at->first);
  RememberGone(at->first, now);
  port_.AbandonTask(at->first);
}

void WorkerSession::AbandonAll(Duration now) {
  for (auto at = tasks_.begin(); at != tasks_.end();) {
    const auto task = at++;
    if (task->second.phase == TaskPhase::kEnded) Forget(task, now);
    else Abandon(task, now);
  }
}

void WorkerSession::Forget(Tasks::iterator at, Duration now) {
  RememberGone(at->first, now);
  logs_.End(at->first);
  tasks_.erase(at);
}

// Long enough that a copy still on its way has arrived or its lease has ended; then the key may come again, as it does
// from a scheduler that lost this worker and its own memory.
void WorkerSession::RememberGone(const wire::TaskKey& key, Duration now) {
  if (!gone_.insert(key).second) return;
  gone_until_.emplace_back(now + 2 * lease_, key);
  if (gone_until_.size() <= kGoneKept) return;
  gone_.erase(gone_until_.front().second);
  gone_until_.pop_front();
}

bool WorkerSession::IsGone(const wire::TaskKey& key, Duration now) {
  while (!gone_until_.empty() && gone_until_.front().first <= now) {
    gone_.erase(gone_until_.front().second);
    gone_until_.pop_front();
  }
  return gone_.contains(key);
}

}  // namespace headrace::worker
