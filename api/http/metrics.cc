#include "api/http/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <array>
#include <map>
#include <mutex>
#include <shared_mutex>
#include <unordered_map>
#include <utility>

#include "api/http/process_sample.h"
#include "common/base/check.h"

namespace headrace::api::http {
namespace {

using prometheus::MetricFamily;
using prometheus::MetricType;

constexpr char kBetween = '\x1f';

// The series of one metric, by its label values.
template <typename Number>
class Series {
 public:
  using Family = prometheus::Family<Number>;
  void Open(Family& family, const MetricSpec& spec) {
    family_ = &family;
    spec_ = &spec;
  }

  Number& At(Metrics::Labels labels) {
    thread_local std::string key;
    key.clear();
    for (const std::string_view label : labels) key.append(label).push_back(kBetween);
    {
      const std::shared_lock lock(mutex_);
      if (const auto found = known_.find(key); found != known_.end()) return *found->second;
    }
    CHECK(family_ != nullptr && labels.size() == spec_->labels.size());
    prometheus::Labels named;
    auto name = spec_->labels.begin();
    for (const std::string_view label : labels) {
      if (!label.empty()) named.emplace(*name, label);
      ++name;
    }
    const std::unique_lock lock(mutex_);
    return *known_.try_emplace(key, &Make(named)).first->second;
  }

 private:
  Number& Make(const prometheus::Labels& labels) {
    if constexpr (std::is_same_v<Number, prometheus::Histogram>) return family_->Add(labels, spec_->buckets);
    else return family_->Add(labels);
  }

  Family* family_ = nullptr;
  const MetricSpec* spec_ = nullptr;
  std::shared_mutex mutex_;
  std::unordered_map<std::string, Number*> known_;
};

MetricFamily FamilyOf(const MetricSpec& spec) {
  return {spec.name, spec.help, spec.kind == MetricKind::kCounter ? MetricType::Counter : MetricType::Gauge, {}};
}

void AddProcess(std::vector<Sampled>& out) {
  const ProcessSample sample = SampleProcess();
  const auto add = [&](Metric metric, double value) { out.push_back({metric, {}, value}); };
  add(Metric::kProcessCpu, sample.cpu_seconds);
  add(Metric::kProcessStart, sample.start_seconds);
  add(Metric::kProcessResident, sample.resident_bytes);
  add(Metric::kProcessVirtual, sample.virtual_bytes);
  add(Metric::kProcessThreads, sample.threads);
  add(Metric::kProcessFds, sample.fds);
  add(Metric::kProcessFdsMax, sample.fds_max);
}

bool Serves(const std::string& role, MetricOf of) {
  if (of == MetricOf::kEvery) return true;
  return of == MetricOf::kWorker ? role != "scheduler" : role != "worker";
}

}  // namespace

struct Metrics::Families {
  prometheus::Registry registry{};
  std::array<Series<prometheus::Counter>, kMetricCount> counters{};
  std::array<Series<prometheus::Gauge>, kMetricCount> gauges{};
  std::array<Series<prometheus::Histogram>, kMetricCount> histograms{};

  Families() {
    for (const MetricSpec& spec : MetricList()) {
      const auto at = static_cast<std::size_t>(spec.metric);
      switch (spec.kind) {
        case MetricKind::kCounter:
          counters[at].Open(prometheus::BuildCounter().Name(spec.name).Help(spec.help).Register(registry), spec);
          break;
        case MetricKind::kGauge:
          gauges[at].Open(prometheus::BuildGauge().Name(spec.name).Help(spec.help).Register(registry), spec);
          break;
        case MetricKind::kHistogram:
          histograms[at].Open(prometheus::BuildHistogram().Name(spec.name).Help(spec.help).Register(registry), spec);
          break;
      }
    }
  }
};

Metrics::Metrics(const std::string& version, const std::string& role) : families_(std::make_unique<Families>()) {
  Set(Metric::kBuildInfo, {version, role}, 1);
  // What can be counted is there from the beginning, so that its first rise is seen. What a scrape looks up is not.
  for (const MetricSpec& spec : MetricList()) {
    const bool looked_up = spec.metric == Metric::kProcessCpu || (spec.of == MetricOf::kWorker && spec.kind == MetricKind::kCounter);
    if (!spec.labels.empty() || looked_up || !Serves(role, spec.of)) continue;
    const auto at = static_cast<std::size_t>(spec.metric);
    if (spec.kind == MetricKind::kCounter) families_->counters[at].At({});
    if (spec.kind == MetricKind::kHistogram) families_->histograms[at].At({});
  }
  if (!Serves(role, MetricOf::kScheduler)) return;
  for (const char* result : {"accepted", "ignored", "unknown_event", "bad_signature", "refused", "unavailable"}) {
    Count(Metric::kGithubDeliveries, {result}, 0);
  }
  for (const char* result : {"sent", "unsampled", "dropped", "refused", "unreadable"}) Count(Metric::kTraces, {result}, 0);
  for (const char* result : {"sent", "dropped", "refused"}) Count(Metric::kTraceSpans, {result}, 0);
  for (const char* direction : {"in", "out"}) Count(Metric::kZmqMessages, {direction}, 0);
}

Metrics::~Metrics() = default;

void Metrics::Count(Metric metric, Labels labels, double by) {
  families_->counters[static_cast<std::size_t>(metric)].At(labels).Increment(by);
}

void Metrics::Set(Metric metric, Labels labels, double value) { families_->gauges[static_cast<std::size_t>(metric)].At(labels).Set(value); }

void Metrics::Observe(Metric metric, Labels labels, std::chrono::nanoseconds took) {
  families_->histograms[static_cast<std::size_t>(metric)].At(labels).Observe(std::chrono::duration<double>(took).count());
}

void Metrics::CountRequest(const std::string& route, const std::string& method, int status, std::chrono::nanoseconds took) {
  Count(Metric::kHttpRequests, {route, method, std::to_string(status)});
  Observe(Metric::kHttpDuration, {route, method}, took);
}

std::string Metrics::Expose(const std::vector<Sampled>& now) const {
  std::vector<Sampled> samples = now;
  samples.push_back({Metric::kHttpConnections, {}, static_cast<double>(connections_.load())});
  samples.push_back({Metric::kSseClients, {}, static_cast<double>(streams_.load())});
  AddProcess(samples);
  std::map<std::string, MetricFamily> page;
  for (MetricFamily& family : families_->registry.Collect()) {
    if (!family.metric.empty()) page.emplace(family.name, std::move(family));
  }
  for (const Sampled& sample : samples) {
    const MetricSpec& spec = SpecOf(sample.metric);
    CHECK(sample.labels.size() == spec.labels.size());
    prometheus::ClientMetric metric;
    for (std::size_t i = 0; i < spec.labels.size(); ++i) metric.label.push_back({spec.labels[i], sample.labels[i]});
    (spec.kind == MetricKind::kCounter ? metric.counter.value : metric.gauge.value) = sample.value;
    page.try_emplace(spec.name, FamilyOf(spec)).first->second.metric.push_back(std::move(metric));
  }
  std::vector<MetricFamily> families;
  for (auto& [name, family] : page) families.push_back(std::move(family));
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace headrace::api::http
