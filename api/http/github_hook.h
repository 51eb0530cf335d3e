// POST /api/v1/hooks/github/{connection}: GitHub's webhooks, checked before a byte of them is parsed.
// Shapes: 202 taken; 200 ping, and a workflow_job that is null; 204 an event nobody waits for; 401 a signature that is
//   missing or wrong; 404 a connection without a secret; 415 not JSON; 503 nobody to take it.
// Threads: the server's pool. Source: GITHUB 3.4 and 5(b); FAILURES row 62.
#pragma once

#include <map>
#include <string>

#include "api/http/github_hook_door.h"
#include "api/http/metrics.h"
#include "api/http/router.h"

namespace headrace::api::http {

struct GithubHookOptions {
  std::map<std::string, std::string> secrets{};  // by connection
  GithubHookDoor* door = nullptr;                // outlives the routes; null: 503
};

// REQUIRES: `metrics` outlives the routes.
void AddGithubHookRoute(Router& router, GithubHookOptions options, Metrics& metrics);

// "CONNECTION SECRET" a line; '#' begins a comment. Errors: INVALID_ARGUMENT with file and line, never the secret.
Result<std::map<std::string, std::string>> ParseHookSecrets(const std::string& text, const std::string& file);
Result<std::map<std::string, std::string>> ReadHookSecrets(const std::string& file);

}  // namespace headrace::api::http
