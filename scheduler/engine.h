// The Engine: the only door of the scheduler for the API and the command line.
// Shapes: flows are applied as YAML text; executions come back as values with the flow they run.
// Errors: INVALID_ARGUMENT carries violations with file, line and column or an input's name; NOT_FOUND names the thing and the
//   nearest one; a full mailbox is RESOURCE_EXHAUSTED; a store that fails is UNAVAILABLE.
// Threads: every function may be called from any thread; callbacks run on the engine's loop thread and must not block.
// Source: DESIGN sections 2, 3 and 6.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/flow/catalog.h"
#include "common/flow/inputs.h"
#include "common/model/event.h"
#include "common/model/execution.h"
#include "common/model/shared.h"
#include "common/queue/queue.h"
#include "common/store/lease.h"
#include "common/store/store.h"
#include "scheduler/peer.h"
#include "scheduler/trigger_door.h"

namespace headrace::scheduler {

class Telemetry;

// Deletes the files that the tasks of an execution have stored; how many. From any thread.
using ForgetFiles = std::function<Result<std::uint64_t>(const std::string& ns, const std::string& flow_id, const ExecutionId& id)>;

// Of an engine that shares its store's partitions with those of other processes.
struct ClusterOptions {
  std::string id;               // of this process, among all that ever ran
  std::string api_address;      // where the other schedulers reach its gRPC: HOST:PORT
  std::string worker_endpoint;  // where workers reach it: tcp://HOST:PORT
  std::string build;
  std::unique_ptr<store::LeaseStore> leases;
  std::unique_ptr<PeerClient> peers;
  Duration lease = std::chrono::seconds(5);         // of a partition
  Duration renew = std::chrono::milliseconds(1500);
  Duration look = std::chrono::milliseconds(500);   // how often it sees who is there and who has what
};

struct EngineOptions {
  const Clock* clock = nullptr;                          // outlives the engine
  std::shared_ptr<const flow::Catalog> catalog;
  std::unique_ptr<store::Store> store;
  std::unique_ptr<store::FlowStore> flows;
  std::unique_ptr<store::LogStore> logs;
  std::unique_ptr<queue::ServerQueue> workers;
  std::string name = "scheduler";                        // for people and workers
  Duration lease = std::chrono::seconds(10);
  Duration heartbeat = std::chrono::seconds(2);
  std::size_t mailbox_capacity = 65536;
  // True when every worker died with the process that owned the store before (embedded workers only), so that
  // in-flight tasks are given out again at once instead of after a lease. They also take the tasks of every worker group.
  bool workers_died_with_process = false;
  // What expressions see of the process: `envs`, `globals`, `kestra`.
  Object surroundings{};
  std::int32_t loop_history = 500;       // earlier rounds of a LoopUntil that stay visible
  // What SECRET and FILE inputs need.
  flow::InputSeams inputs{};
  // Answers kv(), read() and their like where the scheduler itself evaluates them, for a flow's execution. Quick and on
  // the loop's thread; without it such expressions fail.
  struct Asker {
    std::string ns;
    std::string flow_id;
    ExecutionId execution;
    std::optional<ExecutionId> parent{};
    // Whether the execution was given this text: in its inputs, its trigger or the outputs of its tasks.
    std::function<bool(std::string_view text)> holds{};
  };
  std::function<model::Answer(const Asker& asker, const model::Lookup& lookup)> answerer{};
  ForgetFiles forget_files{};            // without it they stay when their execution is purged
  bool triggers = true;                  // false: the triggers of flows start nothing
  Telemetry* telemetry = nullptr;        // outlives the engine; null: nothing is told
  std::optional<ClusterOptions> cluster{};  // none: this process alone has the store
  // The store refused a commit: nothing is accepted any more, and the process should end. On the loop's thread, once.
  std::function<void(const Error&)> on_failure{};
};

struct FlowView {
  model::FlowPtr flow;
  Timestamp created{};
  bool changed = false;                  // by this call: a new revision was made
  std::vector<Violation> warnings{};
};

struct SubmitRequest {
  std::string ns;
  std::string flow_id;
  int revision = 0;                      // 0: the latest
  Object inputs{};                       // as people gave them: texts or typed values
  std::vector<model::Label> labels{};
  std::string request_id{};              // the same id and body within 24 h: the same execution
  Value trigger{};
  std::optional<Timestamp> scheduled{};  // not to begin before
};

struct ResumeRequest {
  TaskRunId task_run{};                  // empty: the first Pause that waits, or the execution that is held
  Object inputs{};                       // of its onResume, as people gave them
  std::string by{};
};

struct ReplayRequest {
  TaskRunId task_run{};                  // from which on; empty: from the beginning
  int revision = 0;                      // 0: the same
  std::optional<Object> inputs{};        // laid over those it had
};

struct SubmitReply {
  ExecutionId id;
  bool already_existed = false;
  std::vector<std::string> warnings{};   // inputs the flow does not declare
};

struct ExecutionView {
  model::FlowPtr flow;                   // the revision it runs; null when it cannot be read any more
  model::Execution execution;            // `version` is the cursor for Watch
};

struct ExecutionList {
  std::vector<model::Execution> executions{};  // without task runs, newest first
  std::string next_page_token{};
};

struct PurgeReply {
  std::uint64_t executions = 0;
  std::uint64_t logs = 0;
  std::uint64_t files = 0;
  std::vector<ExecutionId> kept{};       // not ended for good
};

// What happened to an execution since the cursor: first the whole, then what changed.
struct WatchUpdate {
  bool snapshot = false;                 // `task_runs` is all of them; forget what you had
  model::FlowPtr flow;                   // with a snapshot
  model::Execution execution;            // without task runs; `version` is the new cursor
  std::vector<model::TaskRun> task_runs{};
};

// A bounded stream of updates. A reader that is too slow gets a new snapshot instead of what it missed.
class Subscription {
 public:
  virtual ~Subscription() = default;
  // The next update, or nothing when there is none yet; `on_ready` is called when there is one again.
  virtual Result<std::optional<WatchUpdate>> Next() = 0;
};

struct WorkerView {
  WorkerId id;
  std::string group;
  std::string host;
  std::string build;
  std::uint32_t pid = 0;
  std::uint32_t capacity = 0;
  std::uint32_t running = 0;
  bool draining = false;
  Duration since_heartbeat{};
  std::map<std::string, std::string> tags{};
};

// A scheduler of the cluster, as the store knows it.
struct SchedulerView {
  std::string id;
  std::string api_address;
  std::string worker_endpoint;
  std::string build;
  std::uint32_t partitions = 0;  // that it drives
  bool self = false;
};

// What a worker group has to do.
struct QueueView {
  std::string group{};
  std::uint64_t waiting = 0;  // for a worker to begin it
  std::uint64_t running = 0;  // given to a worker
  Duration oldest{};          // since the oldest of those that wait does
};

// What is cheap to know of a process at any time.
struct EngineSample {
  std::vector<WorkerView> workers{};
  std::vector<QueueView> queues{};
  // Not ended, by state: those that have come to their state since this process has their partition.
  std::map<model::State, std::uint64_t> executions{};
  std::uint64_t partitions = 0;  // that it drives, of so many in the store
  std::uint64_t partitions_there = 0;
  std::uint64_t owed = 0;        // to other partitions, and not confirmed by them yet
};

class Engine {
 public:
  // Takes its partitions, recovers from the store and starts the loop thread.
  static Result<std::unique_ptr<Engine>> Start(EngineOptions options);
  virtual ~Engine() = default;  // stops the loop; what was acked is durable

