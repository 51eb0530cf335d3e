// POST, GET and PUT of /api/v1/{tenant}/executions/webhook/{ns}/{flow}/{key}, and the same without tenant.
// Errors: 503 while nobody implements the door; what a flow answers is the door's to say.
// Threads: the server's pool. Source: FLOWS 4.2, REST 4.1.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "api/http/router.h"
#include "api/http/webhook_door.h"

namespace headrace::api::http {

// A flow with `wait: true` answers when its execution ends, or at the latest after this.
inline constexpr std::chrono::minutes kWebhookWait(10);

// REQUIRES: `door`, unless null, outlives the routes.
void AddWebhookRoutes(Router& router, WebhookDoor* door);

// ---- the translation, for tests ----
WebhookCall ToWebhookCall(const HttpRequest& request);
HttpResponse ToResponse(const WebhookAnswer& answer, const std::string& request_id);

// Headers and parameters as trigger.headers and trigger.parameters show them: lists by name.
using NamedLists = std::map<std::string, std::vector<std::string>>;
Object ToObject(const NamedLists& lists);

}  // namespace headrace::api::http
