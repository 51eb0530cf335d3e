// What is measured, as Prometheus reads it: the metrics of metric_list.h, counted as things happen or looked up at a scrape.
// Threads: any. Cost: a lookup by label values and an atomic number a record.
// Source: prometheus-cpp core, which only metrics.cc knows; text format 0.0.4.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/http/metric_list.h"

namespace headrace::api::http {

inline constexpr char kMetricsContentType[] = "text/plain; version=0.0.4; charset=utf-8";

// What is known only when it is asked for.
struct Sampled {
  Metric metric;
  std::vector<std::string> labels{};
  double value = 0;
};

class Metrics {
 public:
  // role: scheduler, worker, or another for what is both.
  Metrics(const std::string& version, const std::string& role);
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  using Labels = std::initializer_list<std::string_view>;
  // REQUIRES: a counter, a gauge, a histogram, with as many values as it has labels.
  void Count(Metric metric, Labels labels = {}, double by = 1);
  void Set(Metric metric, Labels labels, double value);
  void Observe(Metric metric, Labels labels, std::chrono::nanoseconds took);

  // `route` is a pattern, or "none" when none was found.
  void CountRequest(const std::string& route, const std::string& method, int status, std::chrono::nanoseconds took);
  // result: accepted, ignored, unknown_event, bad_signature, refused, unavailable.
  void CountGithubDelivery(const std::string& result) { Count(Metric::kGithubDeliveries, {result}); }
  void CountRefusedConnection() { Count(Metric::kHttpRefused); }
  std::atomic<std::int64_t>& connections() { return connections_; }
  std::atomic<std::int64_t>& streams() { return streams_; }

  // The page, with what was looked up for it.
  std::string Expose(const std::vector<Sampled>& now = {}) const;

 private:
  struct Families;
  std::atomic<std::int64_t> connections_{0};
  std::atomic<std::int64_t> streams_{0};
  const std::unique_ptr<Families> families_;
};

}  // namespace headrace::api::http
