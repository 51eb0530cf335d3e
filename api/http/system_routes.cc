#include "api/http/system_routes.h"

#include <spdlog/spdlog.h>

namespace headrace::api::http {
namespace {

constexpr std::chrono::seconds kReadyWithin(5);
constexpr std::chrono::seconds kScrapeWithin(10);
// Whoever is at one thing for so long does not come back.
constexpr std::chrono::seconds kStuck(60);
// Each may hold a thread while the engine is stuck; the others must not run out.
constexpr std::size_t kAtOnceMax = 3;

HttpResponse Health(const std::vector<std::string>& missing = {}) {
  const bool up = missing.empty();
  Object body{{"status", up ? "UP" : "DOWN"}};
  if (!up) body["missing"] = Array(missing.begin(), missing.end());
  HttpResponse out{.status = up ? 200 : 503, .body = ToJson(Value(std::move(body)))};
  if (!up) out.headers.push_back({"Retry-After", "1"});
  return out;
}

// Asks nobody: that a store is away is no reason to be started anew.
HttpResponse Alive(SystemView& view) {
  const Duration stuck = view.stuck_for ? view.stuck_for() : Duration(0);
  if (stuck <= kStuck) return Health();
  return Health({"this process: its loop hangs for " + std::to_string(stuck / std::chrono::seconds(1)) + " s"});
}

HttpResponse Ready(SystemView& view) {
  if (view.draining.load()) return Health({"this process: it ends"});
  return Health(view.missing ? view.missing() : std::vector<std::string>());
}

HttpResponse About(SystemView& view) {
  const auto uptime = std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - view.started);
  Object body{{"name", "headrace"}, {"version", view.version}, {"role", view.role}, {"uptimeSeconds", uptime.count()}};
  if (view.about) {
    for (auto& [name, value] : view.about()) body[name] = value;
  }
  return {.body = ToJson(Value(std::move(body)))};
}

HttpResponse Scrape(SystemView& view) {
  return {.content_type = kMetricsContentType, .body = view.metrics.Expose(view.sample ? view.sample() : std::vector<Sampled>())};
}

}  // namespace

void AddSystemRoutes(Router& router, SystemView& view) {
  const auto answers = [&view](HttpResponse (*make)(SystemView&)) {
    return [&view, make](const std::shared_ptr<const HttpRequest>&, const Reply& reply) { reply(make(view)); };
  };
  const RouteLimits probe{.body_max = 0, .answer_within = kReadyWithin, .quick = true, .quiet = true};
  const RouteLimits asking{.body_max = 0, .in_flight_max = kAtOnceMax, .answer_within = kReadyWithin, .quiet = true};
  const RouteLimits scrape{.body_max = 0, .in_flight_max = kAtOnceMax, .answer_within = kScrapeWithin, .quiet = true};
  router.Add("GET", "/health/live", Role::kPublic, answers(Alive), probe);
  router.Add("GET", "/health/started", Role::kPublic, answers(Alive), probe);
  router.Add("GET", "/health/ready", Role::kPublic, answers(Ready), asking);
  router.Add("GET", "/health", Role::kPublic, answers(Ready), asking);
  router.Add("GET", "/info", view.viewer, answers(About), {.body_max = 0, .inside = true});
  router.Add("GET", "/metrics", view.viewer, answers(Scrape), scrape);
}

}  // namespace headrace::api::http
