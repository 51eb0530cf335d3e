// One worker's side of the protocol as ordinary code: hello, credit, assignments, leases, results kept until the ack.
// Called by WorkerLoop over a real queue and by the simulator over a simulated one.
// Shapes: every outside effect goes through SessionPort, which must not call back from inside its methods.
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

#include "worker/log_window.h"
#include "worker/task_key.h"

namespace headrace::worker {

struct SessionOptions {
  WorkerId worker{};
  std::uint64_t incarnation = 0;
  std::string group{};
  std::map<std::string, std::string> tags{};
  std::uint32_t capacity = 1;
  std::string build{};
  std::string host{};
  std::uint32_t pid = 0;
  Duration hello_retry_min = std::chrono::milliseconds(200);
  Duration hello_retry_max = std::chrono::seconds(5);
  Duration result_retry_min = std::chrono::seconds(1);
  Duration result_retry_max = std::chrono::seconds(30);
  std::size_t log_buffer_bytes = 8 * 1024 * 1024;
};

// What StartTask needs; the spec is shared by all runs of one task in a session.
struct StartOrder {
  wire::TaskKey key;
  std::shared_ptr<const wire::TaskSpec> spec;
  std::string context_json;
  TaskRunId task_run{};
  std::string ns;
  std::string flow_id;
  std::string memo_json{};  // of an attempt that is looked at again: what the delivery before left
  Timestamp started{};      // and when the attempt began
};

class SessionPort {
 public:
  virtual ~SessionPort() = default;
  virtual void Send(wire::FromWorker message) = 0;
  // Every task that was begun comes back through OnTaskEnded, whatever became of it: that frees its slot.
  virtual void StartTask(StartOrder order) = 0;
  // End it with this grace; its result says KILLED.
  virtual void CancelTask(const wire::TaskKey& key, Duration grace, const std::string& reason) = 0;
  // End it at once; its result goes nowhere.
  virtual void AbandonTask(const wire::TaskKey& key) = 0;
};

class WorkerSession {
 public:
  static constexpr Duration kNever = Duration::max();

  WorkerSession(SessionOptions options, SessionPort& port);

  // A fresh connection: says hello.
  void OnConnected(Duration now);
  void OnMessage(wire::ToWorker message, Duration now);
  // Does what is due: retries, heartbeats, leases, credit, logs. Call it after a batch of messages and at NextWake().
  void OnTick(Duration now);
  // Not needed for a task that ends at once: its result says when it started.
  void OnTaskStarted(const wire::TaskKey& key, Timestamp at);
  void OnTaskEnded(wire::TaskResult result, Duration now);
  void OnLog(const wire::TaskKey& key, wire::LogEntry entry);
  // Takes nothing new; done() when everything is acked.
  void BeginDrain(Duration now);
  // Ends all tasks without a report, as when draining has taken too long.
  void AbandonAll(Duration now);

  // When OnTick is due, as monotonic time; Duration zero is now.
  Duration NextWake() const;
  bool done() const { return phase_ == Phase::kDone; }
  bool connected() const { return phase_ == Phase::kWelcomed; }
  // The scheduler will never take this process; the reason, for people.
  const std::optional<std::string>& refused() const { return refused_; }
  std::uint32_t free_slots() const;
  std::size_t held() const { return tasks_.size(); }

 private:
  enum class Phase { kIdle, kHello, kWelcomed, kRefused, kDone };
  enum class TaskPhase { kRunning, kCancelling, kAbandoned, kEnded };

  struct Task {
    TaskPhase phase = TaskPhase::kRunning;
    Timestamp started{};
    Duration lease_from{};
    bool ack_due = true;  // AssignAck not sent yet; a result says as much
    // Of an ended task: what is resent until the ack.
    wire::TaskResult result{};
    Duration resend_at{};
    int sends = 0;
  };
  using Tasks = std::map<wire::TaskKey, Task, TaskKeyLess>;

  void On(wire::Welcome& message, Duration now);
  void On(wire::Refused& message, Duration now);
  void On(wire::HelloRequired& message, Duration now);
  void On(wire::Assign& message, Duration now);
  void On(wire::HeartbeatAck& message, Duration now);
  void On(wire::ResultAck& message, Duration now);
  void On(wire::Cancel& message, Duration now);
  void On(wire::LogCredit& message, Duration now);
  void On(wire::Drain& message, Duration now);

  // session_connect.cc
  void SayHello(Duration now);
  void LoseSession(Duration now);
  void SendHeartbeat(Duration now);
  void SendCredit();
  Duration HeartbeatSentAt(std::uint64_t seq);
  Duration SaidAt(std::uint64_t seq, Duration now) const;
  void EndDrain();

  // session_tasks.cc
  void Nack(const wire::Assign& assign, wire::NackReason reason);
  bool IsNacked(const wire::Assign& assign) const;
  bool ReplaceOlder(const wire::Assign& assign, Duration now);
  void Begin(wire::Assign& assign, std::shared_ptr<const wire::TaskSpec> spec, Duration now);
  void Abandon(Tasks::iterator at, Duration now);
  void Forget(Tasks::iterator at, Duration now);
  void RememberGone(const wire::TaskKey& key, Duration now);
  bool IsGone(const wire::TaskKey& key, Duration now);
  void ExpireLeases(Duration now);
  Duration KillAt(const Task& task) const;
  void SendResult(Tasks::iterator at, Duration now);
  void ResendResults(Duration now);
  void SendAcks();
  void SendLogs();

  const SessionOptions options_;
  SessionPort& port_;

  // The connection.
  Phase phase_ = Phase::kIdle;
  std::optional<std::string> refused_{};
  Duration hello_at_ = kNever;
  Duration hello_sent_{};
  int hellos_ = 0;
  std::uint64_t session_ = 0;
  Duration last_heard_{};
  Duration lease_ = std::chrono::seconds(10);
  Duration heartbeat_ = std::chrono::seconds(2);
  Duration heartbeat_at_ = kNever;
  std::deque<std::pair<std::uint64_t, Duration>> heartbeats_{};  // sent and not known to be answered: seq, when
  std::uint64_t seq_ = 0;                                        // of credits and heartbeats
  std::deque<std::pair<std::uint64_t, Duration>> beats_{};       // the last heartbeats: seq, when
  bool credit_due_ = false;
  bool draining_ = false;

  // The tasks.
  Tasks tasks_;
  std::uint32_t busy_ = 0;  // tasks that hold a slot: all but the ended ones
  std::vector<wire::TaskKey> acks_due_{};
  std::map<std::uint64_t, std::shared_ptr<const wire::TaskSpec>> specs_{};  // of this session
  std::uint64_t highest_epoch_ = 0;
  Duration lease_check_at_ = kNever;   // no lease ends before
  Duration resend_check_at_ = kNever;  // no result is due before
  LogWindow logs_;
  // Keys that ended here a short while ago: a late copy of their Assign must not run them again.
  std::unordered_set<wire::TaskKey> gone_{};
  std::deque<std::pair<Duration, wire::TaskKey>> gone_until_{};
  // Up to which grant of a delivery this worker has refused it.
  std::unordered_map<wire::TaskKey, std::uint64_t> nacked_{};
  std::deque<wire::TaskKey> nacked_order_{};
};

}  // namespace headrace::worker
