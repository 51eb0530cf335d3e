#include "api/http/webhook.h"

#include <algorithm>
#include <utility>

#include "api/http/problem.h"
#include "api/mend_utf8.h"

namespace headrace::api::http {
namespace {

constexpr std::size_t kKeyBytesMax = 256;
constexpr std::size_t kAtOnceMax = 64;

// One list for each name, under the spelling that came first.
NamedLists ByName(const Headers& headers) {
  NamedLists out;
  for (const Header& header : headers) {
    const auto same =
        std::find_if(out.begin(), out.end(), [&](const auto& one) { return SameName(one.first, header.name); });
    (same != out.end() ? same->second : out[header.name]).push_back(MendUtf8(header.value));
  }
  return out;
}

Value ToBody(const std::string& bytes) {
  Result<Value> parsed = ParseJson(bytes);
  if (parsed && (parsed->is_object() || parsed->is_array())) return std::move(*parsed);
  return Value(MendUtf8(bytes));
}

void Fire(WebhookDoor* door, const HttpRequest& request, const Reply& reply) {
  if (door == nullptr) return reply(TryLater(503, "this server has no webhook triggers", request.id));
  if (request.captures.at("key").size() > kKeyBytesMax) return reply(Problem(404, "Webhook not found", request.id));
  door->Fire(ToWebhookCall(request),
             [reply, id = request.id](const WebhookAnswer& answer) { reply(ToResponse(answer, id)); });
}

}  // namespace

Object ToObject(const NamedLists& lists) {
  Object out;
  for (const auto& [name, values] : lists) {
    Array list;
    for (const std::string& value : values) list.emplace_back(value);
    out[name] = std::move(list);
  }
  return out;
}

WebhookCall ToWebhookCall(const HttpRequest& request) {
  WebhookCall call{request.captures.at("ns"), request.captures.at("flow"), request.captures.at("key"), request.method};
  call.headers = ByName(request.headers);
  call.parameters = request.target.parameters;
  call.body = request.body;
  if (!call.body.empty()) call.variables["body"] = ToBody(call.body);
  call.variables["headers"] = ToObject(call.headers);
  call.variables["parameters"] = ToObject(call.parameters);
  return call;
}

HttpResponse ToResponse(const WebhookAnswer& answer, const std::string& request_id) {
  const bool impossible = answer.status < 200 || answer.status > 599;
  const int status = impossible ? 500 : answer.status;
  const bool told = status >= 400 && (answer.body.is_string() || answer.body.is_null());
  if (told) {
    const std::string detail = answer.body.is_string() ? ToText(answer.body) : std::string(ReasonPhrase(status));
    return status == 429 || status == 503 ? TryLater(status, detail, request_id) : Problem(status, detail, request_id);
  }
  HttpResponse out{.status = status};
  if (answer.content_type == "text/plain") {
    out.content_type = "text/plain; charset=utf-8";
    out.body = ToText(answer.body);
  } else if (!answer.body.is_null()) {
    out.body = ToJson(answer.body);
  }
  if (!answer.execution_id.empty()) out.headers.push_back({"X-Headrace-Execution-Id", answer.execution_id});
  return out;
}

void AddWebhookRoutes(Router& router, WebhookDoor* door) {
  // A HEAD must have no effect, so none is answered by the GET. The body stays with the execution and is in every list of
  // them, so it is no place for files.
  const RouteLimits limits{
      .body_max = kBodyMaxDefault, .in_flight_max = kAtOnceMax, .answer_within = kWebhookWait, .head = false, .waits = true};
  const Handler fire = [door](const std::shared_ptr<const HttpRequest>& request, const Reply& reply) {
    Fire(door, *request, reply);
  };
  for (const char* base : {"/api/v1/{tenant:id}", "/api/v1"}) {
    for (const char* method : {"POST", "GET", "PUT"}) {
      router.Add(method, std::string(base) + "/executions/webhook/{ns:id}/{flow:id}/{key:text}", Role::kPublic, fire,
                 limits);
    }
  }
}

}  // namespace headrace::api::http