  // ---- flows ----
  // Checks without keeping; `file` names the source in errors.
  virtual Result<FlowView> ValidateFlow(const std::string& source, const std::string& file) = 0;
  virtual Result<FlowView> ApplyFlow(const std::string& source, const std::string& file) = 0;
  virtual Result<FlowView> GetFlow(const std::string& ns, const std::string& id, int revision) = 0;
  virtual Result<std::vector<store::FlowRow>> ListFlows(const std::string& ns_prefix) = 0;
  virtual Result<std::vector<store::FlowRow>> ListRevisions(const std::string& ns, const std::string& id) = 0;

  // ---- executions; callbacks come when the effect is durable ----
  using SubmitDone = std::function<void(Result<SubmitReply>)>;
  virtual void Submit(SubmitRequest request, SubmitDone done) = 0;
  virtual Result<ExecutionView> GetExecution(const ExecutionId& id) = 0;
  // Without task runs.
  virtual Result<model::Execution> GetExecutionHead(const ExecutionId& id) = 0;
  virtual Result<ExecutionList> ListExecutions(const store::ExecutionQuery& query) = 0;
  // By flow; the limit and pages of the query do not count.
  virtual Result<std::vector<store::FlowCount>> CountExecutions(const store::ExecutionQuery& query) = 0;
  virtual void Kill(const ExecutionId& id, std::string reason, std::function<void(Status)> done) = 0;
  virtual void Restart(const ExecutionId& id, std::function<void(Status)> done) = 0;
  // What is at work ends, nothing new begins until Resume.
  virtual void Pause(const ExecutionId& id, std::function<void(Status)> done) = 0;
  virtual void Resume(const ExecutionId& id, ResumeRequest request, std::function<void(Status)> done) = 0;
  // A new execution that repeats this one.
  virtual void Replay(const ExecutionId& id, ReplayRequest request, SubmitDone done) = 0;
  // A person says how a task run ended; the flow goes on from there.
  virtual void MarkTaskRun(const ExecutionId& id, const TaskRunId& task_run, model::State state,
                           std::function<void(Status)> done) = 0;
  virtual void ChangeStatus(const ExecutionId& id, model::State state, std::function<void(Status)> done) = 0;
  virtual void SetLabels(const ExecutionId& id, std::vector<model::Label> labels, std::function<void(Status)> done) = 0;
  // One that is QUEUED or waits for its date: runs now (kRun), or ends (kCancel, kFail).
  virtual void Unqueue(const ExecutionId& id, model::Admission admission, std::function<void(Status)> done) = 0;
  // Deletes executions that have ended for good, with their task runs, logs and (`files`) stored files. Files and logs go
  // before the execution: what an interruption leaves is still listed and can be purged again. Waits; unknown ids are
  // passed over.
  virtual Result<PurgeReply> PurgeExecutions(const std::vector<ExecutionId>& ids, bool files) = 0;
  // `after` is the version the caller has seen (0: nothing).
  virtual Result<std::shared_ptr<Subscription>> Watch(const ExecutionId& id, std::uint64_t after,
                                                      std::function<void()> on_ready) = 0;

