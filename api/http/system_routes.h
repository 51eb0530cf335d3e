// Routes about this process: health, what it is, its metrics.
// Shapes: /health and /health/ready ask what is missing for being ready, and name it; /health/live and /health/started ask
// nobody. Threads: live and started run where bytes are read, so that a stuck engine cannot hide that the process
// lives. Source: UX section 7.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "api/http/metrics.h"
#include "api/http/role.h"
#include "api/http/router.h"
#include "common/base/time.h"
#include "common/model/value.h"

namespace headrace::api::http {

// The functions may wait, and may be empty.
struct SystemView {
  Metrics& metrics;
  std::string version;
  std::string role;
  Role viewer = Role::kViewer;  // who may see what it is and its metrics
  std::function<std::vector<std::string>()> missing{};  // "store: Redis does not answer"; nothing: ready
  std::function<Duration()> stuck_for{};                // how long its loop has been at one thing; waits for nobody
  std::function<std::vector<Sampled>()> sample{};       // for the page of metrics
  std::function<Object()> about{};                      // more of what it is
  std::atomic<bool> draining{false};
  std::chrono::steady_clock::time_point started = std::chrono::steady_clock::now();
};

// REQUIRES: `view` outlives the routes.
void AddSystemRoutes(Router& router, SystemView& view);

}  // namespace headrace::api::http
