#include "worker/http/sse_request.h"

#include "worker/function_runner.h"
#include "worker/http/http_tasks.h"
#include "worker/http/request_plan.h"

namespace headrace::worker {
namespace {

using model::PropertyKind;

Object ToObject(const SseEvent& event) {
  Object object;
  if (!event.id.empty()) object["id"] = event.id;
  if (!event.name.empty()) object["name"] = event.name;
  if (!event.comment.empty()) object["comment"] = event.comment;
  auto data = ParseJson(event.data);
  object["data"] = data ? std::move(*data) : Value(json::string(event.data));
  return object;
}

// What the jq expression finds in the event's data; nothing when that is null.
Result<std::optional<std::string>> Part(TaskContext& context, const std::string& jq, const Object& event) {
  const Object variables{{"headraceEvent", event.at("data")}, {"headraceJq", jq}};
  ASSIGN_OR_RETURN(std::string text, context.RenderOver("{{ headraceEvent | jq(headraceJq) | first }}", variables));
  if (text.empty()) return std::optional<std::string>();
  return std::optional<std::string>(std::move(text));
}

Result<TaskOutcome> RunSse(TaskContext& context) {
  const Value* jq = context.properties().if_contains("concatJqExpression");
  const std::string expression = jq == nullptr || jq->is_null() ? "" : ToText(*jq);
  ASSIGN_OR_RETURN(const bool strict, context.Bool("failedOnMissingJq", true));
  ASSIGN_OR_RETURN(HttpRequest request, PlanTask(context));
  request.headers.emplace_back("Accept", "text/event-stream");
  ASSIGN_OR_RETURN(ScratchFile file, context.Scratch());
  Array events;
  std::string result;
  SseReader reader([&](SseEvent event) -> Status {
    Object object = ToObject(event);
    if (!expression.empty()) {
      ASSIGN_OR_RETURN(const auto part, Part(context, expression, object));
      if (!part && strict) return InvalidArgument("concatJqExpression: `" + expression + "` finds nothing in an event");
      result += part.value_or("");
    }
    RETURN_IF_ERROR(file.Write(ToJson(Value(object)) + "\n"));
    events.push_back(std::move(object));
    return {};
  });
  ASSIGN_OR_RETURN(const HttpAnswer answer, CallHttp(request, context.cancel(), context.services().options.http_body_bytes_max,
                                                     [&](std::string_view piece) { return reader.Push(piece); }));
  static_cast<void>(answer);
  const std::size_t size = events.size();
  ASSIGN_OR_RETURN(const std::string uri, context.Store(file, ".jsonl"));
  Object outputs{{"uri", uri}, {"size", size}, {"events", std::move(events)}};
  if (!expression.empty()) outputs["result"] = json::string(result);
  return TaskOutcome::Success(std::move(outputs));
}

}  // namespace

// Lines end with \n, \r\n or \r.
Status SseReader::Push(std::string_view bytes) {
  for (const char c : bytes) {
    const bool second_half = c == '\n' && after_return_;
    after_return_ = c == '\r';
    if (second_half) continue;
    if (c != '\n' && c != '\r') {
      line_ += c;
      if (line_.size() + event_.data.size() > kEventBytesMax) return Fail(Code::kResourceExhausted, "an event is too large");
      continue;
    }
    RETURN_IF_ERROR(OnLine(line_));
    line_.clear();
  }
  return {};
}

Status SseReader::OnLine(std::string_view line) {
  if (line.empty()) {
    SseEvent event = std::exchange(event_, {});
    if (!std::exchange(has_data_, false)) return {};
    event.id = last_id_;
    event.data.pop_back();
    return on_event_(std::move(event));
  }
  const std::size_t colon = line.find(':');
  const std::string_view field = line.substr(0, colon);
  std::string_view value = colon == std::string_view::npos ? std::string_view() : line.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (field.empty()) event_.comment = value;
  else if (field == "id") last_id_ = value;
  else if (field == "event") event_.name = value;
  else if (field == "data") {
    event_.data.append(value).append("\n");
    has_data_ = true;
  }
  return {};
}

TaskType SseTask(std::vector<model::PropertySpec> properties) {
  properties.push_back({.name = "concatJqExpression", .rendered = false, .doc = "A jq expression over each event's data; what it finds is joined to `result`."});
  properties.push_back({.name = "failedOnMissingJq", .kind = PropertyKind::kBoolean, .doc = "Fail when it finds nothing.", .default_value = true});
  return MakeType({.type = "io.kestra.plugin.core.http.SseRequest",
                   .doc = "Reads server-sent events until the server ends the stream.",
                   .properties = std::move(properties),
                   .outputs = {{.name = "uri", .doc = "Of a file with one event a line."},
                               {.name = "events", .kind = PropertyKind::kList, .doc = "Each {id, name, comment, data}."},
                               {.name = "size", .kind = PropertyKind::kInteger, .doc = "How many there were."},
                               {.name = "result", .doc = "What concatJqExpression found, joined."}},
                   .support = model::Support::kDiffers,
                   .differs = "The stored file is JSON lines. Loopback and link-local addresses are refused unless the worker allows them.",
                   .example = "id: listen\ntype: io.kestra.plugin.core.http.SseRequest\nuri: https://example.com/events\n"},
                  RunSse);
}

}  // namespace headrace::worker
