// GitHub's webhooks behind the HTTP door: what they tell wakes the tasks that wait for it.
// Errors: the engine's; GitHub then records a failed delivery. Threads: Deliver from the server's pool, which waits.
#pragma once

#include <memory>

#include "api/http/github_hook_door.h"
#include "scheduler/engine.h"

namespace headrace::cli {

// `engine` outlives the door.
std::unique_ptr<api::http::GithubHookDoor> MakeGithubHookDoor(scheduler::Engine& engine);

}  // namespace headrace::cli
