// What this process measures: what the rooms tell of their work, counted under the names of api/http/metric_list.h.
// Laws: no label holds an id or a text of people; of flows only where that was asked for, and no more than kFlowSeriesMost.
// Threads: any.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "api/http/metrics.h"
#include "common/store/metered_store.h"
#include "scheduler/peer.h"
#include "scheduler/telemetry.h"
#include "worker/vitals.h"

namespace headrace::cli {

// What those who trace executions want to know of them; empty functions: nothing.
struct TraceHooks {
  std::function<void(const ExecutionId& id)> closed{};
  std::function<std::string(const model::Execution& execution, const model::TaskRun& run)> parent_of{};
};

class Measures final : public scheduler::Telemetry {
 public:
  static constexpr std::size_t kFlowSeriesMost = 1000;

  // `role` as in api::http::Metrics.
  Measures(const std::string& role, bool flow_labels);
  api::http::Metrics& metrics() { return metrics_; }

  // What the functions and decorators below tell of; this outlives them.
  store::StoreTold OfStore(std::string backend);
  std::function<void(bool answers)> OfRedis();
  std::function<void(const std::string& method, const std::string& code)> OfApi();
  std::function<void(const std::string& type, model::State state)> OfWorker();
  std::unique_ptr<scheduler::PeerClient> Metered(std::unique_ptr<scheduler::PeerClient> peers);
  // REQUIRES: before the engine starts; what is behind them outlives it.
  void Trace(TraceHooks hooks) { traces_ = std::move(hooks); }
  // What this process lacks, as far as it knows without asking anybody.
  std::vector<std::string> Missing() const;

  void ExecutionEnded(const std::string& ns, const std::string& flow_id, model::State state, Duration took) override;
  void ExecutionClosed(const ExecutionId& id) override;
  std::string TraceParent(const model::Execution& execution, const model::TaskRun& run) override;
  void TaskRunEnded(const std::string& type, model::State state, Duration took) override;
  void TaskBegun(const std::string& group, Duration waited) override;
  void Passed(std::optional<Duration> lag, Duration took) override;
  void Messages(std::uint64_t received, std::uint64_t sent) override;
  void TriggerFired(Duration late) override;

 private:
  bool MayName(const std::string& ns, const std::string& flow_id, model::State state);

  api::http::Metrics metrics_;
  const bool flow_labels_;
  TraceHooks traces_;
  std::atomic<bool> redis_away_{false};
  std::mutex mutex_;
  std::set<std::tuple<std::string, std::string, model::State>> named_;
};

// The name of a call between schedulers, out of its request; other: none that is known to be one.
std::string PeerCallName(const std::string& request);

// For the page of metrics.
std::vector<api::http::Sampled> SampleWorker(const worker::Vitals& vitals);

}  // namespace headrace::cli
