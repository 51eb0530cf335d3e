// What one partition needs of a scheduler: its executions, timers, limits, triggers and what it owes other partitions.
// Place: part of Core, which drives many of them and has one dispatcher for all; moved by the same calls.
// Shapes: wall time decides timers, monotonic time leases; both come in with every call.
// Errors: a commit that the store refuses ends the shard: failed() says why, nothing of it is released any more.
// Threads: the core's. Source: DESIGN section 3.
#pragma once

#include <array>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_set>
#include <vector>

#include "common/base/random.h"
#include "scheduler/admission.h"
#include "scheduler/dispatcher.h"
#include "scheduler/input_subflows.h"
#include "scheduler/partition.h"
#include "scheduler/shared_book.h"
#include "scheduler/trigger_runner.h"
#include "scheduler/wait_book.h"
#include "scheduler/watch_hub.h"

namespace headrace::scheduler {

struct Moment {
  Timestamp wall{};
  Duration monotonic{};
};

// A submission whose flow is found and whose inputs are checked; only creating it is left.
struct PreparedSubmission {
  ProgramPtr program;
  model::Submitted submitted;
  std::string request_id{};
  std::string body_digest{};
  std::vector<std::string> warnings{};
  Engine::SubmitDone done;
};

// The effects of a core on the world outside its store.
class CorePort {
 public:
  virtual ~CorePort() = default;
  virtual void SendFrame(const std::string& peer, std::string bytes) = 0;
  virtual void AppendLogs(std::vector<store::LogRow> rows) = 0;
  // Of an execution, what has level ERROR so far: for errorLogs().
  virtual std::vector<store::LogRow> ErrorLogs(const ExecutionId&) { return {}; }
  // The status of this batch must come back through Core::OnCommitted, in order.
  virtual void Commit(store::WriteBatch batch) = 0;
  // Gives the item to whoever drives that partition; `done`, on the core's thread, when it is durable there. `name` is the
  // same whenever the same item is given.
  virtual void Tell(store::PartitionId, const std::string& /*name*/, const wire::OutboxItem&, std::function<void(Status)> done) {
    done(Fail(Code::kUnavailable, "there is no other scheduler"));
  }
  // Those who wait for it at other schedulers are to look.
  virtual void Spread(const model::SharedNews&) {}
};

struct CoreOptions {
  // Of the store. With several, those that this core drives are opened one by one.
  std::uint32_t partitions = 1;
  DispatcherOptions dispatcher{};
  PartitionOptions partition_limits{};
  bool workers_died_with_process = false;
  // Subflows of one tree of executions that run inside an execution of their own flow; then they are refused.
  std::uint32_t recursions_max = 10'000;
  std::function<void(const Error&)> on_failure{};
  // Another owner has taken one of several partitions, which was driven at this epoch.
  std::function<void(store::PartitionId, store::Epoch)> on_lost{};
  Partition::Answerer answerer{};
  TriggerOptions triggers{};
  Telemetry* telemetry = nullptr;  // outlives the core
};

// Where what all executions share is kept.
inline constexpr Place kSharedPlace = 0;

// What a shard needs of the core around it.
class ShardHost {
 public:
  virtual ~ShardHost() = default;
  virtual void Send(const std::string& peer, wire::ToWorker message) = 0;
  // The delivery is durable and waits for a worker of `group`.
  virtual void Enqueue(const wire::TaskKey& key, const std::string& group) = 0;
  // An item for another partition; FinishOutbox follows when it is durable there.
  virtual void Forward(store::PartitionId from, std::uint64_t id, const wire::OutboxItem& item) = 0;
  virtual void Wake(const model::SharedNews& news) = 0;
  // Whether flow triggers elsewhere wait for anything; their places, of those that may wait for this state of another flow's executions.
  virtual bool HasListeners() const = 0;
  virtual std::set<Place> Listeners(const model::Execution& source, model::State state) = 0;
};

// What a partition's new owner begins with. `flows`: all whose place is in it, as they were after the snapshot was read.
struct Opening {
  store::Epoch epoch = 0;
  store::PartitionSnapshot snapshot{};
  std::vector<FlowHead> flows{};
};

// While the store does not answer nothing is tried again before that.
inline constexpr Duration kStoreAgain = std::chrono::seconds(1);

class Shard final : private TriggerHost {
 public:
  struct Around {
    store::Store& store;
    FlowRegistry& flows;
    WatchHub& hub;
    CorePort& port;
    Dispatcher& dispatcher;
    WaitBook& waits;
    ShardHost& host;
  };
  // `options` outlives it.
  Shard(store::PartitionId id, const CoreOptions& options, const Around& around);