  // ---- triggers ----
  virtual TriggerDoor& triggers() = 0;

  // ---- what tasks share ----
  virtual void Share(model::ShareRequest request, std::function<void(Result<model::ShareReply>)> done) = 0;

  // ---- logs ----
  // Returns when all that was decided so far is durable and ReadLogs finds what was logged until then.
  virtual Status Settle() = 0;
  virtual Result<store::LogPage> ReadLogs(const store::LogQuery& query) = 0;
  // Deletes log lines; how many. Waits.
  virtual Result<std::uint64_t> PurgeLogs(const store::LogPurge& purge) = 0;
  // `on_ready` is called when the execution may have new rows or has ended; ends with the returned token.
  virtual std::shared_ptr<void> WatchLogs(const ExecutionId& id, std::function<void()> on_ready) = 0;

  // ---- workers ----
  // Of this process.
  virtual Result<EngineSample> Sample() = 0;
  // Of all schedulers together; UNAVAILABLE while one of them does not answer.
  virtual Result<std::vector<QueueView>> ListQueues() = 0;
  virtual Result<std::vector<WorkerView>> ListWorkers() = 0;
  virtual Status DrainWorker(const WorkerId& id) = 0;
  virtual std::string worker_endpoint() const = 0;
  // How long its loop has been at what it does now; a healthy one is done in milliseconds. Waits for nobody.
  virtual Duration StuckFor() const { return Duration(0); }

  // ---- other schedulers ----
  // Only itself when there is no cluster.
  virtual Result<std::vector<SchedulerView>> ListSchedulers() = 0;
  // What another scheduler asks of this one; for the server that PeerClient calls.
  virtual void OnPeerCall(std::string request, PeerDone done) = 0;
  // Gives its partitions to the others, or leaves them so that the next owner goes on at once. Waits, a few seconds at most;
  // afterwards only reading works.
  virtual void HandOver() = 0;
};

}  // namespace headrace::scheduler
