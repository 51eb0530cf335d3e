#include "cli/host/worker_health.h"

#include <optional>
#include <utility>

#include "cli/host/http_host.h"
#include "cli/version.h"

namespace headrace::cli {

WorkerHealth::WorkerHealth(Measures& measures, const worker::Vitals& vitals)
    : view_{.metrics = measures.metrics(), .version = kVersion, .role = "worker", .viewer = api::http::Role::kPublic} {
  view_.missing = [&vitals]() -> std::vector<std::string> {
    if (vitals.draining.load()) return {"this process: it drains"};
    if (!vitals.welcomed.load()) return {"scheduler: none has welcomed this worker, or none is heard any more"};
    return {};
  };
  view_.stuck_for = [&vitals] { return vitals.work.Spent(); };
  view_.sample = [&vitals] { return SampleWorker(vitals); };
}

Result<std::unique_ptr<WorkerHealth>> WorkerHealth::Start(const std::string& host, const std::string& port, Measures& measures,
                                                          const worker::Vitals& vitals) {
  ASSIGN_OR_RETURN(const std::optional<int> number, ParsePort(port, "--health-port"));
  std::unique_ptr<WorkerHealth> health(new WorkerHealth(measures, vitals));
  if (!number) return health;
  api::http::Router router;
  api::http::AddSystemRoutes(router, health->view_);
  const bool six = host.find(':') != std::string::npos && !host.starts_with('[');
  const std::string address = (six ? "[" + host + "]" : host) + ":" + std::to_string(*number);
  auto server = api::http::HttpServer::Start({.address = address}, std::move(router), measures.metrics());
  if (!server) return Fail(std::move(server.error()).Wrap("--health-port"));
  health->server_ = std::move(*server);
  return health;
}

}  // namespace headrace::cli
