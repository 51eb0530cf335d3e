// The scheduler's half of the worker protocol: sessions, credits, leases and what waits for a free slot.
// Place: driven by Core and by the simulator; sends and learns through DispatchHost only.
// Errors: a message that does not fit (stale, foreign, too old) is answered, never trusted; see docs/protocol.md.
// Units: monotonic time. Threads: loop thread only.
// Source: DESIGN section 4; FAILURES 3.1.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "scheduler/engine.h"
#include "scheduler/lease_book.h"
#include "scheduler/ready_queue.h"

namespace headrace::scheduler {

// Near enough to know when a frame is full.
std::size_t EstimateBytes(const wire::ToWorker& message);

// How a delivery was lost.
struct Loss {
  std::string reason;
  // Who fell silent with it, and which process of that name. Nobody did if a worker left by itself, or if nobody was known to
  // hold it, or if it was this scheduler that slept.
  WorkerId worker{};
  std::uint64_t process = 0;
};

// What the dispatcher asks of its owner.
class DispatchHost {
 public:
  virtual ~DispatchHost() = default;
  // The assignment without its spec; nothing if the delivery is no longer wanted.
  virtual std::optional<wire::Assign> MakeAssign(const wire::TaskKey& key) = 0;
  virtual wire::TaskSpec MakeSpec(const wire::TaskKey& key) = 0;
  // Whether this scheduler drives the partition of the delivery.
  virtual bool Drives(const wire::TaskKey& key) = 0;
  // The delivery is the current one of a task run that is SUBMITTED or RUNNING.
  virtual bool IsCurrent(const wire::TaskKey& key) = 0;
  // One more worker lost with it ends it. Two such tasks do not begin on one worker: only one of them may be to blame.
  virtual bool IsSuspect(const wire::TaskKey& key) = 0;
  virtual void OnStarted(const wire::TaskKey& key, const WorkerId& worker, Timestamp at) = 0;
  virtual void OnResult(const std::string& peer, const WorkerId& worker, wire::TaskResult result) = 0;
  virtual void OnLost(const wire::TaskKey& key, const Loss& loss) = 0;
  virtual void OnLogs(wire::Logs logs) = 0;
  virtual void Send(const std::string& peer, wire::ToWorker message) = 0;
};

struct DispatcherOptions {
  bool ignores_groups = false;  // there is one worker: it takes the tasks of every group
  std::string scheduler_name;
  Duration lease = std::chrono::seconds(10);
  Duration heartbeat = std::chrono::seconds(2);
  Duration resend = std::chrono::seconds(1);
  Duration suspect_alone = std::chrono::minutes(1);
  Duration cancel_grace = std::chrono::seconds(10);
  std::uint64_t log_credit_bytes = 4 << 20;
};

class Dispatcher {
 public:
  Dispatcher(DispatcherOptions options, DispatchHost& host);

  void OnMessage(const std::string& peer, wire::FromWorker message, Duration now);
  // The delivery is durable and waits for a worker of `group`.
  void Enqueue(const wire::TaskKey& key, const std::string& group);
  // After a restart: some worker may have it.
  void Adopt(const wire::TaskKey& key, Duration now) { leases_.AddOrphan(key, now); }
  void Cancel(const wire::TaskKey& key, const std::string& reason, Duration now);
  // Deliveries that are another scheduler's from now on. Gives those that wait here and were given to nobody.
  std::vector<wire::TaskKey> Forget(const std::function<bool(const wire::TaskKey&)>& gone);
  // Asks every worker what it runs, for what was adopted since may be among that.
  void AskWhatRuns();
  // Where workers find all schedulers. Those that are connected hear of it at once: this one may be gone before they ask again.
  void SetSchedulers(std::vector<std::string> endpoints);
  // Leases that ran out, messages to send again, workers that fell silent.
  void Tick(Duration now);
  // Gives what waits to whoever has room.
  void Pump(Duration now);
  std::optional<Duration> NextWake() const;
  std::vector<WorkerView> Workers(Duration now) const;
  Status Drain(const WorkerId& worker);
  std::size_t waiting() const;
  std::size_t held() const { return leases_.size(); }

 private:
  struct Worker {
    wire::Hello hello;
    std::string peer;
    std::uint64_t session = 0;
    std::uint32_t outstanding = 0;
    std::uint32_t free_slots = 0;  // as it last said
    std::uint32_t given = 0;       // of these, since; what has ended again is not counted
    std::uint64_t credit_seq = 0;
    bool full = false;  // refused one for want of a slot; until its next credit
    bool draining = false;
    Duration last_seen{};
    std::uint64_t log_bytes = 0;  // received since its window was last renewed
    std::unordered_set<std::uint64_t> specs;
    wire::TaskKey suspect{};  // the last one that it was given
    Duration suspect_until{};
  };
  struct Resend {
    Duration at{};
    wire::TaskKey key;
  };
  struct PendingCancel {
    std::string reason;
    Duration at{};
  };

  void On(Worker& worker, const wire::Resync& resync, Duration now);
  void On(Worker& worker, const wire::Credit& credit);
  void On(Worker& worker, const wire::AssignNack& nack);
  void On(Worker& worker, const wire::Heartbeat& heartbeat, Duration now);
  void On(Worker& worker, wire::Logs logs);
  void RenewLogWindow(Worker& worker);
  void On(Worker& worker, wire::TaskResult result);
  void OnHello(const std::string& peer, const wire::Hello& hello, Duration now);
  void OnBye(Worker& worker);
  Worker* FindPeer(const std::string& peer);
  Worker* Choose(const std::string& group, std::optional<Duration> suspects_alone = std::nullopt);
  bool IsHeldBy(const wire::TaskKey& key, const WorkerId& worker) const;
  bool Claim(Worker& worker, const wire::TaskKey& key, Duration now);
  // False when the delivery is not wanted any more, or cannot be given to anybody.
  bool Assign(Worker& worker, const wire::TaskKey& key, Duration now);
  void RefuseLarge(const wire::TaskKey& key, std::size_t bytes);
  void TakeCredit(Worker& worker, std::uint32_t free_slots, std::uint64_t seq);
  void SendCancel(const wire::TaskKey& key, const std::string& reason);
  Loss LossOf(const Lease& lease, Duration now) const;
  void ResendUnacked(Duration now);
  void DropSilent(Duration now);

  const DispatcherOptions options_;
  DispatchHost& host_;
  LeaseBook leases_;
  std::map<std::string, ReadyQueue> ready_;  // by group
  std::map<WorkerId, Worker> workers_;
  std::unordered_map<std::string, WorkerId> by_peer_;
  std::unordered_map<wire::TaskKey, std::string> group_of_;  // what waits or is leased
  std::unordered_map<wire::TaskKey, PendingCancel> cancels_;
  std::deque<Resend> resends_;
  std::optional<Duration> suspects_wait_until_;
  std::uint64_t next_session_ = 1;
  std::vector<std::string> schedulers_;
};

}  // namespace headrace::scheduler
