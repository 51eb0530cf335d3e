// Health and metrics of a worker, on a port of their own: /health/live, /health/started, /health/ready, /metrics, /info.
// Shapes: ready while a scheduler has welcomed the worker and is heard, and it does not drain. Numbers only, and names of task
//   types: whoever reaches the address may read them.
// Errors: INVALID_ARGUMENT names the option; a port in use is UNAVAILABLE and names it.
// Threads: the owner's.
#pragma once

#include <memory>
#include <string>

#include "api/http/server.h"
#include "api/http/system_routes.h"
#include "cli/host/measures.h"
#include "worker/vitals.h"

namespace headrace::cli {

class WorkerHealth {
 public:
  // `measures` and `vitals` outlive it. `port` as --health-port has it.
  static Result<std::unique_ptr<WorkerHealth>> Start(const std::string& host, const std::string& port, Measures& measures,
                                                     const worker::Vitals& vitals);
  // "127.0.0.1:8081"; empty: not served.
  std::string address() const { return server_ ? server_->address() : ""; }

 private:
  WorkerHealth(Measures& measures, const worker::Vitals& vitals);

  api::http::SystemView view_;
  std::unique_ptr<api::http::HttpServer> server_;  // last: it uses the view
};

}  // namespace headrace::cli
