// Whose the tasks are: homes, leases, and what is told when a scheduler is lost or a partition has moved.
#include <algorithm>

#include "worker/session.h"

namespace headrace::worker {

void WorkerSession::SetHome(Tasks::iterator at, const Link& link, Duration now) {
  Task& task = at->second;
  if (task.home == link.id()) return;
  task.home = link.id();
  logs_.Move(at->first, link.id());
  if (task.phase == TaskPhase::kEnded) HurryResult(task, now);
}

// A result goes to the others at once. Whether they are to be told of the task.
bool WorkerSession::MakeHomeless(Tasks::iterator at, const Link& former, Duration now) {
  at->second.home.reset();
  at->second.ack_due = false;  // the next Resync says it
  logs_.Move(at->first, std::nullopt);
  if (at->second.phase == TaskPhase::kEnded) OfferResult(at, former, now);
  return at->second.phase != TaskPhase::kAbandoned;
}

void WorkerSession::TellHomeless(const Link& except, Duration now) {
  for (Link* link : Welcomed()) {
    if (link->id() == except.id()) continue;
    SendResync(*link, now);
    SendHeartbeat(*link, now);
  }
}

void WorkerSession::SendResync(Link& link, Duration now) {
  wire::Resync resync;
  for (const auto& [key, task] : tasks_) {
    if (task.phase == TaskPhase::kAbandoned || !IsToldTo(link, task, now)) continue;
    if (task.phase == TaskPhase::kEnded) resync.unacked.push_back(key);
    else resync.running.push_back({.key = key, .started = task.started});
  }
  link.Send(std::move(resync));
}

// Its own, those without a home, and those whose home does not answer: whoever took it over may be this one.
bool WorkerSession::IsToldTo(const Link& link, const Task& task, Duration now) const {
  return SpeaksFor(link, task) || !links_.at(*task.home).answers(now);
}

void WorkerSession::On(Link& link, wire::ResyncRequired&, Duration now) {
  if (!link.welcomed()) return;
  SendResync(link, now);
  SendHeartbeat(link, now);
  for (auto& [key, task] : tasks_)
    if (task.phase == TaskPhase::kEnded && SpeaksFor(link, task)) HurryResult(task, now);
}

void WorkerSession::On(Link& link, wire::HeartbeatAck& message, Duration now) {
  const Duration sent = link.HeartbeatSentAt(message.credit_seq);
  for (const wire::TaskKey& key : message.renewed) {
    const auto at = tasks_.find(key);
    if (at == tasks_.end()) continue;
    Task& task = at->second;
    // Word of a scheduler that is not its home counts if nobody has renewed it since: it has taken the partition over.
    if (!SpeaksFor(link, task) && sent <= task.lease_from) continue;
    if (sent > task.lease_from) {
      task.lease_from = sent;
      task.lease = link.lease();
    }
    if (link.welcomed()) SetHome(at, link, now);
  }
  for (const wire::TaskKey& key : message.unknown) {
    const auto at = tasks_.find(key);
    // A result goes only with its ack: it may have been taken a moment ago and not be durable yet.
    if (at != tasks_.end() && at->second.phase != TaskPhase::kEnded && SpeaksFor(link, at->second)) Abandon(at, now);
  }
  bool moved = false;
  for (const wire::TaskKey& key : message.elsewhere) {
    const auto at = tasks_.find(key);
    if (at != tasks_.end() && at->second.home == link.id()) moved = MakeHomeless(at, link, now) || moved;
  }
  if (moved) TellHomeless(link, now);
}

Duration WorkerSession::KillAt(const Task& task) const {
  // The margin covers the way of the assignment and the time a kill takes; never more than half of a short lease.
  const Duration margin = std::min(std::max<Duration>(task.lease / 5, std::chrono::milliseconds(500)), task.lease / 2);
  return task.lease_from + task.lease - margin;
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

}  // namespace headrace::worker
