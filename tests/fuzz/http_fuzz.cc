// A request as text (request line, headers, an empty line, the body) through everything that is ours before a handler:
// head, target, routes, caller, and the translation into a webhook's call. What is accepted holds what the rest of the
// room relies on: no segment that climbs, no capture with a slash, text that is JSON's.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "api/http/gate.h"
#include "api/http/webhook.h"
#include "common/base/text.h"

namespace {

namespace http = headrace::api::http;

std::string_view TakeLine(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

http::Head ReadHead(std::string_view& text) {
  http::Head head;
  std::string_view first = TakeLine(text);
  const std::size_t space = std::min(first.find(' '), first.size());
  head.method = first.substr(0, space);
  first.remove_prefix(std::min(space + 1, first.size()));
  const std::size_t last = first.rfind(" HTTP/1.");
  head.target = first.substr(0, last);
  head.version = first.ends_with("1.0") ? 10 : 11;
  for (std::string_view line = TakeLine(text); !line.empty(); line = TakeLine(text)) {
    const std::size_t colon = std::min(line.find(':'), line.size());
    head.headers.push_back({std::string(line.substr(0, colon)),
                            std::string(headrace::Trim(line.substr(std::min(colon + 1, line.size()))))});
  }
  return head;
}

http::Gate& TheGate() {
  static http::Metrics metrics("fuzz", "fuzz");
  static http::Gate gate = [] {
    spdlog::set_level(spdlog::level::off);
    http::Router router;
    http::AddWebhookRoutes(router, nullptr);
    const auto nothing = [](const std::shared_ptr<const http::HttpRequest>&, const http::Reply&) {};
    router.Add("GET", "/private/{path:rest}", http::Role::kViewer, nothing);
    return http::Gate({}, std::move(router), metrics);
  }();
  return gate;
}

void Check(bool holds) {
  if (!holds) std::abort();
}

void CheckTarget(const http::HttpRequest& request) {
  for (const http::Segment& segment : request.target.path) {
    Check(segment.text != ".." && segment.text != "." && headrace::IsValidUtf8(segment.text));
    Check(segment.text.find('\0') == std::string::npos && segment.text.find('\\') == std::string::npos);
  }
  for (const auto& [name, value] : request.captures)
    Check(!value.empty() && (name == "path" || value.find('/') == std::string::npos));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(bytes), size);
  http::Head head = ReadHead(text);
  const auto visit = TheGate().Enter(std::move(head), "127.0.0.1");
  if (!visit->refusal) TheGate().TakeBody(*visit, text);
  http::HttpResponse answer;
  if (visit->refusal) {
    answer = std::move(*visit->refusal);
    Check(answer.status >= 400 && headrace::ParseJson(answer.body).has_value());
  } else {
    CheckTarget(*visit->request);
    Check(!(visit->framing.chunked && visit->framing.length > 0));
    if (visit->route->access == http::Role::kPublic) {
      const http::WebhookCall call = http::ToWebhookCall(*visit->request);
      Check(headrace::IsValidUtf8(headrace::ToJson(headrace::Value(call.variables))));
    }
  }
  TheGate().Dress(*visit, answer);
  TheGate().Leave(*visit, answer.status, 0);
  return 0;
}
