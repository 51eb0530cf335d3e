// One scheduler as a worker's session sees it: hello, welcome, silence, heartbeats, credit numbers, and what belongs to
// that connection only: specs by number, grants that were refused.
// Place: owned by WorkerSession, which knows the tasks. Shapes: numbers of credits rise as long as the link lives.
// Units: `now` is monotonic. Threads: the session's. Source: docs/protocol.md.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "worker/session_port.h"

namespace headrace::worker {

class Link {
 public:
  static constexpr Duration kNever = Duration::max();

  Link(LinkId id, const SessionOptions& options, SessionPort& port) : id_(id), options_(options), port_(port) {}

  LinkId id() const { return id_; }
  bool welcomed() const { return phase_ == Phase::kWelcomed; }
  bool refused() const { return phase_ == Phase::kRefused; }
  // Its scheduler is reached over that other link.
  const std::optional<LinkId>& rests_for() const { return rests_for_; }
  const std::string& scheduler() const { return scheduler_; }
  std::uint64_t session() const { return session_; }
  Duration lease() const { return lease_; }
  Duration heartbeat() const { return heartbeat_; }
  Duration welcomed_at() const { return welcomed_at_; }

  void Send(wire::FromWorker message) { port_.Send(id_, std::move(message)); }

  // No session (any more): says hello, now or shortly after the last one.
  void SayHello(Duration now);
  void Rest(LinkId other);
  void Refuse() { phase_ = Phase::kRefused; }
  void Welcome(const wire::Welcome& message, Duration now);
  void Heard(Duration now) { last_heard_ = now; }
  // Nothing was heard for a lease.
  bool silent(Duration now) const { return now - last_heard_ > lease_; }
  // As far as one can tell: heard of since the last heartbeat but one.
  bool answers(Duration now) const { return welcomed() && now - last_heard_ <= 2 * heartbeat_; }
  // A hello that is due.
  void OnTick(Duration now);
  bool heartbeat_due(Duration now) const { return welcomed() && now >= heartbeat_at_; }
  Duration NextWake() const;

  // Fills in the number. What it shows of free slots counts as a credit.
  void SendHeartbeat(wire::Heartbeat beat, Duration now);
  void SendCredit(std::uint32_t free_slots);
  // When the heartbeat that an ack answers was sent; once.
  Duration HeartbeatSentAt(std::uint64_t seq);
  // When this worker said what the scheduler knew of it when it wrote `seq`: the newest heartbeat that is no newer.
  Duration SaidAt(std::uint64_t seq, Duration now) const;

  // What the scheduler believes is free for it.
  std::uint32_t believed() const { return shown_ > taken_ ? shown_ - taken_ : 0; }
  void Took() { ++taken_; }
  // It was turned away for want of a slot, and gives nothing until it is shown one.
  void OweCredit() { owed_ = true; }
  bool owed() const { return owed_; }

  // The spec of the message, or the one of that number.
  std::shared_ptr<const wire::TaskSpec> SpecOf(wire::Assign& message);
  // A promise: no copy of this grant will run here, as the scheduler may give the delivery to another worker now.
  void Nack(const wire::Assign& assign, wire::NackReason reason);
  bool WasNacked(const wire::Assign& assign) const;

 private:
  enum class Phase { kHello, kWelcomed, kResting, kRefused };
  using Sent = std::deque<std::pair<std::uint64_t, Duration>>;  // number, when
  void Hello(Duration now);
  void Show(std::uint32_t free_slots);

  const LinkId id_;
  const SessionOptions& options_;
  SessionPort& port_;

  Phase phase_ = Phase::kHello;
  Duration hello_at_ = kNever;
  std::optional<Duration> hello_sent_{};
  int hellos_ = 0;
  std::optional<LinkId> rests_for_{};

  std::string scheduler_{};
  std::uint64_t session_ = 0;
  Duration lease_ = std::chrono::seconds(10);
  Duration heartbeat_ = std::chrono::seconds(2);
  Duration welcomed_at_{};
  Duration last_heard_{};
  Duration heartbeat_at_ = kNever;
  Sent unanswered_{};  // heartbeats of this session
  Sent beats_{};       // the last heartbeats
  std::uint64_t seq_ = 0;

  std::uint32_t shown_ = 0;
  std::uint32_t taken_ = 0;  // since it was shown that
  bool owed_ = false;

  std::unordered_map<std::uint64_t, std::shared_ptr<const wire::TaskSpec>> specs_{};  // of this session
  std::unordered_map<wire::TaskKey, std::uint64_t> nacked_{};                         // up to which grant
  std::deque<wire::TaskKey> nacked_order_{};
};

}  // namespace headrace::worker
