// What a server process serves over HTTP, as the command line asks for it.
// Errors: INVALID_ARGUMENT names the option; a port in use is UNAVAILABLE and names it.
// Threads: the owner's.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "api/http/gateway.h"
#include "scheduler/engine.h"

namespace headrace::cli {

struct HttpArguments {
  std::string address = "127.0.0.1";
  std::string port = "8080";             // 0 takes a free one, "off" serves none
  std::string management_port = "8081";  // likewise
  std::vector<std::string> names{};
  std::string token_file{};
  std::string github_hooks{};
};

// Who takes what comes in over HTTP; null: those routes answer 503. They outlive the gateway.
struct HttpDoors {
  api::http::WebhookDoor* webhooks = nullptr;
  api::http::GithubHookDoor* github = nullptr;
};

// `engine` outlives the gateway.
Result<std::unique_ptr<api::http::Gateway>> OpenHttp(const HttpArguments& arguments, const std::string& role,
                                                     scheduler::Engine& engine, const HttpDoors& doors);
// "HTTP 127.0.0.1:8080, management 127.0.0.1:8081, ": what is served, for the line that says ready.
std::string Served(const api::http::Gateway& gateway);

}  // namespace headrace::cli
