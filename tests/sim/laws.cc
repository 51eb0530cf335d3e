#include "tests/sim/laws.h"

#include <algorithm>

#include "common/base/hash.h"
#include "scheduler/look_book.h"

namespace headrace::sim {
namespace {

std::string Name(const ExecutionId& id, model::TaskRunIndex index) { return id.str() + "/" + std::to_string(index); }

std::string Name(const wire::TaskKey& key) {
  return Name(key.execution, key.fence.task_run) + " attempt " + std::to_string(key.fence.attempt) + " delivery " +
         std::to_string(key.fence.delivery);
}

}  // namespace

void Laws::Break(const std::string& law, const std::string& what) {
  if (!broken_) broken_ = law + ": " + what;
}

const model::TaskRun* Laws::FindTaskRun(const ExecutionId& id, model::TaskRunIndex index) const {
  const auto it = task_runs_.find({id, index});
  return it == task_runs_.end() ? nullptr : &it->second;
}

std::vector<model::TaskRun> Laws::TaskRunsOf(const ExecutionId& id) const {
  std::vector<model::TaskRun> found;
  for (auto it = task_runs_.lower_bound({id, 0}); it != task_runs_.end() && it->first.first == id; ++it) {
    found.push_back(it->second);
  }
  return found;
}

void Laws::OnDurable(const store::WriteBatch& batch) {
  store::Epoch& epoch = epochs_[batch.partition];
  if (batch.epoch < epoch) Break("an owner before the last commits nothing", "partition " + std::to_string(batch.partition));
  epoch = batch.epoch;
  for (const store::ExecutionRow& row : batch.executions) {
    auto execution = wire::DecodeExecution(row.record);
    if (!execution) return Break("records can be read", execution.error().message);
    if (purged_.contains(row.id)) Break("what is purged stays away", row.id.str());
    const auto it = executions_.find(row.id);
    if (it != executions_.end()) CheckExecution(it->second, *execution);
    else CheckLooked(*execution);
    executions_[row.id] = std::move(*execution);
  }
  for (const store::TaskRunRow& row : batch.task_runs) {
    if (purged_.contains(row.execution)) Break("what is purged stays away", Name(row.execution, row.index));
    auto task_run = wire::DecodeTaskRun(row.record);
    if (!task_run) return Break("records can be read", task_run.error().message);
    const auto it = task_runs_.find({row.execution, row.index});
    if (it != task_runs_.end()) CheckTaskRun(it->second, *task_run, row.execution);
    task_runs_[{row.execution, row.index}] = std::move(*task_run);
  }
  for (const ExecutionId& id : batch.executions_deleted) {
    const auto it = executions_.find(id);
    if (it == executions_.end() || !it->second.closed) Break("only what has ended for good is purged", id.str());
    purged_.insert(id);
  }
}

void Laws::CheckExecution(const model::Execution& before, const model::Execution& after) {
  const std::string& id = after.id.str();
  if (after.version <= before.version) Break("versions rise", id);
  if (after.state.changes.size() < before.state.changes.size() ||
      !std::equal(before.state.changes.begin(), before.state.changes.end(), after.state.changes.begin())) {
    Break("history is only added to", id);
  }
  if (model::IsTerminal(before.state.current()) && after.state.changes.size() > before.state.changes.size() &&
      after.state.changes[before.state.changes.size()].state != model::State::kRestarted) {
    Break("a terminal execution stays as it is", id);
  }
}

void Laws::CheckTaskRun(const model::TaskRun& before, const model::TaskRun& after, const ExecutionId& id) {
  const std::string name = Name(id, after.index);
  if (after.delivery < before.delivery) Break("deliveries never go back", name);
  if (after.attempt < before.attempt) Break("attempts never go back", name);
  if (before.superseded && !after.superseded) Break("what is superseded stays so", name);
  if (model::IsTerminal(before.state.current()) && before.state.current() != after.state.current()) {
    const model::State next = after.state.changes.size() > before.state.changes.size()
                                  ? after.state.changes[before.state.changes.size()].state : after.state.current();
    if (next != model::State::kRestarted && next != model::State::kRetrying) {
      Break("a result is accepted once",
            name + " was " + std::string(model::StateName(before.state.current())) + " and became " +
                std::string(model::StateName(next)));
    }
  }
  if (before.state.current() == model::State::kSuccess && after.state.current() == model::State::kSuccess &&
      before.outputs != after.outputs && after.state == before.state) {
    Break("a result is accepted once", name + " got other outputs");
  }
}

bool Laws::Fires(const wire::TaskKey& look) { return StableHash(look.execution.str()) % 2 == 0; }

void Laws::CheckLooked(const model::Execution& execution) {
  const Value* look = AtPath(execution.trigger, "variables.look");
  if (look == nullptr) return;
  const std::string key = ToText(*look);
  if (!Fires({ExecutionId(key), {}})) Break("only what a look saw starts an execution", execution.id.str());
  if (!started_by_look_.emplace(key, execution.id).second) Break("a look starts one execution", execution.id.str());
  const auto before = executions_.find(last_looked_);
  if (before != executions_.end() && !model::IsTerminal(before->second.state.current())) {
    Break("a trigger waits for the end of its execution", execution.id.str() + " beside " + last_looked_.str());
  }
  last_looked_ = execution.id;
}

void Laws::OnSubmitReply(const ExecutionId& id) {
  acknowledged_.insert(id);
  if (!executions_.contains(id)) Break("an answer means durable", "execution " + id.str());
}

void Laws::OnPurgeReply(const ExecutionId& id) {
  if (!purged_.contains(id)) Break("an answer means durable", "purge of " + id.str());
}

void Laws::OnAssignSent(const wire::Assign& assign) {
  if (scheduler::IsLook(assign.key)) return;  // nothing is durable of a look before it has ended
  const model::TaskRun* task_run = FindTaskRun(assign.key.execution, assign.key.fence.task_run);
  if (task_run == nullptr || task_run->attempt < assign.key.fence.attempt ||
      task_run->delivery < assign.key.fence.delivery || task_run->state.changes.size() < 2) {
    Break("commit, then act", "an assignment left before its delivery was durable: " + Name(assign.key));
  }
}

// Else workers would refuse the owner to which a failover gives the partition back.
void Laws::OnEpochSent(const wire::Assign& assign) {
  const auto epoch = epochs_.find(assign.partition);
  if (epoch == epochs_.end() || epoch->second < assign.epoch) {
    Break("commit, then act", "an assignment left before anything was durable in its epoch: " + Name(assign.key));
  }
}

void Laws::OnResultAcked(const wire::TaskKey& key, wire::Verdict verdict) {
  if (verdict == wire::Verdict::kElsewhere) return;  // the worker keeps it
  if (scheduler::IsLook(key)) {
    const bool owed = verdict == wire::Verdict::kAccepted && Fires(key);
    if (owed && !started_by_look_.contains(key.execution.str())) Break("an ack means durable", "look " + Name(key));
    return;
  }
  const model::TaskRun* task_run = FindTaskRun(key.execution, key.fence.task_run);
  if (task_run == nullptr) {
    if (verdict != wire::Verdict::kUnknown) Break("an ack means durable", Name(key));
    return;
  }
  const bool current = task_run->attempt == key.fence.attempt && task_run->delivery == key.fence.delivery;
  const bool waits = task_run->state.current() == model::State::kSubmitted ||
                     task_run->state.current() == model::State::kRunning;
  if (current && waits && !task_run->superseded) {
    Break("an ack means durable", "a result was acked and the task run still waits for it: " + Name(key));
  }
}

void Laws::OnRunBegins(const wire::TaskKey& key, int worker) {
  std::vector<Run>& runs = running_[{key.execution, key.fence.task_run}];
  for (const Run& run : runs) {
    if (frozen_.contains(run.worker)) continue;
    Break("one live lease a task run", Name(key) + " begins on worker " + std::to_string(worker) + " while " +
                                           Name(run.key) + " runs on worker " + std::to_string(run.worker));
  }
  if (const model::TaskRun* task_run = FindTaskRun(key.execution, key.fence.task_run);
      task_run != nullptr && model::IsTerminal(task_run->state.current()) && task_run->attempt == key.fence.attempt &&
      task_run->delivery == key.fence.delivery && task_run->state.current() == model::State::kSuccess) {
    Break("what has succeeded is not run again", Name(key));
  }
  runs.push_back({key, worker});
}

void Laws::OnRunEnds(const wire::TaskKey& key, int worker) {
  const auto it = running_.find({key.execution, key.fence.task_run});
  if (it == running_.end()) return;
  std::erase_if(it->second, [&](const Run& run) { return run.key == key && run.worker == worker; });
  if (it->second.empty()) running_.erase(it);
}

void Laws::OnWorkerFrozen(int worker, bool frozen) {
  if (frozen) frozen_.insert(worker);
  else frozen_.erase(worker);
}

}  // namespace headrace::sim
