// A scheduler without threads, sockets or clock: its partition, dispatcher and timers, moved by whoever drives it.
// Place: driven by Loop (engine.cc) in a process and by the simulator in a simulated world; the same code in both.
// Shapes: wall time decides timers, monotonic time leases; both come in with every call.
// Errors: a commit that the store refuses ends the core: failed() says why, nothing is released any more.
// Threads: one owner. Source: DESIGN section 3.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
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

struct CoreOptions {
  store::PartitionId partition = 0;
  DispatcherOptions dispatcher{};
  PartitionOptions partition_limits{};
  bool workers_died_with_process = false;
  // Subflows of one tree of executions that run inside an execution of their own flow; then they are refused.
  std::uint32_t recursions_max = 10'000;
  std::function<void(const Error&)> on_failure{};
  Partition::Answerer answerer{};
  TriggerOptions triggers{};
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
};

class Core final : private DispatchHost, private TriggerHost {
 public:
  Core(CoreOptions options, store::Store& store, FlowRegistry& flows, WatchHub& hub, CorePort& port);

  // Takes the partition and finds out what is on its way.
  Status Recover(Moment now);
  void OnFrame(const std::string& peer, std::string_view bytes, Moment now);
  void Submit(PreparedSubmission submission, Moment now);
  // Kill, restart and their like; `done` comes when the effect is durable.
  void Post(const ExecutionId& id, model::EventBody body, std::function<void(Status)> done, Moment now);
  // As Post, for what depends on more than the execution itself (core_operations.cc).
  void Restart(const ExecutionId& id, std::function<void(Status)> done, Moment now);
  void Unqueue(const ExecutionId& id, model::Admission admission, std::function<void(Status)> done, Moment now);
  void Resume(const ExecutionId& id, ResumeRequest request, std::function<void(Status)> done, Moment now);
  void Mark(const ExecutionId& id, const TaskRunId& task_run, model::State state, std::function<void(Status)> done,
            Moment now);
  void Replay(const ExecutionId& id, ReplayRequest request, Engine::SubmitDone done, Moment now);
  // Forgets those that have ended for good; `done` gets them when that is durable. The others stay.
  using DeleteDone = std::function<void(Result<std::vector<ExecutionId>>)>;
  void Delete(const std::vector<ExecutionId>& ids, DeleteDone done, Moment now);
  // What tasks share (core_shared.cc); `done` comes when what was done or seen is durable.
  void Share(const model::ShareRequest& request, std::function<void(Result<model::ShareReply>)> done, Moment now);
  // What people do with triggers, and flows that change (core_triggers.cc); `done` comes when it is durable.
  using TriggerWork = std::function<Status(TriggerRunner&)>;
  void WithTriggers(const TriggerWork& work, std::function<void(Status)> done, Moment now);
  // When all that was decided so far is durable and its logs are with the log store.
  void WhenSettled(std::function<void(Status)> done, Moment now);
  void OnCommitted(const Status& status, Moment now);
  // Fires timers, ends leases, commits what has changed and sends what may be sent.
  void Tick(Moment now);

  // When Tick has something to do by itself; nothing: only when called.
  std::optional<Timestamp> NextTimer() const;
  std::optional<Duration> NextLease() const { return dispatcher_.NextWake(); }
  const Status& failed() const { return failed_; }
  Dispatcher& dispatcher() { return dispatcher_; }
  const Partition* partition() const { return partition_.get(); }
  std::size_t timers_waiting() const { return timers_.size(); }

 private:
  // DispatchHost
  std::optional<wire::Assign> MakeAssign(const wire::TaskKey& key) override;
  wire::TaskSpec MakeSpec(const wire::TaskKey& key) override;
  bool IsCurrent(const wire::TaskKey& key) override;
  void OnStarted(const wire::TaskKey& key, const WorkerId& worker, Timestamp at) override;
  void OnResult(const std::string& peer, const WorkerId& worker, wire::TaskResult result) override;
  void OnLost(const wire::TaskKey& key, const std::string& reason) override;
  void OnLogs(wire::Logs logs) override;
  void Send(const std::string& peer, wire::ToWorker message) override;

  // TriggerHost
  const model::Execution* Look(const ExecutionId& id) override;
  Status Start(PreparedSubmission& submission) override;
  void PutNote(const std::string& key, std::optional<std::string> record) override;
  void Dispatch(const wire::TaskKey& look) override;
  void Withdraw(const wire::TaskKey& look) override;
  store::Epoch epoch() const override { return partition_->epoch(); }
  void TellTriggers();
  void OnLooked(const std::string& peer, const wire::TaskResult& result);

  // The task run that the key names, in a live execution; null if there is none.
  const model::TaskRun* FindTaskRun(const wire::TaskKey& key, const executor::LiveExecution** live);
  bool Apply(const ExecutionId& id, model::EventBody body);
  void Perform(Release release);
  void Perform(const DispatchOrder& order);
  void Deliver(const OutboxOrder& order);
  void StartChild(const wire::OutboxItem& item, const model::StartChild& start);
  void WarnParent(const ExecutionId& parent, const model::StartChild& start, const std::vector<std::string>& warnings);
  Result<PreparedSubmission> PrepareChild(const wire::OutboxItem& item, const model::StartChild& start);
  // Of an execution of this flow below `parent`: how deep it is, and how often its tree runs inside itself.
  Status CheckNesting(const ExecutionId& parent, const std::string& ns, const std::string& flow_id);
  void RestartChild(const wire::OutboxItem& item);
  void StartReplacement(const wire::OutboxItem& item);
  // Asks for a slot; the submission knows the answer then.
  Status Admit(PreparedSubmission& submission);
  void LetQueuedRun(const std::string& ns, const std::string& flow_id);
  Status Create(PreparedSubmission& submission);
  // core_shared.cc
  SharedBook::Stage StageNote();
  void Wake(const std::vector<WaitBook::Run>& runs);
  void ForgetWaits();
  bool MayFire(const ArmedTimer& timer);
  bool Wait(const wire::TaskKey& key, const WorkerId& worker, wire::LookLater look, std::optional<Timestamp> started);
  void SweepShared();
  void SendOutbound();
  void FlushLogs();
  Array ErrorLogs(const executor::LiveExecution& live);

  const CoreOptions options_;
  store::Store& store_;
  FlowRegistry& flows_;
  WatchHub& hub_;
  CorePort& port_;
  TimerQueue timers_;
  Dispatcher dispatcher_;
  Admissions admissions_;
  SharedBook shared_;
  WaitBook waits_;
  TriggerRunner triggers_;
  std::unique_ptr<Partition> partition_;
  Moment now_{};
  Status failed_{};
  std::map<std::string, std::vector<wire::ToWorker>> outbound_;
  std::vector<store::LogRow> worker_logs_;
  std::map<ExecutionId, std::uint32_t> recursions_;  // by the root of the tree, since this process began
};

// Checks a submission against its flow: revision, disabled, inputs. From any thread; with `subflow` from one that may wait.
Result<PreparedSubmission> PrepareSubmission(FlowRegistry& flows, SubmitRequest request, Timestamp now, Random& random,
                                             const SubflowCall& subflow = {});

}  // namespace headrace::scheduler
