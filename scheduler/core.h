// A scheduler without threads, sockets or clock: the partitions it drives, and the dispatcher between them and the workers.
// Place: driven by Loop in a process and by the simulator in a simulated world; the same code in both.
// Shapes: an execution's id names its place, and that its partition; what concerns a partition that is not driven here is
//   ABORTED and did nothing: another scheduler has it.
// Errors: a commit that the store refuses ends everything when the store is this core's alone: failed() says why. Of several
//   partitions only that one ends, when another owner has taken it.
// Threads: one owner. Cost: a tick costs the partitions that something happened to. Source: DESIGN section 3.
#pragma once

#include <map>
#include <set>
#include <tuple>

#include "scheduler/queue_book.h"
#include "scheduler/shard.h"

namespace headrace::scheduler {

class Core final : private DispatchHost, private ShardHost {
 public:
  Core(CoreOptions options, store::Store& store, FlowRegistry& flows, WatchHub& hub, CorePort& port);
  ~Core() override;

  // ---- which partitions ----
  // Takes the only partition there is, by force, and finds out what is on its way.
  Status Recover(Moment now);
  // Drives a partition that was taken at that epoch; its snapshot was read after that.
  Status Open(store::PartitionId id, const Opening& opening, Moment now);
  // Ends driving it: at once for new work, then `done` when all that was decided is durable. What no worker was given is left
  // for the next owner to give out at once.
  void Close(store::PartitionId id, std::function<void()> done, Moment now);
  // As if a commit of that partition had been refused.
  void Lose(store::PartitionId id, Moment now);
  bool Drives(store::PartitionId id) const;
  store::PartitionId PartitionAt(Place place) const { return place % options_.partitions; }

  void OnFrame(const std::string& peer, std::string_view bytes, Moment now);
  void Submit(PreparedSubmission submission, Moment now);
  // Kill, pause and their like; `done` comes when the effect is durable.
  void Post(const ExecutionId& id, model::EventBody body, std::function<void(Status)> done, Moment now);
  // As Post, for what depends on more than the execution itself (shard_operations.cc).
  void Restart(const ExecutionId& id, std::function<void(Status)> done, Moment now);
  void Unqueue(const ExecutionId& id, model::Admission admission, std::function<void(Status)> done, Moment now);
  void Resume(const ExecutionId& id, ResumeRequest request, std::function<void(Status)> done, Moment now);
  void Mark(const ExecutionId& id, const TaskRunId& task_run, model::State state, std::function<void(Status)> done,
            Moment now);
  void Replay(const ExecutionId& id, ReplayRequest request, Engine::SubmitDone done, Moment now);
  // Forgets those that have ended for good; `done` gets them when that is durable. The others stay. All of one place.
  void Delete(const std::vector<ExecutionId>& ids, Shard::DeleteDone done, Moment now);
  // What tasks share (shard_shared.cc); `done` comes when what was done or seen is durable.
  void Share(const model::ShareRequest& request, std::function<void(Result<model::ShareReply>)> done, Moment now);
  // Runs that wait for this here are looked at now.
  void WakeHere(const model::SharedNews& news, Moment now);
  // What people do with triggers of flows of this place, and flows that change (shard_triggers.cc); `done` comes when it is
  // durable.
  void WithTriggers(Place place, const Shard::TriggerWork& work, std::function<void(Status)> done, Moment now);
  // Reads the triggers of all partitions that are driven here.
  void ForEachTriggers(const std::function<void(TriggerRunner&)>& read, Moment now);
  // What a partition that is driven elsewhere owes an execution here.
  void Accept(const std::string& name, const wire::OutboxItem& item, std::function<void(Status)> done, Moment now);
  // The triggers that the flow has now, wherever it is driven: whom executions here may wake.
  void Listen(const std::string& ns, const std::string& flow_id, const std::vector<TriggerSpecPtr>& triggers);
  // When all that was decided so far is durable and its logs are with the log store.
  void WhenSettled(std::function<void(Status)> done, Moment now);
  void OnCommitted(store::PartitionId id, const Status& status, Moment now);
  // Fires timers, ends leases, commits what has changed and sends what may be sent.
  void Tick(Moment now);

