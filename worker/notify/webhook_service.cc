#include "worker/notify/webhook_service.h"

#include <memory>
#include <optional>

#include "common/base/text.h"

namespace headrace::worker {
namespace {

using model::PropertyKind;
using model::PropertySpec;

class ServiceRunner final : public TaskRunner {
 public:
  using Function = Status (*)(const WebhookService&, TaskContext&);
  ServiceRunner(std::shared_ptr<const WebhookService> service, Function function)
      : service_(std::move(service)), function_(function) {}
  TaskOutcome Run(TaskContext& context) override {
    const Status sent = function_(*service_, context);
    return sent ? TaskOutcome::Success() : TaskOutcome::Failed(sent.error().message);
  }

 private:
  std::shared_ptr<const WebhookService> service_;
  Function function_;
};

void Place(Object& payload, std::string_view path, Value value) {
  Object* at = &payload;
  for (std::size_t dot = path.find('.'); dot != std::string_view::npos; dot = path.find('.')) {
    Value& next = (*at)[path.substr(0, dot)];
    if (!next.is_object()) next = Object();
    at = &next.get_object();
    path.remove_prefix(dot + 1);
  }
  (*at)[path] = std::move(value);
}

Status AddFields(TaskContext& context, const std::vector<ServiceField>& fields, Object& payload) {
  for (const auto& [spec, place] : fields) {
    if (place.empty() || !context.Has(spec.name)) continue;
    ASSIGN_OR_RETURN(Value value, context.Render(spec.name, spec.kind != PropertyKind::kString));
    // A list or a map may come as JSON text, of an expression.
    if (value.is_string() && (spec.kind == PropertyKind::kList || spec.kind == PropertyKind::kMap)) {
      if (auto parsed = ParseJson(ToText(value))) value = std::move(*parsed);
    }
    if (!value.is_null()) Place(payload, place, std::move(value));
  }
  return {};
}

Status Deliver(const WebhookService& service, TaskContext& context, std::string body) {
  Posting posting{.service = service.name, .url = {}, .body = std::move(body)};
  if (!service.url_doc.empty()) {
    ASSIGN_OR_RETURN(const auto url, context.Text("url"));
    if (!url && service.default_url.empty()) return InvalidArgument("url: is missing");
    posting.url = std::string(Trim(url.value_or(service.default_url)));
  }
  if (service.target) RETURN_IF_ERROR(service.target(context, posting));
  return Post(context, posting);
}

Status Send(const WebhookService& service, TaskContext& context) {
  ASSIGN_OR_RETURN(auto text, PayloadText(context));
  const bool more = service.finish || !service.send_fields.empty();
  if (!text && !more) return InvalidArgument("payload: is missing");
  if (text && !more) return Deliver(service, context, std::move(*text));
  auto parsed = text ? ParseJson(*text) : Result<Value>(Object());
  // It goes as it is: what it lacks, the service says.
  if (!parsed || !parsed->is_object()) return Deliver(service, context, std::move(*text));
  Object payload = std::move(parsed->get_object());
  const std::string before = json::serialize(payload);
  RETURN_IF_ERROR(AddFields(context, service.send_fields, payload));
  if (service.finish) RETURN_IF_ERROR(service.finish(context, payload));
  if (!text && payload.empty()) return InvalidArgument("payload: is missing");
  std::string body = json::serialize(payload);
  return Deliver(service, context, text && body == before ? std::move(*text) : std::move(body));
}

Status Tell(const WebhookService& service, TaskContext& context) {
  ASSIGN_OR_RETURN(const ExecutionReport report, ReadReport(context));
  ASSIGN_OR_RETURN(Object payload, service.tell(context, report));
  RETURN_IF_ERROR(AddFields(context, service.tell_fields, payload));
  if (service.finish) RETURN_IF_ERROR(service.finish(context, payload));
  return Deliver(service, context, json::serialize(payload));
}

std::vector<PropertySpec> Common(const WebhookService& service) {
  std::vector<PropertySpec> properties;
  if (!service.url_doc.empty()) {
    PropertySpec url{.name = "url", .required = service.default_url.empty(), .doc = "Where to post, such as " + service.url_doc + "; better from secret()."};
    if (!service.default_url.empty()) url.default_value = service.default_url;
    properties.push_back(std::move(url));
  }
  properties.push_back(OptionsProperty());
  return properties;
}

std::string Example(const std::string& type, const std::string& lines) { return "id: alert\ntype: " + type + "\n" + lines; }

TaskType Make(const std::shared_ptr<const WebhookService>& service, model::TaskTypeSpec spec, std::string_view suffix,
              ServiceRunner::Function function) {
  spec.type = service->type + std::string(suffix);
  for (const std::string& older : service->older) spec.aliases.push_back(older + std::string(suffix));
  spec.support = model::Support::kDiffers;
  spec.differs = "Loopback and link-local addresses are refused unless the worker allows them.";
  return {.spec = std::move(spec), .quick = false, .make = [service, function] { return std::make_unique<ServiceRunner>(service, function); }};
}

}  // namespace

std::string_view ColorOf(ExecutionReport::Mood mood) {
  if (mood == ExecutionReport::Mood::kGood) return "#2EB67D";
  return mood == ExecutionReport::Mood::kWarning ? "#ECB22E" : "#E01E5A";
}

std::vector<TaskType> TypesOf(const WebhookService& row) {
  const auto service = std::make_shared<const WebhookService>(row);
  std::vector<TaskType> types;
  model::TaskTypeSpec send{.type = {}, .doc = "Posts a message to " + service->name + ".", .properties = Common(*service)};
  send.properties.push_back({.name = "payload", .kind = PropertyKind::kAny, .doc = "The message as " + service->name + " takes it: JSON text, or a map."});
  for (const ServiceField& field : service->send_fields) send.properties.push_back(field.spec);
  send.example = Example(service->type + service->send, service->send_example);
  types.push_back(Make(service, std::move(send), service->send, &Send));
  if (!service->tell) return types;
  model::TaskTypeSpec tell{.type = {}, .doc = "Tells " + service->name + " of an execution: its state, how long it took and which task failed.",
                           .properties = Common(*service)};
  for (PropertySpec& property : ReportProperties()) tell.properties.push_back(std::move(property));
  for (const ServiceField& field : service->tell_fields) tell.properties.push_back(field.spec);
  tell.properties.push_back({.name = "payload", .kind = PropertyKind::kAny, .doc = "Not used, as in Kestra: the message is made from the execution."});
  tell.example = Example(service->type + "Execution", service->tell_example);
  types.push_back(Make(service, std::move(tell), "Execution", &Tell));
  types.back().spec.differs = "The execution is read as it is now, nothing is waited for; an execution whose task has failed is told as FAILED "
                              "while its errors branch runs. The link stands when HEADRACE_URL is set. " + types.back().spec.differs;
  return types;
}

}  // namespace headrace::worker
