// Webhook triggers behind the HTTP door: starts the execution and, where the flow says so, waits for its end.
// Errors: as WebhookAnswer's status. Threads: one of its own reads what those who wait are told; Fire from any.
#pragma once

#include <memory>

#include "api/http/webhook_door.h"
#include "scheduler/engine.h"

namespace headrace::cli {

// `engine` outlives the door. Whoever still waits at its end is answered that the server stops.
std::unique_ptr<api::http::WebhookDoor> MakeWebhookDoor(scheduler::Engine& engine);

}  // namespace headrace::cli
