// What a server process serves over HTTP, as the command line asks for it.
// Errors: INVALID_ARGUMENT names the option; a port in use is UNAVAILABLE and names it.
// Threads: the owner's.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/http/gateway.h"
#include "cli/host/measures.h"
#include "scheduler/engine.h"
#include "worker/vitals.h"

namespace headrace::cli {

struct HttpArguments {
  std::string address = "127.0.0.1";
  std::string port = "8080";             // 0 takes a free one, "off" serves none
  std::string management_port = "8081";  // likewise
  std::string management_address = "127.0.0.1";
  std::vector<std::string> names{};
  std::string token_file{};
  std::string audit_log{};
  bool tls = false;
  std::string github_hooks{};
};

// A port, 0 for a free one, or none for "off"; `option` is named in the error.
Result<std::optional<int>> ParsePort(const std::string& text, const char* option);

// Who takes what comes in over HTTP; null: those routes answer 503. They outlive the gateway.
struct HttpDoors {
  api::http::WebhookDoor* webhooks = nullptr;
  api::http::GithubHookDoor* github = nullptr;
  std::shared_ptr<api::AuditLog> audit{};  // may be null
  api::http::ServerTls tls{};              // null: in the clear
};

// `engine` and `measures` outlive the gateway. `vitals`: of a worker in this process, which outlives it, too; may be null.
Result<std::unique_ptr<api::http::Gateway>> OpenHttp(const HttpArguments& arguments, const std::string& role,
                                                     scheduler::Engine& engine, Measures& measures, const HttpDoors& doors,
                                                     const worker::Vitals* vitals = nullptr);
// "HTTP 127.0.0.1:8080, management 127.0.0.1:8081, ", or HTTPS: what is served, for the line that says ready.
std::string Served(const api::http::Gateway& gateway, bool tls);

}  // namespace headrace::cli
