#include "cli/host/measures.h"

#include <algorithm>
#include <utility>

#include "api/http/engine_view.h"
#include "cli/version.h"

namespace headrace::cli {
namespace {

using api::http::Metric;

constexpr Duration kLate = std::chrono::seconds(30);
constexpr std::string_view kOther = "other";
constexpr std::size_t kCallNameMost = 32;

// What is no failure of the store: nothing is there, or another owner has the partition.
bool IsStoreError(const Status& status) {
  return !status && status.error().code != Code::kNotFound && status.error().code != Code::kAborted;
}

class MeteredPeers final : public scheduler::PeerClient {
 public:
  MeteredPeers(std::unique_ptr<scheduler::PeerClient> inner, api::http::Metrics& metrics) : inner_(std::move(inner)), metrics_(metrics) {}

  void Call(const std::string& address, std::string request, Duration timeout, scheduler::PeerDone done) override {
    std::string name = PeerCallName(request);
    inner_->Call(address, std::move(request), timeout, [this, name = std::move(name), done = std::move(done)](Result<std::string> reply) {
      metrics_.Count(Metric::kPeerCalls, {name, reply ? CodeName(Code::kOk) : CodeName(reply.error().code)});
      done(std::move(reply));
    });
  }

 private:
  const std::unique_ptr<scheduler::PeerClient> inner_;
  api::http::Metrics& metrics_;
};

}  // namespace

std::string PeerCallName(const std::string& request) {
  constexpr std::string_view kBefore = R"({"call":")";
  if (!request.starts_with(kBefore)) return std::string(kOther);
  const std::string_view name = std::string_view(request).substr(kBefore.size(), request.find('"', kBefore.size()) - kBefore.size());
  const bool word = !name.empty() && name.size() <= kCallNameMost &&
                    std::all_of(name.begin(), name.end(), [](char c) { return (c >= 'a' && c <= 'z') || c == '.'; });
  return std::string(word ? name : kOther);
}

Measures::Measures(const std::string& role, bool flow_labels) : metrics_(kVersion, role), flow_labels_(flow_labels) {}

store::StoreTold Measures::OfStore(std::string backend) {
  return [this, backend = std::move(backend)](const char* operation, Duration took, const Status& status) {
    metrics_.Observe(Metric::kStoreOp, {backend, operation}, took);
    metrics_.Count(Metric::kStoreErrors, {backend, operation}, IsStoreError(status) ? 1 : 0);
  };
}

std::function<void(bool)> Measures::OfRedis() {
  return [this](bool answers) {
    redis_away_.store(!answers);
    metrics_.Set(Metric::kRedisUp, {}, answers ? 1 : 0);
  };
}

std::function<void(const std::string&, const std::string&)> Measures::OfApi() {
  return [this](const std::string& method, const std::string& code) { metrics_.Count(Metric::kGrpcHandled, {method, code}); };
}

std::function<void(const std::string&, model::State)> Measures::OfWorker() {
  return [this](const std::string& type, model::State state) { metrics_.Count(Metric::kWorkerTasks, {type, model::StateName(state)}); };
}

std::unique_ptr<scheduler::PeerClient> Measures::Metered(std::unique_ptr<scheduler::PeerClient> peers) {
  return std::make_unique<MeteredPeers>(std::move(peers), metrics_);
}

std::vector<std::string> Measures::Missing() const {
  if (!redis_away_.load()) return {};
  return {"store: Redis does not answer"};
}

bool Measures::MayName(const std::string& ns, const std::string& flow_id, model::State state) {
  const std::lock_guard lock(mutex_);
  const std::tuple series(ns, flow_id, state);
  if (named_.contains(series)) return true;
  if (named_.size() >= kFlowSeriesMost) return false;
  named_.insert(series);
  return true;
}

void Measures::ExecutionEnded(const std::string& ns, const std::string& flow_id, model::State state, Duration took) {
  const std::string_view name = model::StateName(state);
  metrics_.Observe(Metric::kExecutionDuration, {name}, took);
  if (!flow_labels_) return metrics_.Count(Metric::kExecutionsTotal, {"", "", name});
  if (MayName(ns, flow_id, state)) return metrics_.Count(Metric::kExecutionsTotal, {ns, flow_id, name});
  metrics_.Count(Metric::kExecutionsTotal, {kOther, kOther, name});
}

void Measures::ExecutionClosed(const ExecutionId& id) {
  if (traces_.closed) traces_.closed(id);
}

std::string Measures::TraceParent(const model::Execution& execution, const model::TaskRun& run) {
  return traces_.parent_of ? traces_.parent_of(execution, run) : std::string();
}

void Measures::TaskRunEnded(const std::string& type, model::State state, Duration took) {
  metrics_.Count(Metric::kTaskRunsTotal, {type, model::StateName(state)});
  metrics_.Observe(Metric::kTaskRunDuration, {type}, took);
}

void Measures::TaskBegun(const std::string& group, Duration waited) {
  metrics_.Observe(Metric::kScheduleToStart, {api::http::QueueLabel(group)}, waited);
}

void Measures::Passed(std::optional<Duration> lag, Duration took) {
  metrics_.Observe(Metric::kDecision, {}, took);
  if (lag) metrics_.Observe(Metric::kLoopLag, {}, *lag);
}

void Measures::Messages(std::uint64_t received, std::uint64_t sent) {
  if (received > 0) metrics_.Count(Metric::kZmqMessages, {"in"}, static_cast<double>(received));
  if (sent > 0) metrics_.Count(Metric::kZmqMessages, {"out"}, static_cast<double>(sent));
}

void Measures::TriggerFired(Duration late) {
  metrics_.Observe(Metric::kTriggerLateness, {}, late);
  if (late > kLate) metrics_.Count(Metric::kTriggersLate);
}

std::vector<api::http::Sampled> SampleWorker(const worker::Vitals& vitals) {
  constexpr double kMicros = 1e6;
  return {{Metric::kWorkerSlots, {"busy"}, static_cast<double>(vitals.slots_busy.load())},
          {Metric::kWorkerSlots, {"free"}, static_cast<double>(vitals.slots_free.load())},
          {Metric::kWorkerReady, {}, vitals.welcomed.load() ? 1.0 : 0.0},
          {Metric::kWorkerDraining, {}, vitals.draining.load() ? 1.0 : 0.0},
          {Metric::kWorkerHeartbeat, {}, static_cast<double>(vitals.heard.load()) / kMicros},
          {Metric::kLogLines, {}, static_cast<double>(vitals.log_lines.load())},
          {Metric::kLogBytes, {}, static_cast<double>(vitals.log_bytes.load())},
          {Metric::kLogDropped, {}, static_cast<double>(vitals.logs_dropped.load())}};
}

}  // namespace headrace::cli
