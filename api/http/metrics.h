// What is measured, as Prometheus reads it. Labels are route patterns, never paths: their number is known when it
// starts. Units: seconds and bytes, as the names say. Names are in UX section 7 and never change; tests/unit/api/http
// holds the list. Threads: any. Source: prometheus-cpp core, which only metrics.cc knows; text format 0.0.4.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace headrace::api::http {

inline constexpr char kMetricsContentType[] = "text/plain; version=0.0.4; charset=utf-8";

// Of workers that are there now, as the engine counts them.
struct WorkerCounts {
  double active = 0;
  double draining = 0;
  double slots_busy = 0;
  double slots_free = 0;
};

class Metrics {
 public:
  Metrics(const std::string& version, const std::string& role);
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  // `route` is a pattern, or "none" when none was found.
  void CountRequest(const std::string& route, const std::string& method, int status, std::chrono::nanoseconds took);
  // result: accepted, ignored, unknown_event, bad_signature, refused, unavailable.
  void CountGithubDelivery(const std::string& result);
  void CountRefusedConnection();
  std::atomic<std::int64_t>& connections() { return connections_; }
  std::atomic<std::int64_t>& streams() { return streams_; }

  // The page. Without `workers` their families are left out, because nobody knows.
  std::string Expose(const WorkerCounts* workers) const;

 private:
  struct Families;
  std::atomic<std::int64_t> connections_{0};
  std::atomic<std::int64_t> streams_{0};
  const std::unique_ptr<Families> families_;
};

}  // namespace headrace::api::http
