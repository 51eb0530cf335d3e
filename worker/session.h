// One worker's side of the protocol as ordinary code: links to schedulers, credit, assignments, leases, results kept until
// the ack. The tasks are the worker's; each has a home, the link whose scheduler assigned it or last renewed its lease.
// Called by WorkerLoop over real queues and by the simulator over simulated ones.
// Units: `now` is monotonic and never steps back. Errors: a message that fits nothing changes nothing.
// Threads: one owner; no clock, no thread, no chance of its own: the same calls give the same messages.
// Source: DESIGN section 4, FAILURES 3.1 and rows 12 to 18; docs/protocol.md.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "worker/credit_deal.h"
#include "worker/link.h"
#include "worker/log_window.h"
#include "worker/session_port.h"
#include "worker/task_key.h"

namespace headrace::worker {

class WorkerSession {
 public:
  static constexpr Duration kNever = Duration::max();

  WorkerSession(SessionOptions options, SessionPort& port);

  // A fresh connection, of a link that is known or new: says hello.
  void OnConnected(LinkId link, Duration now);
  // It broke: what its scheduler gave out is told to the others.
  void OnDisconnected(LinkId link, Duration now);
  // The connection is closed for good.
  void RemoveLink(LinkId link, Duration now);
  void OnMessage(LinkId link, wire::ToWorker message, Duration now);
  // Does what is due: retries, heartbeats, leases, credit, logs. Call it after a batch of messages and at NextWake().
  void OnTick(Duration now);
  // Not needed for a task that ends at once: its result says when it started.
  void OnTaskStarted(const wire::TaskKey& key, Timestamp at);
  void OnTaskEnded(wire::TaskResult result, Duration now);
  // A result that an earlier process of this worker could not hand over.
  void RestoreResult(wire::TaskResult result);
  void OnLog(const wire::TaskKey& key, wire::LogEntry entry);
  // Takes nothing new; done() when everything is acked.
  void BeginDrain(Duration now);
  // Ends all tasks without a report, as when draining has taken too long.
  void AbandonAll(Duration now);

  // When OnTick is due, as monotonic time; Duration zero is now.
  Duration NextWake() const;
  bool done() const { return done_; }
  // Whether a scheduler has welcomed this worker and is heard: any, or that one.
  bool connected() const;
  bool welcomed(LinkId link) const;
  // No scheduler will ever take this process; the last one's reason, for people.
  const std::optional<std::string>& refused() const { return refused_; }
  std::uint32_t free_slots() const;
  std::size_t held() const { return tasks_.size(); }
  std::uint32_t busy_slots() const { return busy_; }
  std::uint64_t logs_dropped() const { return logs_.dropped(); }
  // As the schedulers have it.
  Duration lease() const { return lease_; }

 private:
  enum class TaskPhase { kRunning, kCancelling, kAbandoned, kEnded };

  struct Task {
    TaskPhase phase = TaskPhase::kRunning;
    std::optional<LinkId> home{};  // a welcomed link; none: all are asked
    Timestamp started{};
    Duration lease_from{};
    Duration lease{};
    bool ack_due = true;  // AssignAck not sent yet; a result or a Resync says as much
    // Of an ended task: what is resent until the ack.
    wire::TaskResult result{};
    Duration sent_at{};
    Duration resend_at{};
    int sends = 0;
  };
  using Tasks = std::map<wire::TaskKey, Task, TaskKeyLess>;
  using Links = std::map<LinkId, Link>;

  void On(Link& link, wire::Welcome& message, Duration now);
  void On(Link& link, wire::Refused& message, Duration now);
  void On(Link& link, wire::HelloRequired& message, Duration now);
  void On(Link& link, wire::ResyncRequired& message, Duration now);
  void On(Link& link, wire::Assign& message, Duration now);
  void On(Link& link, wire::HeartbeatAck& message, Duration now);
  void On(Link& link, wire::ResultAck& message, Duration now);
  void On(Link& link, wire::Cancel& message, Duration now);
  void On(Link& link, wire::LogCredit& message, Duration now);
  void On(Link& link, wire::Drain& message, Duration now);

  // session_links.cc
  bool over() const { return done_ || refused_.has_value(); }
  void LoseLink(Link& link, Duration now);
  void LeaveLink(LinkId link, Duration now);
  void WakeResting(LinkId other, Duration now);
  const Link* TwinOf(const Link& link) const;
  void SendHeartbeat(Link& link, Duration now);
  void EndWhenRefused(const std::string& reason, Duration now);
  void EndDrain();
  void SendCredits(Duration now);
  std::vector<Link*> Welcomed();

  // session_homes.cc
  void SetHome(Tasks::iterator at, const Link& link, Duration now);
  bool MakeHomeless(Tasks::iterator at, const Link& former, Duration now);
  void TellHomeless(const Link& except, Duration now);
  void SendResync(Link& link, Duration now);
  bool IsToldTo(const Link& link, const Task& task, Duration now) const;
  static bool SpeaksFor(const Link& link, const Task& task) { return !task.home || *task.home == link.id(); }
  Duration KillAt(const Task& task) const;
  void ExpireLeases(Duration now);

  // session_tasks.cc
  void OnHeld(Link& link, Tasks::iterator at, wire::Assign& assign, Duration now);
  void Nack(Link& link, const wire::Assign& assign, wire::NackReason reason, Duration now);
  bool ReplaceOlder(const wire::Assign& assign, Duration now);
  void Begin(Link& link, wire::Assign& assign, std::shared_ptr<const wire::TaskSpec> spec, Duration now);
  void Abandon(Tasks::iterator at, Duration now);
  void Forget(Tasks::iterator at, Duration now);
  void RememberGone(const wire::TaskKey& key, Duration now);
  bool IsGone(const wire::TaskKey& key, Duration now);
  void SendAcks();

  // session_results.cc
  void Tell(const Task& task, const wire::FromWorker& message);
  void NoteSent(Task& task, Duration now);
  void SendResult(Tasks::iterator at, Duration now);
  void OfferResult(Tasks::iterator at, const Link& except, Duration now);
  void HurryResult(Task& task, Duration now);
  void ResendResults(Duration now);
  void SendLogs();

  const SessionOptions options_;
  SessionPort& port_;

  Links links_;
  std::optional<std::string> refused_{};
  bool draining_ = false;
  bool done_ = false;
  Duration lease_ = std::chrono::seconds(10);  // of the last Welcome
  CreditDeal deal_{};
  bool credit_due_ = false;

  Tasks tasks_;
  std::uint32_t busy_ = 0;  // tasks that hold a slot: all but the ended ones
  std::vector<wire::TaskKey> acks_due_{};
  std::unordered_map<std::uint32_t, std::uint64_t> highest_epochs_{};  // by partition
  Duration lease_check_at_ = kNever;                                   // no lease ends before
  Duration resend_check_at_ = kNever;                                  // no result is due before
  LogWindow logs_;
  // Keys that ended here a short while ago: a late copy of their Assign must not run them again.
  std::unordered_set<wire::TaskKey> gone_{};
  std::deque<std::pair<Duration, wire::TaskKey>> gone_until_{};
};

}  // namespace headrace::worker
