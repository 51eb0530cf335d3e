// The tasks: assignments, leases, results, cancels.
#include <algorithm>

#include "worker/session.h"

namespace headrace::worker {
namespace {

constexpr std::size_t kGoneKept = 16 * 1024;
constexpr std::size_t kSpecsKept = 64 * 1024;

}  // namespace

// A promise: no copy of this grant will run here, as the scheduler may give the delivery to another worker now.
void WorkerSession::Nack(const wire::Assign& assign, wire::NackReason reason) {
  port_.Send(wire::AssignNack{.key = assign.key, .reason = reason, .credit_seq = assign.credit_seq});
  const auto [at, fresh] = nacked_.try_emplace(assign.key, assign.credit_seq);
  at->second = std::max(at->second, assign.credit_seq);
  if (!fresh) return;
  nacked_order_.push_back(assign.key);
  if (nacked_order_.size() <= kGoneKept) return;
  nacked_.erase(nacked_order_.front());
  nacked_order_.pop_front();
}

bool WorkerSession::IsNacked(const wire::Assign& assign) const {
  const auto at = nacked_.find(assign.key);
  return at != nacked_.end() && assign.credit_seq != 0 && assign.credit_seq <= at->second;
}

void WorkerSession::On(wire::Assign& message, Duration now) {
  // Between sessions the scheduler does not know yet what is held here; it will assign again.
  if (phase_ != Phase::kWelcomed) return;
  if (message.epoch < highest_epoch_) return Nack(message, wire::NackReason::kOldEpoch);
  highest_epoch_ = message.epoch;

  std::shared_ptr<const wire::TaskSpec> spec;
  if (message.spec) {
    if (specs_.size() >= kSpecsKept) specs_.clear();
    spec = std::make_shared<const wire::TaskSpec>(std::move(*message.spec));
    specs_[message.spec_id] = spec;
  } else if (const auto known = specs_.find(message.spec_id); known != specs_.end()) {
    spec = known->second;
  }

  if (const auto at = tasks_.find(message.key); at != tasks_.end()) {
    if (at->second.phase == TaskPhase::kAbandoned) return Nack(message, wire::NackReason::kNoSlot);
    if (at->second.phase == TaskPhase::kEnded) return SendResult(at, now);
    port_.Send(wire::AssignAck{.key = message.key});
    return;
  }
  if (IsNacked(message)) return Nack(message, wire::NackReason::kNoSlot);
  if (IsGone(message.key, now)) return Nack(message, wire::NackReason::kNoSlot);
  if (!ReplaceOlder(message, now)) return Nack(message, wire::NackReason::kOldEpoch);
  if (draining_) return Nack(message, wire::NackReason::kDraining);
  if (!spec) return Nack(message, wire::NackReason::kUnknownSpec);
  if (free_slots() == 0) return Nack(message, wire::NackReason::kNoSlot);
  // Too long on its way: its lease may be another worker's by now.
  if (now >= KillAt({.lease_from = SaidAt(message.credit_seq, now)})) return Nack(message, wire::NackReason::kNoSlot);
  Begin(message, std::move(spec), now);
}

// Other deliveries and attempts of the same task run: older ones end, a newer one wins over the message.
bool WorkerSession::ReplaceOlder(const wire::Assign& assign, Duration now) {
  wire::TaskKey first = assign.key;
  first.fence.attempt = 0;
  first.fence.delivery = 0;
  for (auto at = tasks_.lower_bound(first); at != tasks_.end() && SameTaskRun(at->first, assign.key);) {
    if (TaskKeyLess()(assign.key, at->first)) return false;
    const auto older = at++;
    if (older->second.phase == TaskPhase::kEnded) Forget(older, now);
    else Abandon(older, now);
  }
  return true;
}

void WorkerSession::Begin(wire::Assign& assign, std::shared_ptr<const wire::TaskSpec> spec, Duration now) {
  Task task{.lease_from = SaidAt(assign.credit_seq, now)};
  lease_check_at_ = std::min(lease_check_at_, KillAt(task));
  tasks_.emplace(assign.key, std::move(task));
  ++busy_;
  acks_due_.push_back(assign.key);
  port_.StartTask({.key = assign.key,
                   .spec = std::move(spec),
                   .context_json = std::move(assign.context_json),
                   .task_run = std::move(assign.task_run),
                   .ns = std::move(assign.ns),
                   .flow_id = std::move(assign.flow_id),
                   .memo_json = std::move(assign.memo_json),
                   .started = assign.started});
}

void WorkerSession::SendAcks() {
  for (const wire::TaskKey& key : acks_due_) {
    const auto at = tasks_.find(key);
    if (at == tasks_.end() || !at->second.ack_due || at->second.phase == TaskPhase::kAbandoned) continue;
    at->second.ack_due = false;
    port_.Send(wire::AssignAck{.key = key});
  }
  acks_due_.clear();
}

void WorkerSession::OnTaskStarted(const wire::TaskKey& key, Timestamp at) {
  const auto found = tasks_.find(key);
  if (found == tasks_.end() || found->second.phase != TaskPhase::kRunning) return;
  found->second.started = at;
  if (phase_ == Phase::kWelcomed) port_.Send(wire::Started{.key = key, .at = at});
}

void WorkerSession::OnTaskEnded(wire::TaskResult result, Duration now) {
  const auto at = tasks_.find(result.key);
  if (at == tasks_.end() || at->second.phase == TaskPhase::kEnded) return;
  --busy_;
  credit_due_ = true;
  Task& task = at->second;
  if (task.phase == TaskPhase::kAbandoned) {
    tasks_.erase(at);
    return;
  }
  task.phase = TaskPhase::kEnded;
  task.ack_due = false;
  task.result = std::move(result);
  if (phase_ != Phase::kWelcomed) return;
  // What the task said goes ahead of its result as far as the window lets it.
  while (auto piece = logs_.NextOf(at->first)) port_.Send(std::move(*piece));
  logs_.End(at->first);
  SendResult(at, now);
}

void WorkerSession::SendResult(Tasks::iterator at, Duration now) {
  Task& task = at->second;
  Duration wait = options_.result_retry_min;
  for (int i = 0; i < task.sends && wait < options_.result_retry_max; ++i) wait *= 2;
  ++task.sends;
  task.resend_at = now + std::min(wait, options_.result_retry_max);
  resend_check_at_ = std::min(resend_check_at_, task.resend_at);
  port_.Send(task.result);
}

void WorkerSession::ResendResults(Duration now) {
  if (now < resend_check_at_) return;
  resend_check_at_ = kNever;
  for (auto at = tasks_.begin(); at != tasks_.end(); ++at) {
    if (at->second.phase != TaskPhase::kEnded) continue;
    if (now >= at->second.resend_at) SendResult(at, now);
    else resend_check_at_ = std::min(resend_check_at_, at->second.resend_at);
  }
}

void WorkerSession::On(wire::ResultAck& message, Duration now) {
  const auto at = tasks_.find(message.key);
  if (at != tasks_.end() && at->second.phase == TaskPhase::kEnded) Forget(at, now);
}

void WorkerSession::On(wire::Cancel& message, Duration now) {
  const auto at = tasks_.find(message.key);
  if (at == tasks_.end()) {
    RememberGone(message.key, now);  // its Assign may come later than this
  } else if (at->second.phase == TaskPhase::kRunning) {
    at->second.phase = TaskPhase::kCancelling;
    port_.CancelTask(message.key, message.grace, message.reason);
  }
  port_.Send(wire::CancelAck{.key = message.key});
}

void WorkerSession::On(wire::HeartbeatAck& message, Duration now) {
  const Duration sent = HeartbeatSentAt(message.credit_seq);
  for (const wire::TaskKey& key : message.renewed) {
    const auto at = tasks_.find(key);
    if (at != tasks_.end()) at->second.lease_from = std::max(at->second.lease_from, sent);
  }
  for (const wire::TaskKey& key : message.unknown) {
    const auto at = tasks_.find(key);
    // A result goes only with its ack: it may have been taken a moment ago and not be durable yet.
    if (at != tasks_.end() && at->second.phase != TaskPhase::kEnded) Abandon(at, now);
  }
}

Duration WorkerSession::KillAt(const Task& task) const {
  // The margin covers the way of the assignment and the time a kill takes; never more than half of a short lease.
  const Duration margin = std::min(std::max<Duration>(lease_ / 5, std::chrono::milliseconds(500)), lease_ / 2);
  return task.lease_from + lease_ - margin;
}

void WorkerSession::ExpireLeases(Duration now) {
  if (now < lease_check_at_) return;
  lease_check_at_ = kNever;
  for (auto at = tasks_.begin(); at != tasks_.end(); ++at) {
    const TaskPhase phase = at->second.phase;
    if (phase != TaskPhase::kRunning && phase != TaskPhase::kCancelling) continue;
    const Duration kill_at = KillAt(at->second);
    if (now >= kill_at) Abandon(at, now);
    else lease_check_at_ = std::min(lease_check_at_, kill_at);
  }
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

void WorkerSession::OnLog(const wire::TaskKey& key, wire::LogEntry entry) {
  const auto at = tasks_.find(key);
  if (at == tasks_.end() || at->second.phase == TaskPhase::kAbandoned) return;
  logs_.Add(key, std::move(entry));
}

void WorkerSession::SendLogs() {
  while (auto piece = logs_.Next()) port_.Send(std::move(*piece));
}

}  // namespace headrace::worker