  // Finds out what is on its way.
  Status Recover(const Opening& opening, Moment now);

  // ---- what people do; `done` comes when the effect is durable (core.h) ----
  void Submit(PreparedSubmission submission);
  void Post(const ExecutionId& id, model::EventBody body, std::function<void(Status)> done);
  void Restart(const ExecutionId& id, std::function<void(Status)> done);
  void Unqueue(const ExecutionId& id, model::Admission admission, std::function<void(Status)> done);
  void Resume(const ExecutionId& id, ResumeRequest request, std::function<void(Status)> done);
  void Mark(const ExecutionId& id, const TaskRunId& task_run, model::State state, std::function<void(Status)> done);
  void Replay(const ExecutionId& id, ReplayRequest request, Engine::SubmitDone done);
  using DeleteDone = std::function<void(Result<std::vector<ExecutionId>>)>;
  void Delete(const std::vector<ExecutionId>& ids, DeleteDone done);
  void Share(const model::ShareRequest& request, std::function<void(Result<model::ShareReply>)> done);
  using TriggerWork = std::function<Status(TriggerRunner&)>;
  void WithTriggers(const TriggerWork& work, std::function<void(Status)> done);
  void WhenSettled(std::function<void(Status)> done);

  // ---- other partitions ----
  // What another one owes an execution here; a second time the same `name` changes nothing.
  void Accept(const std::string& name, const wire::OutboxItem& item, std::function<void(Status)> done);
  void FinishOutbox(std::uint64_t id);
  // Of an item for another partition: whether it is still to be told. A child that is known to have begun is not begun again:
  // it may have been purged meanwhile.
  bool StillOwes(const wire::OutboxItem& item);
  bool Apply(const ExecutionId& id, model::EventBody body);

  // ---- the core's ----
  void SetNow(Moment now) { now_ = now; }
  void OnCommitted(const Status& status);
  // Another owner has the partition: what was not sent to the store will not be.
  void Refuse(const Status& why);
  void FireTimers();
  void TickTriggers();
  void TellTriggers();
  void Flush() { partition_->Flush(); }
  void FlushLogs();
  std::optional<Timestamp> NextDue() const;
  // Nothing new is taken; what waits and was given to nobody is left for the next owner to give out at once.
  void Close(const std::vector<wire::TaskKey>& waiting);
  bool closing() const { return closing_; }
  // Nothing of it is on its way: it may be forgotten.
  bool over() const { return (closing_ || !failed_) && partition_->idle(); }
  const Status& failed() const { return failed_; }
  store::PartitionId id() const { return id_; }
  const Partition* partition() const { return partition_.get(); }
  TriggerRunner& triggers() { return triggers_; }
  std::size_t timers_waiting() const { return timers_.size(); }
  // Executions that have come to a state since the shard was opened, and are in it.
  const std::array<std::int64_t, model::kStateCount>& states() const { return states_; }

  // ---- the dispatcher's ----
  std::optional<wire::Assign> MakeAssign(const wire::TaskKey& key);
  wire::TaskSpec MakeSpec(const wire::TaskKey& key);
  bool IsCurrent(const wire::TaskKey& key);
  void OnStarted(const wire::TaskKey& key, const WorkerId& worker);
  void OnResult(const std::string& peer, const WorkerId& worker, wire::TaskResult result);
  bool IsSuspect(const wire::TaskKey& key);
  void OnLost(const wire::TaskKey& key, const Loss& loss);
  void OnLogs(wire::Logs logs);

