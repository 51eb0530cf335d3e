#include "api/http/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <utility>

#include "api/http/process_sample.h"

namespace headrace::api::http {
namespace {

using prometheus::MetricFamily;
using prometheus::MetricType;

const prometheus::Histogram::BucketBoundaries kSeconds = {0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
                                                          0.5,   1,     2.5,  5,     10,   30};

struct Labelled {
  std::string name;
  std::string value;
  double number;
};

// What is known only when it is asked for.
MetricFamily Sampled(const std::string& name, const std::string& help, MetricType type,
                     const std::vector<Labelled>& values) {
  MetricFamily family{name, help, type, {}};
  for (const Labelled& one : values) {
    prometheus::ClientMetric metric;
    if (!one.name.empty()) metric.label.push_back({one.name, one.value});
    (type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = one.number;
    family.metric.push_back(std::move(metric));
  }
  return family;
}

void AddProcess(std::vector<MetricFamily>& out) {
  const ProcessSample sample = SampleProcess();
  const auto add = [&](const char* name, const char* help, double value, MetricType type = MetricType::Gauge) {
    out.push_back(Sampled(name, help, type, {{"", "", value}}));
  };
  add("process_cpu_seconds_total", "CPU time of this process", sample.cpu_seconds, MetricType::Counter);
  add("process_start_time_seconds", "When it started, since the epoch", sample.start_seconds);
  add("process_resident_memory_bytes", "Memory that is resident", sample.resident_bytes);
  add("process_virtual_memory_bytes", "Memory that is mapped", sample.virtual_bytes);
  add("process_threads", "Threads", sample.threads);
  add("process_open_fds", "Open file descriptors", sample.fds);
  add("process_max_fds", "How many may be open", sample.fds_max);
}

}  // namespace

struct Metrics::Families {
  prometheus::Registry registry{};
  prometheus::Family<prometheus::Gauge>& build;
  prometheus::Family<prometheus::Counter>& requests;
  prometheus::Family<prometheus::Histogram>& durations;
  prometheus::Family<prometheus::Counter>& github;
  prometheus::Counter& refused;

  Families()
      : build(prometheus::BuildGauge().Name("headrace_build_info").Help("What this is; always 1").Register(registry)),
        requests(prometheus::BuildCounter()
                     .Name("headrace_http_requests_total")
                     .Help("HTTP requests answered, by route pattern")
                     .Register(registry)),
        durations(prometheus::BuildHistogram()
                      .Name("headrace_http_request_duration_seconds")
                      .Help("From the head of a request to the last byte of its answer")
                      .Register(registry)),
        github(prometheus::BuildCounter()
                   .Name("headrace_github_deliveries_total")
                   .Help("Deliveries of GitHub's webhooks, by what became of them")
                   .Register(registry)),
        refused(prometheus::BuildCounter()
                    .Name("headrace_http_connections_refused_total")
                    .Help("Connections turned away because there were too many")
                    .Register(registry)
                    .Add({})) {}
};

Metrics::Metrics(const std::string& version, const std::string& role) : families_(std::make_unique<Families>()) {
  families_->build.Add({{"version", version}, {"role", role}}).Set(1);
  for (const char* result : {"accepted", "ignored", "unknown_event", "bad_signature", "refused", "unavailable"}) {
    families_->github.Add({{"result", result}});
  }
}

Metrics::~Metrics() = default;

void Metrics::CountRequest(const std::string& route, const std::string& method, int status,
                           std::chrono::nanoseconds took) {
  families_->requests.Add({{"route", route}, {"method", method}, {"code", std::to_string(status)}}).Increment();
  families_->durations.Add({{"route", route}, {"method", method}}, kSeconds)
      .Observe(std::chrono::duration<double>(took).count());
}

void Metrics::CountGithubDelivery(const std::string& result) {
  families_->github.Add({{"result", result}}).Increment();
}

void Metrics::CountRefusedConnection() { families_->refused.Increment(); }

std::string Metrics::Expose(const WorkerCounts* workers) const {
  std::vector<MetricFamily> page = families_->registry.Collect();
  page.push_back(Sampled("headrace_http_connections", "Open HTTP connections", MetricType::Gauge,
                         {{"", "", static_cast<double>(connections_.load())}}));
  page.push_back(Sampled("headrace_sse_clients", "Open event streams over HTTP", MetricType::Gauge,
                         {{"", "", static_cast<double>(streams_.load())}}));
  if (workers != nullptr) {
    page.push_back(Sampled("headrace_workers", "Workers connected", MetricType::Gauge,
                           {{"state", "active", workers->active}, {"state", "draining", workers->draining}}));
    page.push_back(Sampled("headrace_worker_slots", "Slots of the workers connected", MetricType::Gauge,
                           {{"state", "busy", workers->slots_busy}, {"state", "free", workers->slots_free}}));
  }
  AddProcess(page);
  std::sort(page.begin(), page.end(), [](const MetricFamily& a, const MetricFamily& b) { return a.name < b.name; });
  return prometheus::TextSerializer().Serialize(page);
}

}  // namespace headrace::api::http
