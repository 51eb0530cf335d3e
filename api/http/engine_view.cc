#include "api/http/engine_view.h"

#include <spdlog/spdlog.h>

#include <utility>

#include "scheduler/engine.h"

namespace headrace::api::http {
namespace {

// Nothing of the message: everybody may ask, and it may name files and hosts.
std::string WhatIsMissing(const Error& error) {
  switch (error.code) {
    case Code::kDeadlineExceeded: return "engine: it does not answer, or what it decides is not kept";
    case Code::kResourceExhausted: return "engine: more comes than it can take";
    default: return "store: it does not take what is decided";
  }
}

std::vector<std::string> MissingOf(scheduler::Engine& engine) {
  const Status settled = engine.Settle();
  if (settled) return {};
  spdlog::warn("not ready: {}", settled.error().ToString());
  return {WhatIsMissing(settled.error())};
}

double Seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

void SampleWorkers(const std::vector<scheduler::WorkerView>& workers, std::vector<Sampled>& out) {
  double active = 0;
  double draining = 0;
  double busy = 0;
  double free = 0;
  for (const scheduler::WorkerView& worker : workers) {
    (worker.draining ? draining : active) += 1;
    busy += worker.running;
    free += worker.draining || worker.running > worker.capacity ? 0 : worker.capacity - worker.running;
  }
  out.push_back({Metric::kWorkers, {"active"}, active});
  out.push_back({Metric::kWorkers, {"draining"}, draining});
  out.push_back({Metric::kSchedulerSlots, {"busy"}, busy});
  out.push_back({Metric::kSchedulerSlots, {"free"}, free});
}

// Nothing of an engine that does not answer: nobody knows.
std::vector<Sampled> SampleOf(scheduler::Engine& engine) {
  std::vector<Sampled> out;
  const auto sample = engine.Sample();
  if (!sample) return out;
  SampleWorkers(sample->workers, out);
  for (const scheduler::QueueView& queue : sample->queues) {
    const std::string label = QueueLabel(queue.group);
    out.push_back({Metric::kQueueDepth, {label}, static_cast<double>(queue.waiting)});
    out.push_back({Metric::kQueueRunning, {label}, static_cast<double>(queue.running)});
    out.push_back({Metric::kQueueOldestAge, {label}, Seconds(queue.oldest)});
  }
  for (const auto& [state, count] : sample->executions) {
    out.push_back({Metric::kExecutions, {std::string(model::StateName(state))}, static_cast<double>(count)});
  }
  out.push_back({Metric::kPartitions, {}, static_cast<double>(sample->partitions)});
  out.push_back({Metric::kStorePartitions, {}, static_cast<double>(sample->partitions_there)});
  out.push_back({Metric::kOutboxOwed, {}, static_cast<double>(sample->owed)});
  return out;
}

}  // namespace

std::string QueueLabel(const std::string& group) { return group.empty() ? "default" : group; }

void LookAtEngine(SystemView& view, scheduler::Engine& engine, std::function<std::vector<std::string>()> missing,
                  std::function<std::vector<Sampled>()> sample) {
  view.missing = [&engine, missing = std::move(missing)] {
    auto known = missing ? missing() : std::vector<std::string>();
    return known.empty() ? MissingOf(engine) : known;
  };
  view.sample = [&engine, sample = std::move(sample)] {
    std::vector<Sampled> out = SampleOf(engine);
    if (sample) {
      for (Sampled& one : sample()) out.push_back(std::move(one));
    }
    return out;
  };
  view.stuck_for = [&engine] { return engine.StuckFor(); };
  view.about = [&engine] { return Object{{"workerEndpoint", engine.worker_endpoint()}}; };
}

}  // namespace headrace::api::http
