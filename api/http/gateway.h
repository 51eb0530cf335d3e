// What a process serves over HTTP: everything on one port, and health and metrics on another that floods do not reach.
// Errors: as HttpServer's; the message names which of the two.
// Threads: the owner's.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/http/github_hook_door.h"
#include "api/http/server.h"
#include "api/http/webhook_door.h"

namespace headrace::scheduler {
class Engine;
}

namespace headrace::api::http {

struct GatewayOptions {
  std::string host = "127.0.0.1";
  std::optional<int> port = 8080;             // 0 takes a free one; none: not served
  std::string management_host = "127.0.0.1";
  std::optional<int> management_port = 8081;  // health and metrics alone
  std::vector<std::string> names{};
  std::shared_ptr<const Authenticator> authenticator{};
  std::shared_ptr<AuditLog> audit{};
  ServerTls tls{};  // of both ports; null: in the clear
  std::map<std::string, std::string> github_secrets{};  // by connection
  // Who takes what comes in; null: 503. They outlive the gateway.
  WebhookDoor* webhooks = nullptr;
  GithubHookDoor* github = nullptr;
  // Adds the routes of the process around this one to the main port; may be empty.
  std::function<void(Router&)> more_routes{};
  std::string version = "unknown";
  std::string role = "unknown";
  Metrics* metrics = nullptr;  // outlives the gateway; null: its own
  // Asked before the engine, at every look whether this process is ready: what it knows to be missing. May be empty.
  std::function<std::vector<std::string>()> missing{};
  // More for the page of metrics. May be empty.
  std::function<std::vector<Sampled>()> sample{};
  HttpLimits limits{};
};

// Every route of the main port, or those of the management port. `view` and `metrics` outlive them.
struct SystemView;
Router MainRoutes(const GatewayOptions& options, SystemView& view, Metrics& metrics);
Router ManagementRoutes(SystemView& view);

class Gateway {
 public:
  // REQUIRES: `engine` outlives the gateway.
  static Result<std::unique_ptr<Gateway>> Start(const GatewayOptions& options, scheduler::Engine& engine);
  virtual ~Gateway() = default;  // stops

  // "127.0.0.1:8080"; empty when not served.
  virtual std::string address() const = 0;
  virtual std::string management_address() const = 0;
  // Not ready any more: balancers look elsewhere.
  virtual void Drain() = 0;
  virtual void Stop() = 0;
};

}  // namespace headrace::api::http
