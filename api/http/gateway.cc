#include "api/http/gateway.h"

#include <utility>

#include "api/http/engine_view.h"
#include "api/http/github_hook.h"
#include "api/http/system_routes.h"
#include "api/http/webhook.h"

namespace headrace::api::http {
namespace {

// Three scrapes and six probes may wait for a stuck engine; the others still have a thread.
constexpr std::size_t kThreads = 12;

std::string Address(const std::string& host, int port) {
  const bool six = host.find(':') != std::string::npos && !host.starts_with('[');
  return (six ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

class TwoPorts final : public Gateway {
 public:
  TwoPorts(const GatewayOptions& options, scheduler::Engine& engine)
      : own_(options.metrics == nullptr ? std::make_unique<Metrics>(options.version, options.role) : nullptr),
        metrics_(own_ ? *own_ : *options.metrics),
        view_{.metrics = metrics_, .version = options.version, .role = options.role} {
    LookAtEngine(view_, engine, options.missing, options.sample);
  }
  ~TwoPorts() override { Stop(); }

  Status Open(const GatewayOptions& options) {
    HttpOptions common{
        .names = options.names, .authenticator = options.authenticator, .limits = options.limits, .audit = options.audit, .tls = options.tls, .threads = kThreads};
    if (options.management_port) {
      common.address = Address(options.management_host, *options.management_port);
      ASSIGN_OR_RETURN(management_,
                       Wrapped(HttpServer::Start(common, ManagementRoutes(view_), metrics_), "--management-port"));
    }
    if (options.port) {
      common.address = Address(options.host, *options.port);
      ASSIGN_OR_RETURN(main_,
                       Wrapped(HttpServer::Start(common, MainRoutes(options, view_, metrics_), metrics_), "--port"));
    }
    return {};
  }

  std::string address() const override { return main_ ? main_->address() : ""; }
  std::string management_address() const override { return management_ ? management_->address() : ""; }
  void Drain() override { view_.draining.store(true); }
  void Stop() override {
    Drain();
    if (main_) main_->Stop();
    if (management_) management_->Stop();
  }

 private:
  static Result<std::unique_ptr<HttpServer>> Wrapped(Result<std::unique_ptr<HttpServer>> server, const char* option) {
    if (!server) return Fail(std::move(server.error()).Wrap(option));
    return server;
  }

  const std::unique_ptr<Metrics> own_;
  Metrics& metrics_;
  SystemView view_;
  std::unique_ptr<HttpServer> management_;
  std::unique_ptr<HttpServer> main_;
};

}  // namespace

Router MainRoutes(const GatewayOptions& options, SystemView& view, Metrics& metrics) {
  Router router;
  AddSystemRoutes(router, view);
  AddWebhookRoutes(router, options.webhooks);
  AddGithubHookRoute(router, {.secrets = options.github_secrets, .door = options.github}, metrics);
  if (options.more_routes) options.more_routes(router);
  return router;
}

Router ManagementRoutes(SystemView& view) {
  Router router;
  AddSystemRoutes(router, view);
  return router;
}

Result<std::unique_ptr<Gateway>> Gateway::Start(const GatewayOptions& options, scheduler::Engine& engine) {
  auto gateway = std::make_unique<TwoPorts>(options, engine);
  RETURN_IF_ERROR(gateway->Open(options));
  return std::unique_ptr<Gateway>(std::move(gateway));
}

}  // namespace headrace::api::http
