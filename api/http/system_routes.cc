#include "api/http/system_routes.h"

#include <spdlog/spdlog.h>

#include "common/model/value.h"
#include "scheduler/engine.h"

namespace headrace::api::http {
namespace {

constexpr std::chrono::seconds kReadyWithin(5);
constexpr std::chrono::seconds kScrapeWithin(10);
// Each may hold a thread while the engine is stuck; the others must not run out.
constexpr std::size_t kAtOnceMax = 3;

HttpResponse Health(bool up, const char* why = nullptr) {
  Object body{{"status", up ? "UP" : "DOWN"}};
  if (why != nullptr) body["detail"] = why;
  HttpResponse out{.status = up ? 200 : 503, .body = ToJson(Value(std::move(body)))};
  if (!up) out.headers.push_back({"Retry-After", "1"});
  return out;
}

HttpResponse Ready(SystemView& view) {
  if (view.draining.load()) return Health(false, "ending");
  const Status settled = view.engine.Settle();
  if (settled) return Health(true);
  spdlog::warn("not ready: {}", settled.error().ToString());
  return Health(false, "the engine does not answer, or its store");
}

HttpResponse About(SystemView& view) {
  const auto uptime = std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - view.started);
  const Object body{{"name", "headrace"},
                    {"version", view.version},
                    {"role", view.role},
                    {"uptimeSeconds", uptime.count()},
                    {"workerEndpoint", view.engine.worker_endpoint()}};
  return {.body = ToJson(Value(body))};
}

HttpResponse Scrape(SystemView& view) {
  HttpResponse out{.content_type = kMetricsContentType};
  const auto workers = view.engine.ListWorkers();
  if (!workers) {
    out.body = view.metrics.Expose(nullptr);
    return out;
  }
  WorkerCounts counts;
  for (const scheduler::WorkerView& worker : *workers) {
    (worker.draining ? counts.draining : counts.active) += 1;
    counts.slots_busy += worker.running;
    counts.slots_free += worker.draining || worker.running > worker.capacity ? 0 : worker.capacity - worker.running;
  }
  out.body = view.metrics.Expose(&counts);
  return out;
}

}  // namespace

void AddSystemRoutes(Router& router, SystemView& view) {
  const auto answers = [&view](HttpResponse (*make)(SystemView&)) {
    return [&view, make](const std::shared_ptr<const HttpRequest>&, const Reply& reply) { reply(make(view)); };
  };
  const auto alive = [](const std::shared_ptr<const HttpRequest>&, const Reply& reply) { reply(Health(true)); };
  const RouteLimits probe{.body_max = 0, .answer_within = kReadyWithin, .quick = true, .quiet = true};
  const RouteLimits asking{.body_max = 0, .in_flight_max = kAtOnceMax, .answer_within = kReadyWithin, .quiet = true};
  const RouteLimits scrape{.body_max = 0, .in_flight_max = kAtOnceMax, .answer_within = kScrapeWithin, .quiet = true};
  router.Add("GET", "/health/live", Role::kPublic, alive, probe);
  router.Add("GET", "/health/started", Role::kPublic, alive, probe);
  router.Add("GET", "/health/ready", Role::kPublic, answers(Ready), asking);
  router.Add("GET", "/health", Role::kPublic, answers(Ready), asking);
  router.Add("GET", "/info", Role::kViewer, answers(About), {.body_max = 0});
  router.Add("GET", "/metrics", Role::kViewer, answers(Scrape), scrape);
}

}  // namespace headrace::api::http
