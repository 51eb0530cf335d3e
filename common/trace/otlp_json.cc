#include "common/trace/otlp_json.h"

#include <charconv>

#include "common/model/value.h"

namespace headrace::trace {
namespace {

constexpr std::uint32_t kSampled = 1;
constexpr std::uint32_t kRemoteIsKnown = 0x100;
constexpr std::uint32_t kIsRemote = 0x200;

std::string Nanos(Timestamp at) { return std::to_string(ToMicros(at)) + "000"; }

Value ToValue(const std::variant<std::string, std::int64_t, bool>& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return Object{{"stringValue", *text}};
  if (const auto* number = std::get_if<std::int64_t>(&value)) return Object{{"intValue", std::to_string(*number)}};
  return Object{{"boolValue", std::get<bool>(value)}};
}

Array ToArray(const std::vector<Attribute>& attributes) {
  Array out;
  for (const auto& [key, value] : attributes) out.emplace_back(Object{{"key", key}, {"value", ToValue(value)}});
  return out;
}

Object ToObject(const Span& span) {
  Object out{{"traceId", span.trace.str()}, {"spanId", span.id.str()}};
  if (span.parent) out["parentSpanId"] = span.parent->str();
  out["flags"] = kSampled | kRemoteIsKnown | (span.parent_is_remote ? kIsRemote : 0U);
  out["name"] = span.name;
  out["kind"] = static_cast<int>(span.kind);
  out["startTimeUnixNano"] = Nanos(span.start);
  out["endTimeUnixNano"] = Nanos(span.end);
  out["attributes"] = ToArray(span.attributes);
  Array events;
  for (const SpanEvent& event : span.events) events.emplace_back(Object{{"timeUnixNano", Nanos(event.at)}, {"name", event.name}});
  if (!events.empty()) out["events"] = std::move(events);
  if (span.events_left_out > 0) out["droppedEventsCount"] = span.events_left_out;
  Array links;
  for (const SpanLink& link : span.links) {
    links.emplace_back(Object{{"traceId", link.trace.str()},
                              {"spanId", link.span.str()},
                              {"attributes", ToArray({{"headrace.link", link.why}})}});
  }
  if (!links.empty()) out["links"] = std::move(links);
  out["status"] = span.status == SpanStatus::kUnset ? Object() : Object{{"code", static_cast<int>(span.status)}};
  return out;
}

}  // namespace

std::string ToOtlpJson(const std::vector<Attribute>& resource, std::string_view version, const std::vector<Span>& spans) {
  Array list;
  list.reserve(spans.size());
  for (const Span& span : spans) list.emplace_back(ToObject(span));
  Object scope{{"scope", Object{{"name", "headrace"}, {"version", version}}}, {"spans", std::move(list)}};
  Object of_resource{{"resource", Object{{"attributes", ToArray(resource)}}}, {"scopeSpans", Array{std::move(scope)}}};
  return json::serialize(Object{{"resourceSpans", Array{std::move(of_resource)}}});
}

PartialSuccess ReadPartialSuccess(std::string_view body) {
  const auto answer = ParseJson(body);
  if (!answer) return {};
  PartialSuccess out;
  if (const Value* count = AtPath(*answer, "partialSuccess.rejectedSpans"); count != nullptr) {
    const std::string text = ToText(*count);
    std::from_chars(text.data(), text.data() + text.size(), out.refused);
  }
  if (const Value* why = AtPath(*answer, "partialSuccess.errorMessage"); why != nullptr) out.why = ToText(*why);
  return out;
}

}  // namespace headrace::trace