  // When Tick has something to do by itself; nothing: only when called.
  std::optional<Timestamp> NextTimer() const;
  std::optional<Duration> NextLease() const { return dispatcher_.NextWake(); }
  const Status& failed() const { return failed_; }
  // Nothing is on its way to the store.
  bool idle() const;
  Dispatcher& dispatcher() { return dispatcher_; }
  // Of one that is driven; null otherwise.
  const Partition* partition(store::PartitionId id = 0) const;
  std::size_t timers_waiting() const;
  EngineSample Sample(Moment now) const;  // core_sample.cc

 private:
  // An item that another partition has not confirmed yet.
  struct Owed {
    wire::OutboxItem item;
    std::string name;
    Duration again{};  // when to try once more
  };
  using OwedKey = std::pair<store::PartitionId, std::uint64_t>;
  // What one execution owes another is told in order: nobody is killed before it is begun, or ended.
  using Line = std::tuple<store::PartitionId, ExecutionId, ExecutionId>;

  // DispatchHost
  bool Drives(const wire::TaskKey& key) override { return At(PlaceOf(key.execution)) != nullptr; }
  std::optional<wire::Assign> MakeAssign(const wire::TaskKey& key) override;
  wire::TaskSpec MakeSpec(const wire::TaskKey& key) override;
  bool IsCurrent(const wire::TaskKey& key) override;
  void OnStarted(const wire::TaskKey& key, const WorkerId& worker, Timestamp at) override;
  void OnResult(const std::string& peer, const WorkerId& worker, wire::TaskResult result) override;
  bool IsSuspect(const wire::TaskKey& key) override;
  void OnLost(const wire::TaskKey& key, const Loss& loss) override;
  void OnLogs(wire::Logs logs) override;

  // ShardHost
  void Send(const std::string& peer, wire::ToWorker message) override;
  void Enqueue(const wire::TaskKey& key, const std::string& group) override;
  void Forward(store::PartitionId from, std::uint64_t id, const wire::OutboxItem& item) override;
  void Wake(const model::SharedNews& news) override;
  bool HasListeners() const override { return !listeners_.empty(); }
  std::set<Place> Listeners(const model::Execution& source, model::State state) override;

  // The shard that takes what concerns this place, told the time and to be ticked; null: not driven here.
  Shard* At(Place place);
  Error Elsewhere(Place place) const;
  template <typename Done, typename Call>
  void With(Place place, Done done, Moment now, const Call& call);
  void OnRefused(Shard& shard);
  // Those of a partition that is another scheduler's from now on. Gives what waits here and was given to nobody.
  std::vector<wire::TaskKey> ForgetTasks(store::PartitionId id);
  // A worker has begun it, or had `since` ago.
  void OnBegun(const wire::TaskKey& key, Duration since);
  void Bring(const OwedKey& key, Owed& owed);
  void OnBrought(const OwedKey& key, const std::string& name, const Status& status);
  void BringAgain();
  void ForgetShards(const std::set<store::PartitionId>& ids);
  void ForgetShard(store::PartitionId id);
  void NoteDue(const Shard& shard);
  void SendOutbound();

  const CoreOptions options_;
  store::Store& store_;
  FlowRegistry& flows_;
  WatchHub& hub_;
  CorePort& port_;
  Dispatcher dispatcher_;
  WaitBook waits_;
  QueueBook queues_;
  std::map<store::PartitionId, std::unique_ptr<Shard>> shards_;
  std::map<store::PartitionId, std::vector<std::function<void()>>> closed_;  // to be told when it is over
  std::set<store::PartitionId> touched_;
  std::map<store::PartitionId, Timestamp> due_of_;
  std::set<std::pair<Timestamp, store::PartitionId>> due_;
  std::map<OwedKey, Owed> owed_;
  std::map<Line, std::set<std::uint64_t>> lines_;
  Duration owed_again_ = Duration::max();
  FlowIndex listeners_;
  Moment now_{};
  Status failed_{};
  std::map<std::string, std::vector<wire::ToWorker>> outbound_;
};

}  // namespace headrace::scheduler
