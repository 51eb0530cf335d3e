// What this server knows of GitHub, for whoever watches it: GET /api/v1/github/flakes and
// /api/v1/connections/{name}/budget, the same behind a tenant.
// Shapes: flakes takes repo, workflow and window (a duration, at most P90D) and answers {window, jobs: [...]}, the surest
//   flake first. Errors: problem+json. Threads: the server's pool, which waits for the engine. Source: GITHUB 5(c), 5(e).
#pragma once

#include <memory>

#include "api/http/router.h"
#include "worker/engine_door.h"

namespace headrace::cli {

void AddGithubRoutes(api::http::Router& router, const std::shared_ptr<worker::EngineDoor>& engine);

}  // namespace headrace::cli
