#include "worker/link.h"

#include <algorithm>

#include "common/base/hash.h"

namespace headrace::worker {
namespace {

constexpr std::size_t kHeartbeatsKept = 64;
constexpr std::size_t kSpecsKept = 64 * 1024;
constexpr std::size_t kNacksKept = 16 * 1024;

// Doubles from `least` to `most`, up to a quarter less by a hash, so that many workers do not come back in step.
Duration BackOff(Duration least, Duration most, int tries, const std::string& who) {
  Duration wait = least;
  for (int i = 1; i < tries && wait < most; ++i) wait *= 2;
  wait = std::min(wait, most);
  return wait - wait / 4 * static_cast<std::int64_t>(StableHash(who, static_cast<std::uint64_t>(tries)) % 256) / 256;
}

}  // namespace

void Link::SayHello(Duration now) {
  phase_ = Phase::kHello;
  rests_for_.reset();
  hellos_ = 0;
  // Several causes at once, such as answers to several messages, make one hello.
  const Duration soonest = hello_sent_ ? *hello_sent_ + options_.hello_retry_min : now;
  if (soonest <= now) Hello(now);
  else hello_at_ = soonest;
}

void Link::Hello(Duration now) {
  ++hellos_;
  hello_sent_ = now;
  hello_at_ = now + BackOff(options_.hello_retry_min, options_.hello_retry_max, hellos_, options_.worker.str());
  Send(wire::Hello{.worker = options_.worker,
                   .incarnation = options_.incarnation,
                   .group = options_.group,
                   .tags = options_.tags,
                   .capacity = options_.capacity,
                   .build = options_.build,
                   .host = options_.host,
                   .pid = options_.pid});
}

void Link::Rest(LinkId other) {
  phase_ = Phase::kResting;
  rests_for_ = other;
}

void Link::Welcome(const wire::Welcome& message, Duration now) {
  phase_ = Phase::kWelcomed;
  rests_for_.reset();
  scheduler_ = message.scheduler;
  session_ = message.session;
  lease_ = message.lease;
  heartbeat_ = message.heartbeat;
  welcomed_at_ = now;
  hellos_ = 0;
  hello_at_ = kNever;
  hello_sent_.reset();
  unanswered_.clear();
  specs_.clear();  // their numbers belong to a session
  owed_ = false;
}

void Link::OnTick(Duration now) {
  if (phase_ == Phase::kHello && now >= hello_at_) Hello(now);
}

Duration Link::NextWake() const {
  if (phase_ == Phase::kHello) return hello_at_;
  // Silence counts from one microsecond past the lease.
  return welcomed() ? std::min(heartbeat_at_, last_heard_ + lease_ + Duration(1)) : kNever;
}

void Link::Show(std::uint32_t free_slots) {
  shown_ = free_slots;
  taken_ = 0;
  if (free_slots > 0) owed_ = false;
}

void Link::SendHeartbeat(wire::Heartbeat beat, Duration now) {
  heartbeat_at_ = now + heartbeat_;
  beat.credit_seq = ++seq_;
  Show(beat.free_slots);
  for (Sent* sent : {&unanswered_, &beats_}) {
    sent->emplace_back(seq_, now);
    if (sent->size() > kHeartbeatsKept) sent->pop_front();
  }
  Send(std::move(beat));
}

void Link::SendCredit(std::uint32_t free_slots) {
  Show(free_slots);
  Send(wire::Credit{.free_slots = free_slots, .seq = ++seq_});
}

Duration Link::HeartbeatSentAt(std::uint64_t seq) {
  // An ack that does not say what it answers renews nothing: a late copy of one may be older than all that is unanswered.
  if (seq == 0) return -kNever;
  const auto at = std::find_if(unanswered_.begin(), unanswered_.end(), [&](const auto& sent) { return sent.first == seq; });
  if (at == unanswered_.end()) return -kNever;
  const Duration sent = at->second;
  unanswered_.erase(unanswered_.begin(), at + 1);
  return sent;
}

Duration Link::SaidAt(std::uint64_t seq, Duration now) const {
  if (seq == 0) return now;
  const auto later = std::find_if(beats_.rbegin(), beats_.rend(), [&](const auto& beat) { return beat.first <= seq; });
  return later == beats_.rend() ? -lease_ : later->second;
}

std::shared_ptr<const wire::TaskSpec> Link::SpecOf(wire::Assign& message) {
  if (message.spec) {
    if (specs_.size() >= kSpecsKept) specs_.clear();
    return specs_[message.spec_id] = std::make_shared<const wire::TaskSpec>(std::move(*message.spec));
  }
  const auto known = specs_.find(message.spec_id);
  return known == specs_.end() ? nullptr : known->second;
}

void Link::Nack(const wire::Assign& assign, wire::NackReason reason) {
  Send(wire::AssignNack{.key = assign.key, .reason = reason, .credit_seq = assign.credit_seq});
  const auto [at, fresh] = nacked_.try_emplace(assign.key, assign.credit_seq);
  at->second = std::max(at->second, assign.credit_seq);
  if (!fresh) return;
  nacked_order_.push_back(assign.key);
  if (nacked_order_.size() <= kNacksKept) return;
  nacked_.erase(nacked_order_.front());
  nacked_order_.pop_front();
}

bool Link::WasNacked(const wire::Assign& assign) const {
  const auto at = nacked_.find(assign.key);
  return at != nacked_.end() && assign.credit_seq != 0 && assign.credit_seq <= at->second;
}

}  // namespace headrace::worker
