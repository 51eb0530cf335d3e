// Bringing executions from the store into memory and letting them go again.
#include <spdlog/spdlog.h>

#include <algorithm>

#include "scheduler/partition.h"

namespace headrace::scheduler {
namespace {

Result<model::Execution> Decode(const store::StoredExecution& stored) {
  ASSIGN_OR_RETURN(model::Execution execution, wire::DecodeExecution(stored.record));
  for (const std::string& record : stored.task_runs) {
    ASSIGN_OR_RETURN(model::TaskRun task_run, wire::DecodeTaskRun(record));
    execution.task_runs.push_back(std::move(task_run));
  }
  return execution;
}

}  // namespace

Result<Partition::Entry*> Partition::Load(const ExecutionId& id) {
  if (const auto it = live_.find(id); it != live_.end()) return &it->second;
  if (deleting_.contains(id)) return NotFound("execution " + id.str() + " does not exist");
  if (quarantined_.contains(id)) {
    return Fail(Code::kDataLoss, "execution " + id.str() + " is quarantined: its record is damaged");
  }
  ASSIGN_OR_RETURN(const store::StoredExecution stored, store_.Read(id));
  auto restored = [&]() -> Result<std::unique_ptr<executor::LiveExecution>> {
    ASSIGN_OR_RETURN(model::Execution execution, Decode(stored));
    ASSIGN_OR_RETURN(RegisteredFlow flow, flows_.Get(execution.ns, execution.flow_id, execution.flow_revision));
    return executor::LiveExecution::Restore(flow.program, std::move(execution));
  }();
  if (!restored && restored.error().code == Code::kUnavailable) return Fail(std::move(restored.error()));
  if (!restored) {
    spdlog::error("execution {} is quarantined: {}", id.str(), restored.error().ToString());
    quarantined_.insert(id);
    return Fail(std::move(restored.error()).Wrap("execution " + id.str()));
  }
  Entry entry;
  entry.live = std::move(*restored);
  entry.timers = entry.live->ArmedTimers();
  entry.states_told = entry.live->execution().state.changes.size();
  if (options_.measured) NoteRunStates(entry);
  loaded_.push_back(id);
  return &live_.emplace(id, std::move(entry)).first->second;
}

// What is in memory may be ahead of the store; what is not is as the store has it.
Result<bool> Partition::Delete(const ExecutionId& id) {
  if (deleting_.contains(id)) return NotFound("execution " + id.str() + " does not exist");
  if (const auto it = live_.find(id); it != live_.end()) {
    Entry& entry = it->second;
    if (entry.uncommitted > 0 || !entry.live->ended() || !entry.live->only_waits()) return false;
    for (const model::SetTimer& timer : std::vector<model::SetTimer>(entry.timers)) DisarmTimer(entry, timer.timer);
    Unpark(entry);
    live_.erase(it);
  } else {
    ASSIGN_OR_RETURN(const std::string record, store_.ReadRecord(id));
    ASSIGN_OR_RETURN(const model::Execution execution, wire::DecodeExecution(record));
    if (!execution.closed) return false;
  }
  quarantined_.erase(id);
  deleting_.insert(id);
  Open().batch.executions_deleted.push_back(id);
  return true;
}

void Partition::Unpark(Entry& entry) {
  if (!entry.is_parked) return;
  parked_.erase(entry.parked);
  entry.is_parked = false;
}

void Partition::Park(const std::vector<ExecutionId>& touched) {
  for (const ExecutionId& id : touched) {
    const auto it = live_.find(id);
    if (it == live_.end()) continue;
    Entry& entry = it->second;
    if (entry.uncommitted > 0 || !entry.live->only_waits()) continue;
    if (model::IsTerminal(entry.live->execution().state.current())) {
      Unpark(entry);
      live_.erase(it);
      continue;
    }
    if (entry.is_parked) continue;
    parked_.push_front(id);
    entry.parked = parked_.begin();
    entry.is_parked = true;
  }
  while (parked_.size() > options_.parked_max) {
    live_.erase(parked_.back());
    parked_.pop_back();
  }
}

Result<std::vector<wire::TaskKey>> Partition::Recover(const store::PartitionSnapshot& snapshot) {
  std::vector<wire::TaskKey> in_flight;
  for (const store::TimerRow& row : snapshot.timers) timers_.Arm({row.due, row.execution, row.timer});
  for (const store::OutboxRow& row : snapshot.outbox) {
    next_outbox_id_ = std::max(next_outbox_id_, row.id + 1);
    auto item = wire::DecodeOutbox(row.record);
    if (!item) {
      spdlog::error("outbox item {} is damaged and dropped: {}", row.id, item.error().message);
      FinishOutbox(row.id);
      continue;
    }
    Open().release.orders.emplace_back(OutboxOrder{row.id, std::move(*item)});
  }
  for (const ExecutionId& id : snapshot.active) {
    auto entry = Load(id);
    if (!entry && entry.error().code == Code::kUnavailable) return Fail(std::move(entry.error()));
    if (!entry) continue;  // quarantined and logged
    for (const model::TaskRunIndex index : (*entry)->live->InFlight()) {
      in_flight.push_back({id, (*entry)->live->execution().task_runs.at(index).fence()});
    }
  }
  return in_flight;
}

}  // namespace headrace::scheduler
