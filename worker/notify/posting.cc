#include "worker/notify/posting.h"

#include <algorithm>

#include "common/base/text.h"
#include "worker/http/request_plan.h"
#include "worker/notify/execution_report.h"

namespace headrace::worker {
namespace {

constexpr std::size_t kAnswerBytes = 16 * 1024;
constexpr std::size_t kShownBytes = 1000;
constexpr Duration kReadTimeout = std::chrono::seconds(10);

// What stands behind the host of a webhook's URL is its key.
std::string Origin(const std::string& url) {
  const std::size_t host = url.find("://");
  if (host == std::string::npos) return "its URL";
  const std::size_t end = url.find_first_of("/?#", host + 3);
  const std::size_t at = url.rfind('@', end);
  const std::size_t from = at == std::string::npos || at < host + 3 ? host + 3 : at + 1;
  return url.substr(0, host + 3) + url.substr(from, end == std::string::npos ? end : end - from);
}

std::string WithoutUrl(std::string text, const std::string& url) {
  const std::string shown = Origin(url);
  for (std::size_t at = text.find(url); at != std::string::npos; at = text.find(url, at + shown.size())) text.replace(at, url.size(), shown);
  return text;
}

Result<Duration> SpanOf(const Value& options, std::string_view path, Duration fallback) {
  const Value* value = AtPath(options, path);
  if (value == nullptr || value->is_null()) return fallback;
  auto span = ParseDuration(ToText(*value));
  if (!span) return Fail(std::move(span.error()).Wrap("options." + std::string(path)));
  return *span;
}

Result<HttpRequest> Plan(TaskContext& context, const Posting& posting) {
  ASSIGN_OR_RETURN(Object options, context.Map("options"));
  Object headers;
  if (const Value* own = options.if_contains("headers"); own != nullptr && own->is_object()) headers = own->get_object();
  for (const auto& [name, value] : posting.headers) headers[name] = value;
  options.erase("headers");
  if (const Value* idle = options.if_contains("readIdleTimeout"); idle == nullptr) options["readIdleTimeout"] = "PT5M";
  Object properties{{"uri", json::string(posting.url)}, {"method", "POST"}, {"contentType", posting.content_type},
                    {"headers", std::move(headers)}, {"options", options}};
  properties["body"] = json::string(posting.body);
  ASSIGN_OR_RETURN(HttpRequest request, PlanRequest(properties, context.services().options));
  ASSIGN_OR_RETURN(const Duration read, SpanOf(Value(options), "readTimeout", kReadTimeout));
  // Services answer a few bytes: whoever takes longer has not taken the message.
  if (read > Duration::zero()) request.timeout = request.connect_timeout + read;
  request.allow_failed = true;
  return request;
}

// Slack's and Telegram's API say so in a body; Teams' connectors in words, after a 200.
bool SaysNo(const std::string& body) {
  if (body.find("Webhook message delivery failed") != std::string::npos) return true;
  const auto parsed = ParseJson(body);
  const Value* ok = parsed ? Member(*parsed, "ok") : nullptr;
  return ok != nullptr && ok->is_bool() && !ok->get_bool();
}

Status CheckAnswer(const Posting& posting, const HttpAnswer& answer, const std::string& body) {
  const bool taken = answer.code >= 200 && answer.code < 300;
  if (taken && !SaysNo(body)) return {};
  std::string text = posting.service + " answered " + std::to_string(answer.code);
  if (const std::string_view after = answer.Header("retry-after"); !after.empty()) text += " (retry after " + Shortened(std::string(after), 40) + ")";
  const std::string said = Shortened(std::string(Trim(body)), kShownBytes);
  if (!said.empty() && IsValidUtf8(said)) text += ": " + said;
  if (answer.code >= 400 && answer.code < 500 && posting.content_type == "application/json" && !ParseJson(posting.body))
    text += "\nthe payload is no JSON: write texts that come from elsewhere as {{ … | toJson }}";
  return Fail(answer.code == 429 || answer.code >= 500 ? Code::kUnavailable : Code::kFailedPrecondition, std::move(text));
}

}  // namespace

Status Post(TaskContext& context, const Posting& posting) {
  if (!posting.url.starts_with("http://") && !posting.url.starts_with("https://"))
    return InvalidArgument("url: is no http:// or https:// URL");
  auto request = Plan(context, posting);
  if (!request) return Fail(request.error().code, WithoutUrl(request.error().message, posting.url));
  std::string body;
  const auto keep = [&body](std::string_view piece) -> Status {
    body.append(piece.substr(0, kAnswerBytes - std::min(body.size(), kAnswerBytes)));
    return {};
  };
  const auto answer = CallHttp(*request, context.cancel(), context.services().options.http_body_bytes_max, keep);
  if (!answer) return Fail(answer.error().code, posting.service + ": " + WithoutUrl(answer.error().message, request->uri));
  RETURN_IF_ERROR(CheckAnswer(posting, *answer, body));
  context.Log("DEBUG", posting.service + " answered " + std::to_string(answer->code));
  return {};
}

Result<std::optional<std::string>> PayloadText(TaskContext& context, std::string_view property) {
  if (!context.Has(property)) return std::optional<std::string>();
  const Value& written = context.properties().at(property);
  // A text stays as it was written: `"1.0"` of a template is no number. A map keeps the types of its values.
  ASSIGN_OR_RETURN(const Value value, context.Render(property, !written.is_string()));
  return std::optional<std::string>(value.is_string() ? ToText(value) : ToJson(value));
}

model::PropertySpec OptionsProperty() {
  return {.name = "options", .kind = model::PropertyKind::kAny,
          .doc = "connectTimeout (PT10S), readTimeout (PT10S, until the answer is there), readIdleTimeout (PT5M), headers, and "
                 "those of http.Request: auth, proxy, ssl."};
}

}  // namespace headrace::worker
