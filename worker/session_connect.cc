// The connection: hello, welcome, heartbeats, credit, drain.
#include <algorithm>

#include <spdlog/spdlog.h>

#include "common/base/hash.h"
#include "worker/session.h"

namespace headrace::worker {
namespace {

constexpr std::size_t kHeartbeatsKept = 64;

// Doubles from `least` to `most`, up to a quarter less by a hash, so that many workers do not come back in step.
Duration BackOff(Duration least, Duration most, int tries, const std::string& who) {
  Duration wait = least;
  for (int i = 1; i < tries && wait < most; ++i) wait *= 2;
  wait = std::min(wait, most);
  return wait - wait / 4 * static_cast<std::int64_t>(StableHash(who, static_cast<std::uint64_t>(tries)) % 256) / 256;
}

}  // namespace

WorkerSession::WorkerSession(SessionOptions options, SessionPort& port)
    : options_(std::move(options)), port_(port), logs_(options_.log_buffer_bytes) {}

void WorkerSession::OnConnected(Duration now) {
  if (phase_ == Phase::kDone || phase_ == Phase::kRefused) return;
  LoseSession(now);
}

void WorkerSession::LoseSession(Duration now) {
  phase_ = Phase::kHello;
  hellos_ = 0;
  SayHello(now);
}

void WorkerSession::SayHello(Duration now) {
  ++hellos_;
  hello_sent_ = now;
  hello_at_ = now + BackOff(options_.hello_retry_min, options_.hello_retry_max, hellos_, options_.worker.str());
  port_.Send(wire::Hello{.worker = options_.worker,
                         .incarnation = options_.incarnation,
                         .group = options_.group,
                         .tags = options_.tags,
                         .capacity = options_.capacity,
                         .build = options_.build,
                         .host = options_.host,
                         .pid = options_.pid});
}

void WorkerSession::OnMessage(wire::ToWorker message, Duration now) {
  if (phase_ == Phase::kRefused || phase_ == Phase::kDone) return;
  last_heard_ = now;
  std::visit([&](auto& body) { On(body, now); }, message);
}

void WorkerSession::On(wire::Welcome& message, Duration now) {
  if (phase_ == Phase::kWelcomed && session_ == message.session) return;
  phase_ = Phase::kWelcomed;
  session_ = message.session;
  lease_ = message.lease;
  heartbeat_ = message.heartbeat;
  hello_at_ = kNever;
  hellos_ = 0;
  heartbeats_.clear();
  specs_.clear();  // ids of specs belong to a session
  lease_check_at_ = Duration::zero();
  logs_.Grant(message.log_credit_bytes);

  wire::Resync resync;
  acks_due_.clear();
  for (auto& [key, task] : tasks_) {
    if (task.phase == TaskPhase::kAbandoned) continue;
    task.ack_due = false;
    if (task.phase == TaskPhase::kEnded) resync.unacked.push_back(key);
    else resync.running.push_back({.key = key, .started = task.started});
  }
  port_.Send(std::move(resync));
  if (draining_) port_.Send(wire::Draining{});
  SendHeartbeat(now);
  SendCredit();
  for (auto at = tasks_.begin(); at != tasks_.end(); ++at) {
    if (at->second.phase != TaskPhase::kEnded) continue;
    at->second.sends = 0;
    SendResult(at, now);
  }
}

void WorkerSession::On(wire::Refused& message, Duration now) {
  if (!message.permanent) {
    spdlog::warn("the scheduler does not take this worker yet: {}", message.reason);
    if (phase_ == Phase::kWelcomed) LoseSession(now);
    return;
  }
  phase_ = Phase::kRefused;
  refused_ = message.reason;
  AbandonAll(now);
}

void WorkerSession::On(wire::HelloRequired&, Duration now) {
  // Several of these may answer several messages; one hello is enough.
  if (phase_ == Phase::kHello && now - hello_sent_ < options_.hello_retry_min) return;
  LoseSession(now);
}

void WorkerSession::On(wire::LogCredit& message, Duration) { logs_.Grant(message.bytes); }

void WorkerSession::On(wire::Drain&, Duration now) { BeginDrain(now); }

void WorkerSession::BeginDrain(Duration) {
  if (draining_ || phase_ == Phase::kRefused) return;
  draining_ = true;
  credit_due_ = true;
  if (phase_ == Phase::kIdle) phase_ = Phase::kDone;
  if (phase_ == Phase::kWelcomed) port_.Send(wire::Draining{});
}

void WorkerSession::EndDrain() {
  if (!draining_ || !tasks_.empty() || logs_.sendable()) return;
  port_.Send(wire::Bye{});
  phase_ = Phase::kDone;
}

void WorkerSession::SendHeartbeat(Duration now) {
  heartbeat_at_ = now + heartbeat_;
  wire::Heartbeat beat{.free_slots = free_slots(), .credit_seq = ++seq_, .draining = draining_};
  // A result that waits for its ack is held too: a task that is absent here counts as lost.
  for (const auto& [key, task] : tasks_)
    if (task.phase != TaskPhase::kAbandoned) beat.tasks.push_back(key);
  beats_.emplace_back(seq_, now);
  if (beats_.size() > kHeartbeatsKept) beats_.pop_front();
  heartbeats_.emplace_back(seq_, now);
  if (heartbeats_.size() > kHeartbeatsKept) heartbeats_.pop_front();
  credit_due_ = false;
  port_.Send(std::move(beat));
}

void WorkerSession::SendCredit() {
  credit_due_ = false;
  port_.Send(wire::Credit{.free_slots = free_slots(), .seq = ++seq_});
}

// When this worker said what the scheduler knew of it: the newest heartbeat that is no newer than `seq`.
Duration WorkerSession::SaidAt(std::uint64_t seq, Duration now) const {
  if (seq == 0) return now;
  const auto later = std::find_if(beats_.rbegin(), beats_.rend(), [&](const auto& beat) { return beat.first <= seq; });
  return later == beats_.rend() ? -lease_ : later->second;
}

Duration WorkerSession::HeartbeatSentAt(std::uint64_t seq) {
  // An ack that does not say what it answers is taken for the oldest: a lease is never thought longer than it is.
  if (heartbeats_.empty()) return -kNever;
  auto at = heartbeats_.begin();
  if (seq != 0) {
    at = std::find_if(at, heartbeats_.end(), [&](const auto& sent) { return sent.first == seq; });
    if (at == heartbeats_.end()) return -kNever;
  }
  const Duration sent = at->second;
  heartbeats_.erase(heartbeats_.begin(), at + 1);
  return sent;
}

void WorkerSession::OnTick(Duration now) {
  if (phase_ == Phase::kIdle || phase_ == Phase::kDone || phase_ == Phase::kRefused) return;
  ExpireLeases(now);
  if (phase_ == Phase::kWelcomed && now - last_heard_ > lease_) LoseSession(now);
  if (phase_ == Phase::kHello && draining_ && tasks_.empty()) phase_ = Phase::kDone;
  if (phase_ == Phase::kHello && now >= hello_at_) SayHello(now);
  if (phase_ != Phase::kWelcomed) return;
  if (now >= heartbeat_at_) SendHeartbeat(now);
  SendAcks();
  ResendResults(now);
  SendLogs();
  if (credit_due_) SendCredit();
  EndDrain();
}

Duration WorkerSession::NextWake() const {
  if (phase_ == Phase::kIdle || phase_ == Phase::kDone || phase_ == Phase::kRefused) return kNever;
  Duration next = lease_check_at_;
  if (phase_ == Phase::kHello) return draining_ && tasks_.empty() ? Duration::zero() : std::min(next, hello_at_);
  const bool drained = draining_ && tasks_.empty();
  if (credit_due_ || !acks_due_.empty() || logs_.sendable() || drained) return Duration::zero();
  // Silence counts from one microsecond past the lease.
  return std::min({next, heartbeat_at_, resend_check_at_, last_heard_ + lease_ + Duration(1)});
}

std::uint32_t WorkerSession::free_slots() const {
  if (draining_ || busy_ >= options_.capacity) return 0;
  return options_.capacity - busy_;
}

}  // namespace headrace::worker
