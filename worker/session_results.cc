// What the tasks say: that they began, their logs, and their results until somebody has them for good.
#include <algorithm>

#include "worker/session.h"

namespace headrace::worker {

// To its home; while it has none, to everybody.
void WorkerSession::Tell(const Task& task, const wire::FromWorker& message) {
  if (task.home) return port_.Send(*task.home, message);
  for (const Link* link : Welcomed()) port_.Send(link->id(), message);
}

void WorkerSession::OnTaskStarted(const wire::TaskKey& key, Timestamp at) {
  const auto found = tasks_.find(key);
  if (found == tasks_.end() || found->second.phase != TaskPhase::kRunning) return;
  found->second.started = at;
  Tell(found->second, wire::Started{.key = key, .at = at});
}

void WorkerSession::OnTaskEnded(wire::TaskResult result, Duration now) {
  const auto at = tasks_.find(result.key);
  if (at == tasks_.end() || at->second.phase == TaskPhase::kEnded) return;
  --busy_;
  credit_due_ = true;
  Task& task = at->second;
  if (task.phase == TaskPhase::kAbandoned) {
    port_.DropResult(at->first);
    tasks_.erase(at);
    return;
  }
  task.phase = TaskPhase::kEnded;
  task.ack_due = false;
  task.result = std::move(result);
  // What the task said goes ahead of its result as far as the window lets it.
  if (task.home)
    while (auto piece = logs_.NextOf(at->first)) port_.Send(*task.home, std::move(*piece));
  logs_.End(at->first);
  SendResult(at, now);
}

void WorkerSession::RestoreResult(wire::TaskResult result) {
  const wire::TaskKey key = result.key;
  tasks_.emplace(key, Task{.phase = TaskPhase::kEnded, .ack_due = false, .result = std::move(result)});
}

void WorkerSession::NoteSent(Task& task, Duration now) {
  Duration wait = options_.result_retry_min;
  for (int i = 0; i < task.sends && wait < options_.result_retry_max; ++i) wait *= 2;
  ++task.sends;
  task.sent_at = now;
  task.resend_at = now + std::min(wait, options_.result_retry_max);
  resend_check_at_ = std::min(resend_check_at_, task.resend_at);
}

void WorkerSession::SendResult(Tasks::iterator at, Duration now) {
  if (!connected()) return;  // the next Welcome is answered with it
  NoteSent(at->second, now);
  Tell(at->second, at->second.result);
}

void WorkerSession::OfferResult(Tasks::iterator at, const Link& except, Duration now) {
  at->second.sends = 0;
  NoteSent(at->second, now);
  for (Link* link : Welcomed())
    if (link->id() != except.id()) link->Send(at->second.result);
}

// Somebody new waits for it: soon, but not twice in a moment.
void WorkerSession::HurryResult(Task& task, Duration now) {
  task.sends = std::min(task.sends, 1);
  task.resend_at = std::min(task.resend_at, std::max(now, task.sent_at + options_.result_retry_min));
  resend_check_at_ = std::min(resend_check_at_, task.resend_at);
}

void WorkerSession::ResendResults(Duration now) {
  if (now < resend_check_at_) return;
  resend_check_at_ = kNever;
  if (!connected()) return;
  for (auto at = tasks_.begin(); at != tasks_.end(); ++at) {
    if (at->second.phase != TaskPhase::kEnded) continue;
    if (now >= at->second.resend_at) SendResult(at, now);
    else resend_check_at_ = std::min(resend_check_at_, at->second.resend_at);
  }
}

void WorkerSession::On(Link& link, wire::ResultAck& message, Duration now) {
  const auto at = tasks_.find(message.key);
  if (at == tasks_.end() || at->second.phase != TaskPhase::kEnded) return;
  if (message.verdict == wire::Verdict::kElsewhere) {
    if (at->second.home == link.id()) MakeHomeless(at, link, now);
    return;
  }
  // Accepted is durable, whoever says it; the others only count from who owns the partition.
  if (message.verdict != wire::Verdict::kAccepted && !SpeaksFor(link, at->second)) return;
  logs_.Move(at->first, link.id());
  port_.DropResult(at->first);
  Forget(at, now);
}

void WorkerSession::OnLog(const wire::TaskKey& key, wire::LogEntry entry) {
  const auto at = tasks_.find(key);
  if (at == tasks_.end() || at->second.phase == TaskPhase::kAbandoned) return;
  logs_.Add(key, std::move(entry), at->second.home);
}

void WorkerSession::SendLogs() {
  for (Link* link : Welcomed())
    while (auto piece = logs_.Next(link->id())) link->Send(std::move(*piece));
}

}  // namespace headrace::worker
