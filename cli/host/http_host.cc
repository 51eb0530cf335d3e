#include "cli/host/http_host.h"

#include <charconv>
#include <optional>
#include <utility>

#include "api/http/github_hook.h"
#include "cli/host/github_routes.h"
#include "cli/host/local_door.h"
#include "cli/version.h"

namespace headrace::cli {

Result<std::optional<int>> ParsePort(const std::string& text, const char* option) {
  if (text == "off") return std::nullopt;
  constexpr int kPortMax = 65'535;
  int port = -1;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, port);
  if (parsed.ec != std::errc() || parsed.ptr != end || port < 0 || port > kPortMax) {
    return InvalidArgument(std::string(option) + " must be a port (0 takes a free one) or off, not '" + text + "'");
  }
  return port;
}

Result<std::unique_ptr<api::http::Gateway>> OpenHttp(const HttpArguments& arguments, const std::string& role,
                                                     scheduler::Engine& engine, Measures& measures, const HttpDoors& doors,
                                                     const worker::Vitals* vitals) {
  api::http::GatewayOptions options{
      .host = arguments.address, .management_host = arguments.management_address, .names = arguments.names,
      .webhooks = doors.webhooks, .github = doors.github};
  ASSIGN_OR_RETURN(options.port, ParsePort(arguments.port, "--port"));
  ASSIGN_OR_RETURN(options.management_port, ParsePort(arguments.management_port, "--management-port"));
  options.audit = doors.audit;
  options.tls = doors.tls;
  options.version = kVersion;
  options.role = role;
  options.metrics = &measures.metrics();
  options.missing = [&measures] { return measures.Missing(); };
  if (vitals != nullptr) options.sample = [vitals] { return SampleWorker(*vitals); };
  if (!arguments.token_file.empty()) {
    ASSIGN_OR_RETURN(options.authenticator, api::http::OpenTokenFile(arguments.token_file));
  }
  if (!arguments.github_hooks.empty()) {
    ASSIGN_OR_RETURN(options.github_secrets, api::http::ReadHookSecrets(arguments.github_hooks));
  }
  options.more_routes = [door = std::shared_ptr(MakeLocalDoor(engine))](api::http::Router& router) { AddGithubRoutes(router, door); };
  return api::http::Gateway::Start(options, engine);
}

std::string Served(const api::http::Gateway& gateway, bool tls) {
  std::string out;
  if (!gateway.address().empty()) out += (tls ? "HTTPS " : "HTTP ") + gateway.address() + ", ";
  if (!gateway.management_address().empty()) out += "management " + gateway.management_address() + ", ";
  return out;
}

}  // namespace headrace::cli