 private:
  // TriggerHost
  const model::Execution* Look(const ExecutionId& id) override;
  Status Start(PreparedSubmission& submission) override;
  void PutNote(const std::string& key, std::optional<std::string> record) override;
  void Dispatch(const wire::TaskKey& look) override;
  void Withdraw(const wire::TaskKey& look) override;
  Status HasRoom() const override { return store_.HasRoom(); }
  store::Epoch epoch() const override { return partition_->epoch(); }
  void OnLooked(const std::string& peer, const wire::TaskResult& result);

  bool Keeps(Place place) const { return place % options_.partitions == id_; }
  // The task run that the key names, in a live execution; null if there is none.
  const model::TaskRun* FindTaskRun(const wire::TaskKey& key, const executor::LiveExecution** live);
  void Perform(Release release);
  void Measure(const Release& release);  // core_sample.cc
  void Perform(const DispatchOrder& order);
  void Deliver(const OutboxOrder& order);
  bool Take(const wire::OutboxItem& item);
  // What the store could not be asked for a moment ago.
  void DeliverAgain();
  void TryLater();
  // An event for an execution that may be another partition's; `from` owes it then.
  void Bring(const ExecutionId& from, const ExecutionId& to, decltype(wire::OutboxItem::body) body);
  bool StartChild(const wire::OutboxItem& item, const model::StartChild& start);
  void BeginChild(const wire::OutboxItem& item, const wire::ChildBegun& begun);
  void WarnParent(const ExecutionId& parent, const wire::ChildBegun& begun);
  Result<PreparedSubmission> PrepareChild(const wire::OutboxItem& item, const model::StartChild& start);
  // Of an execution of this flow below `parent`: how deep it is, and how often its tree runs inside itself.
  Status CheckNesting(const ExecutionId& parent, const std::string& ns, const std::string& flow_id);
  bool RestartChild(const wire::OutboxItem& item, model::RestartChild restart);
  Result<std::optional<model::RestartChild>> FindAsker(const wire::OutboxItem& item);
  bool StartReplacement(const wire::OutboxItem& item);
  // Asks for a slot; the submission knows the answer then.
  Status Admit(PreparedSubmission& submission);
  void LetQueuedRun(const std::string& ns, const std::string& flow_id);
  Status Create(PreparedSubmission& submission);
  std::unordered_set<wire::TaskKey> TakeWaiting(const std::vector<store::NoteRow>& notes);
  // shard_shared.cc
  SharedBook::Stage StageNote();
  void ForgetWaits();
  bool MayFire(const ArmedTimer& timer);
  bool Wait(const wire::TaskKey& key, const WorkerId& worker, wire::LookLater look, std::optional<Timestamp> started);
  Array ErrorLogs(const executor::LiveExecution& live);

  const store::PartitionId id_;
  const CoreOptions& options_;
  store::Store& store_;
  FlowRegistry& flows_;
  WatchHub& hub_;
  CorePort& port_;
  Dispatcher& dispatcher_;
  WaitBook& waits_;
  ShardHost& host_;
  TimerQueue timers_;
  Admissions admissions_;
  SharedBook shared_;
  TriggerRunner triggers_;
  std::unique_ptr<Partition> partition_;
  Moment now_{};
  Timestamp opened_{};
  std::array<std::int64_t, model::kStateCount> states_{};
  Status failed_{};
  bool closing_ = false;
  std::vector<store::LogRow> worker_logs_;
  std::map<ExecutionId, std::uint32_t> recursions_;  // by the root of the tree, since this process began
  std::unique_ptr<model::Execution> foreign_;        // what Look read last of another partition, without task runs
  std::vector<OutboxOrder> undelivered_;
  std::map<std::uint64_t, ExecutionId> owing_;  // who owes what another partition has not confirmed yet
  std::set<std::pair<std::string, std::string>> later_;  // flows whose queue is to be looked at again
  Timestamp deliver_again_ = Timestamp::max();
  std::set<std::string> accepted_;
  std::deque<std::string> accepted_order_;
};

// Checks a submission against its flow: revision, disabled, inputs. From any thread; with `subflow` from one that may wait.
Result<PreparedSubmission> PrepareSubmission(FlowRegistry& flows, SubmitRequest request, Timestamp now, Random& random,
                                             const SubflowCall& subflow = {});

}  // namespace headrace::scheduler
