// What a core looks like at the moment, for whoever measures it.
#include <algorithm>
#include <map>

#include "scheduler/core.h"
#include "scheduler/telemetry.h"

namespace headrace::scheduler {

// An execution counts from the first state that it comes to here: what it was when the partition was taken is not known without
// reading all of them.
void Shard::Measure(const Release& release) {
  for (const ExecutionStep& step : release.steps) {
    const bool counted = step.from && !model::IsTerminal(step.from->state) && step.from->at >= opened_;
    if (counted) --states_[static_cast<std::size_t>(step.from->state)];
    if (!model::IsTerminal(step.to)) ++states_[static_cast<std::size_t>(step.to)];
  }
  if (options_.telemetry == nullptr) return;
  for (const TaskRunEnd& end : release.task_runs_ended) options_.telemetry->TaskRunEnded(end.type, end.state, end.took);
  for (const Order& order : release.orders) {
    if (const auto* end = std::get_if<EndOrder>(&order)) options_.telemetry->ExecutionClosed(end->id);
  }
}

void Core::Enqueue(const wire::TaskKey& key, const std::string& group) {
  queues_.Add(key, options_.dispatcher.ignores_groups ? std::string() : group, now_.monotonic);
  dispatcher_.Enqueue(key, group);
}

void Core::OnBegun(const wire::TaskKey& key, Duration since) {
  const auto waited = queues_.Remove(key);
  if (!waited || options_.telemetry == nullptr) return;
  options_.telemetry->TaskBegun(waited->group, std::max(now_.monotonic - since - waited->since, Duration(0)));
}

std::vector<wire::TaskKey> Core::ForgetTasks(store::PartitionId id) {
  const auto gone = [&](const wire::TaskKey& key) { return PartitionAt(PlaceOf(key.execution)) == id; };
  queues_.RemoveIf(gone);
  return dispatcher_.Forget(gone);
}

EngineSample Core::Sample(Moment now) const {
  EngineSample sample{.workers = dispatcher_.Workers(now.monotonic), .queues = queues_.Queues(now.monotonic)};
  std::map<std::string, std::uint64_t> running;
  for (const WorkerView& worker : sample.workers) running[worker.group] += worker.running;
  for (QueueView& queue : sample.queues) {
    const auto found = running.extract(queue.group);
    if (!found.empty()) queue.running = found.mapped();
  }
  for (const auto& [group, count] : running) sample.queues.push_back({.group = group, .running = count});
  for (const auto& [id, shard] : shards_) {
    if (!Drives(id)) continue;
    ++sample.partitions;
    for (std::size_t i = 0; i < model::kStateCount; ++i) {
      // A clock of another scheduler that was ahead of ours may make it one too few.
      const std::int64_t count = std::max<std::int64_t>(shard->states()[i], 0);
      if (!model::IsTerminal(static_cast<model::State>(i))) sample.executions[static_cast<model::State>(i)] += static_cast<std::uint64_t>(count);
    }
  }
  sample.partitions_there = options_.partitions;
  sample.owed = owed_.size();
  return sample;
}

}  // namespace headrace::scheduler
