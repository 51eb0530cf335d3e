// One partition: its executions in memory, what they changed since the last commit, and what waits for commits.
// Place: driven by Core; applies events through executor/apply.h and never sends anything itself.
// Shapes: changes of many events gather in one open batch; a row is encoded once a batch, however often it changed.
// Errors: an execution whose record is damaged is quarantined (DATA_LOSS for its events), the others go on.
// Threads: loop thread only; the store's `done` must be handed over by the caller through OnCommitted.
// Cost: an event costs its dependents; a parked execution costs nothing but its timers.
// Source: DESIGN section 3, laws 1, 3, 4, 6 and 7.
#pragma once

#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <set>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "executor/apply.h"
#include "scheduler/flow_registry.h"
#include "scheduler/release.h"
#include "scheduler/timer_queue.h"

namespace headrace::scheduler {

struct PartitionOptions {
  store::PartitionId id = 0;
  store::Epoch epoch = 0;
  std::size_t commits_in_flight_max = 2;  // more only adds latency: what waits joins the next batch
  std::size_t parked_max = 256;           // parked executions kept in memory, the most recent ones
  bool measured = false;                  // releases tell which task runs have ended
};

class Partition {
 public:
  // Answers what steering expressions ask; quick, as the loop waits for it. May be empty: then nothing is answered.
  // The asker stands as before the event, which is being applied.
  using Answerer = std::function<model::Answer(const executor::LiveExecution& asker, const model::Event& event,
                                               const model::Lookup& lookup)>;
  // `submit_commit` gives a batch to the store; its status comes back through OnCommitted in the same order.
  using SubmitCommit = std::function<void(store::WriteBatch)>;
  using HasWatchers = std::function<bool(const ExecutionId&)>;

  Partition(PartitionOptions options, store::Store& store, FlowRegistry& flows, TimerQueue& timers,
            SubmitCommit submit_commit, HasWatchers has_watchers, Answerer answerer = {});

  // ---- changes ----
  // A new execution. ALREADY_EXISTS if the id is taken.
  Status Create(ProgramPtr program, model::Event submitted);
  // Applies the event; false when it was stale and changed nothing. NOT_FOUND for an unknown execution.
  Result<bool> Apply(const ExecutionId& id, const model::Event& event);
  // A timer that TimerQueue gave out: its row goes with the same commit.
  Result<bool> Fire(const ArmedTimer& timer, Timestamp now);
  // Forgets an execution that has ended for good; false for one that has not, or whose end is not durable yet. NOT_FOUND
  // for an unknown one. What others owe it or it owes others stays.
  Result<bool> Delete(const ExecutionId& id);
  void RememberRequest(store::RequestRow request);
  void FinishOutbox(std::uint64_t id);
  // What `from` owes another execution, in the open batch; an OutboxOrder follows.
  void Owe(const ExecutionId& from, ExecutionId to, decltype(wire::OutboxItem::body) body);
  // A note is written, or dropped (nothing), with the open batch.
  void PutNote(const std::string& key, std::optional<std::string> record);
  // Executions that have come to new states since the last call, in order; what follows from that joins the open batch.
  std::vector<StateNews> TakeStateNews() { return std::exchange(state_news_, {}); }
  // Performed when everything applied so far is durable; at once if it is already.
  void After(Order order);

  // ---- commits ----
  // Sends the open batch to the store if it has anything and the pipeline has room.
  void Flush();
  // What is open will never be sent: whoever waits for it is told so.
  void Abandon(const Error& why);
  // The oldest commit in flight is done; its release comes back to be performed.
  Release OnCommitted();
  // What is decided now waits for a commit before its own can begin.
  bool pipeline_full() const { return in_flight_.size() >= options_.commits_in_flight_max; }
  bool idle() const { return !open_ && in_flight_.empty(); }

  // ---- looking ----
  // The live execution, loaded if it was parked.
  Result<const executor::LiveExecution*> Find(const ExecutionId& id);
  std::optional<store::RequestRow> FindUncommittedRequest(const std::string& request_id) const;
  // Loads what was in flight when the last owner stopped; every delivery a worker may have.
  Result<std::vector<wire::TaskKey>> Recover(const store::PartitionSnapshot& snapshot);
  // Lets go of what only waits: finished executions at once, waiting ones beyond the cap.
  void Park(const std::vector<ExecutionId>& touched);
  std::size_t live_count() const { return live_.size(); }
  store::Epoch epoch() const { return options_.epoch; }

 private:
  struct Entry {
    std::unique_ptr<executor::LiveExecution> live;
    std::vector<model::SetTimer> timers;
    std::set<model::TaskRunIndex> dirty;
    bool dirty_head = false;
    std::size_t states_told = 0;  // of its history, in state_news_ or before
    std::vector<std::uint32_t> run_states_told{};  // of each task run's, of a partition that is measured
    int uncommitted = 0;  // batches, open or in flight, that hold changes of it
    std::list<ExecutionId>::iterator parked{};
    bool is_parked = false;
  };
  struct OpenBatch {
    std::set<ExecutionId> touched;
    std::map<std::pair<ExecutionId, model::TimerId>, std::optional<Timestamp>> timers;
    std::map<std::string, std::optional<std::string>> notes;
    store::WriteBatch batch;  // outbox and requests only, until Flush
    Release release;
  };

  Result<Entry*> Load(const ExecutionId& id);
  executor::Applied ApplyAnswered(executor::LiveExecution& live, const model::Event& event);
  OpenBatch& Open();
  bool Stage(Entry& entry, executor::Applied applied, Timestamp at);
  void Carry(Entry& entry, model::Command command, Timestamp at);
  void ArmTimer(Entry& entry, const model::SetTimer& timer);
  void DisarmTimer(Entry& entry, const model::TimerId& timer);
  void Log(const Entry& entry, const model::EmitLog& log, Timestamp at);
  void Encode(OpenBatch& open, Entry& entry);
  static void NoteRunStates(Entry& entry);
  static void TellEnded(Entry& entry, model::TaskRunIndex index, std::vector<TaskRunEnd>& out);
  void Unpark(Entry& entry);

  const PartitionOptions options_;
  store::Store& store_;
  FlowRegistry& flows_;
  TimerQueue& timers_;
  const SubmitCommit submit_commit_;
  const HasWatchers has_watchers_;
  const Answerer answerer_;

  std::unordered_map<ExecutionId, Entry> live_;
  std::list<ExecutionId> parked_;  // most recent first
  std::vector<ExecutionId> loaded_;  // since the last Flush; parked again unless they changed
  std::unordered_set<ExecutionId> quarantined_;
  std::unordered_set<ExecutionId> deleting_;  // in the open batch or in flight: the store still has them
  std::vector<StateNews> state_news_;
  std::unique_ptr<OpenBatch> open_;
  std::deque<Release> in_flight_;
  std::map<std::string, store::RequestRow> uncommitted_requests_;
  std::deque<std::vector<std::string>> request_ids_in_flight_;
  std::uint64_t next_outbox_id_ = 1;
};

}  // namespace headrace::scheduler
