// Routes about this process: health, what it is, its metrics.
// Shapes: /health and /health/ready ask the engine, and through it the store; /health/live and /health/started ask
// nobody. Threads: live and started run where bytes are read, so that a stuck engine cannot hide that the process
// lives. Source: UX section 7.
#pragma once

#include <atomic>
#include <chrono>
#include <string>

#include "api/http/metrics.h"
#include "api/http/router.h"

namespace headrace::scheduler {
class Engine;
}

namespace headrace::api::http {

struct SystemView {
  scheduler::Engine& engine;
  Metrics& metrics;
  std::string version;
  std::string role;
  std::atomic<bool> draining{false};
  std::chrono::steady_clock::time_point started = std::chrono::steady_clock::now();
};

// REQUIRES: `view` outlives the routes.
void AddSystemRoutes(Router& router, SystemView& view);

}  // namespace headrace::api::http
