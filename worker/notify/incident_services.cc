// Where incidents are kept: PagerDuty, Opsgenie, Sentry, Squadcast, Zenduty.
#include <algorithm>
#include <cctype>

#include "common/base/hash.h"
#include "common/base/text.h"
#include "worker/notify/webhook_service.h"

namespace headrace::worker {
namespace {

using model::PropertyKind;
using Mood = ExecutionReport::Mood;

Object Details(const ExecutionReport& report) {
  Object details;
  for (const auto& [name, value] : report.Fields()) details[name] = value;
  return details;
}

std::string Summary(const ExecutionReport& report) { return report.Headline() + ": " + report.Verdict(); }

std::string Description(const ExecutionReport& report) {
  std::string text = report.Verdict();
  if (!report.custom_message.empty()) text += "\n" + report.custom_message;
  return report.link.empty() ? text : text + "\n" + report.link;
}

std::string Named(Mood mood, std::string_view good, std::string_view warning, std::string_view danger) {
  return std::string(mood == Mood::kGood ? good : mood == Mood::kWarning ? warning : danger);
}

// ---- PagerDuty ----

Result<Object> TellPagerDuty(TaskContext&, const ExecutionReport& report) {
  Object details = Details(report);
  if (!report.custom_message.empty()) details["Message"] = report.custom_message;
  Object payload{{"summary", Shortened(Summary(report), 1000)},
                 {"source", report.ns + "." + report.flow_id},
                 {"severity", Named(report.mood(), "info", "warning", "critical")},
                 {"custom_details", std::move(details)}};
  Object event{{"event_action", "trigger"}, {"dedup_key", report.execution_id}, {"payload", std::move(payload)}, {"client", "headrace"}};
  if (report.link.empty()) return event;
  event["client_url"] = report.link;
  event["links"] = Array{Object{{"href", report.link}, {"text", "Open Execution"}}};
  return event;
}

WebhookService PagerDuty() {
  return {.name = "PagerDuty",
          .type = "io.kestra.plugin.pagerduty.PagerDuty",
          .older = {"io.kestra.plugin.notifications.pagerduty.PagerDuty"},
          .send = "Alert",
          .url_doc = "https://events.pagerduty.com/v2/enqueue",
          .default_url = "https://events.pagerduty.com/v2/enqueue",
          .tell_fields = {{{.name = "routingKey", .doc = "The integration's key; better from secret()."}, "routing_key"},
                          {{.name = "deduplicationKey", .doc = "Absent: the execution's id."}, "dedup_key"},
                          {{.name = "eventAction", .doc = "trigger, acknowledge or resolve; absent: trigger."}, "event_action"},
                          {{.name = "payloadSummary", .doc = "Absent: what failed, and after how long."}, "payload.summary"}},
          .tell = TellPagerDuty,
          .send_example = "payload: |\n  {\"routing_key\": \"{{ secret('PAGERDUTY_KEY') }}\", \"event_action\": \"trigger\",\n"
                          "   \"payload\": {\"summary\": \"A flow has failed\", \"source\": \"{{ flow.id }}\", \"severity\": \"critical\"}}\n",
          .tell_example = "routingKey: \"{{ secret('PAGERDUTY_KEY') }}\"\nexecutionId: \"{{ trigger.executionId }}\"\n"};
}

// ---- Opsgenie ----

// {id: type} to a list of both, as Opsgenie takes them.
Status AddPeople(TaskContext& context, std::string_view property, Object& payload) {
  if (!context.Has(property)) return {};
  ASSIGN_OR_RETURN(const Object people, context.Map(property));
  Array list;
  for (const auto& [id, type] : people) list.push_back(Object{{"id", id}, {"type", ToText(type)}});
  payload[property] = std::move(list);
  return {};
}

Status FinishOpsgenie(TaskContext& context, Object& payload) {
  RETURN_IF_ERROR(AddPeople(context, "responders", payload));
  return AddPeople(context, "visibleTo", payload);
}

Status TargetOpsgenie(TaskContext& context, Posting& posting) {
  ASSIGN_OR_RETURN(const auto token, context.Text("authorizationToken"));
  if (!token) return {};
  context.masker().Register(*token);
  posting.headers.emplace_back("Authorization", token->find(' ') == std::string::npos ? "GenieKey " + *token : *token);
  return {};
}

Result<Object> TellOpsgenie(TaskContext&, const ExecutionReport& report) {
  return Object{{"message", Shortened(report.Headline(), 120)},
                {"alias", report.execution_id},
                {"description", Description(report)},
                {"details", Details(report)},
                {"source", "headrace"},
                {"priority", Named(report.mood(), "P5", "P3", "P1")}};
}

WebhookService Opsgenie() {
  const ServiceField token = {{.name = "authorizationToken", .doc = "The integration's key; better from secret()."}};
  return {.name = "Opsgenie",
          .type = "io.kestra.plugin.opsgenie.Opsgenie",
          .older = {"io.kestra.plugin.notifications.opsgenie.Opsgenie"},
          .send = "Alert",
          .url_doc = "https://api.opsgenie.com/v2/alerts",
          .send_fields = {token},
          .tell_fields = {token,
                          {{.name = "message", .doc = "Absent: namespace, flow and state."}, "message"},
                          {{.name = "alias", .doc = "Absent: the execution's id."}, "alias"},
                          {{.name = "responders", .kind = PropertyKind::kMap, .doc = "Their ids, each with team, user, escalation or schedule."}},
                          {{.name = "visibleTo", .kind = PropertyKind::kMap, .doc = "Ids, each with team or user."}},
                          {{.name = "priority", .doc = "P1 to P5; absent: by the state."}, "priority"},
                          {{.name = "tags", .kind = PropertyKind::kList, .doc = "Tags of the alert.", .members = {{.name = "tag"}}}, "tags"}},
          .tell = TellOpsgenie,
          .finish = FinishOpsgenie,
          .target = TargetOpsgenie,
          .send_example = "url: https://api.opsgenie.com/v2/alerts\nauthorizationToken: \"{{ secret('OPSGENIE_KEY') }}\"\npayload: |\n  {\"message\": \"A flow has failed\"}\n",
          .tell_example = "url: https://api.opsgenie.com/v2/alerts\nauthorizationToken: \"{{ secret('OPSGENIE_KEY') }}\"\nexecutionId: \"{{ trigger.executionId }}\"\n"};
}

// ---- Sentry ----

struct Dsn {
  std::string base;  // "https://host/api/42"
  std::string key;
};

Result<Dsn> ParseDsn(const std::string& text) {
  const auto wrong = InvalidArgument("dsn: is none such as https://KEY@HOST/PROJECT");
  const std::size_t scheme = text.find("://");
  const std::size_t at = text.find('@');
  const std::size_t slash = text.rfind('/');
  if (scheme == std::string::npos || at == std::string::npos || slash == std::string::npos || slash < at || at < scheme) return wrong;
  std::string key = text.substr(scheme + 3, at - scheme - 3);
  key = key.substr(0, key.find(':'));
  const std::string project = text.substr(slash + 1);
  const auto simple = [](std::string_view part) {
    return !part.empty() && std::all_of(part.begin(), part.end(), [](unsigned char c) { return c < 0x80 && std::isalnum(c) != 0; });
  };
  if (!simple(key) || !simple(project)) return wrong;
  const std::size_t path = text.find('/', at);
  return Dsn{text.substr(0, scheme + 3) + text.substr(at + 1, path - at - 1) + text.substr(path, slash - path) + "/api/" + project, key};
}

Status TargetSentry(TaskContext& context, Posting& posting) {
  ASSIGN_OR_RETURN(const std::string text, context.RequiredText("dsn"));
  ASSIGN_OR_RETURN(const Dsn dsn, ParseDsn(std::string(Trim(text))));
  ASSIGN_OR_RETURN(const auto kind, context.Text("endpointType"));
  if (kind && *kind != "ENVELOPE" && *kind != "STORE") return InvalidArgument("endpointType: '" + *kind + "' is neither ENVELOPE nor STORE");
  auto parsed = ParseJson(posting.body);
  if (!parsed || !parsed->is_object()) return InvalidArgument("payload: is no JSON map");
  Object& event = parsed->get_object();
  const StartOrder& order = context.order();
  // The same for a delivery that is repeated: Sentry keeps one of them.
  if (!event.contains("event_id"))
    event["event_id"] = Sha256Hex(order.task_run.str() + "/" + std::to_string(order.key.fence.attempt)).substr(0, 32);
  if (!event.contains("timestamp")) event["timestamp"] = FormatInstant(context.services().clock.Now());
  if (!event.contains("platform")) event["platform"] = "other";
  posting.headers.emplace_back("X-Sentry-Auth", "Sentry sentry_version=7, sentry_client=headrace/1, sentry_key=" + dsn.key);
  const std::string body = json::serialize(event);
  const bool store = kind && *kind == "STORE";
  posting.url = dsn.base + (store ? "/store/" : "/envelope/");
  if (store) {
    posting.body = body;
    return {};
  }
  posting.content_type = "application/x-sentry-envelope";
  posting.body = ToJson(Object{{"event_id", event.at("event_id")}}) + "\n" +
                 ToJson(Object{{"type", "event"}, {"length", body.size()}, {"content_type", "application/json"}}) + "\n" + body + "\n";
  return {};
}

Result<Object> TellSentry(TaskContext&, const ExecutionReport& report) {
  Object extra = Details(report);
  if (!report.link.empty()) extra["Link"] = report.link;
  if (!report.custom_message.empty()) extra["Message"] = report.custom_message;
  return Object{{"message", Object{{"formatted", Shortened(Summary(report), 4000)}}},
                {"level", Named(report.mood(), "info", "warning", "error")},
                {"logger", "headrace"},
                {"transaction", report.ns + "." + report.flow_id},
                {"tags", Object{{"namespace", report.ns}, {"flow", report.flow_id}, {"state", report.state}}},
                {"extra", std::move(extra)}};
}

// Kestra writes levels and platforms in capitals.
Status FinishSentry(TaskContext&, Object& payload) {
  for (const std::string_view name : {"level", "platform"}) {
    Value* value = payload.if_contains(name);
    if (value == nullptr || !value->is_string()) continue;
    for (char& c : value->get_string()) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return {};
}

WebhookService Sentry() {
  const std::vector<ServiceField> where = {
      {{.name = "dsn", .required = true, .doc = "https://KEY@HOST/PROJECT; better from secret()."}},
      {{.name = "endpointType", .kind = PropertyKind::kEnum, .doc = "How it is sent.", .default_value = "ENVELOPE", .enum_values = {"ENVELOPE", "STORE"}}}};
  std::vector<ServiceField> tell = where;
  tell.push_back({{.name = "transaction", .doc = "Absent: namespace and flow."}, "transaction"});
  tell.push_back({{.name = "serverName", .doc = "Where it happened."}, "server_name"});
  tell.push_back({{.name = "level", .doc = "FATAL, ERROR, WARNING, INFO or DEBUG; absent: by the state."}, "level"});
  tell.push_back({{.name = "platform", .doc = "Such as PYTHON; absent: other."}, "platform"});
  tell.push_back({{.name = "extra", .kind = PropertyKind::kMap, .doc = "Instead of the fields of the execution."}, "extra"});
  return {.name = "Sentry",
          .type = "io.kestra.plugin.sentry.Sentry",
          .older = {"io.kestra.plugin.notifications.sentry.Sentry"},
          .send = "Alert",
          .url_doc = "",
          .send_fields = where,
          .tell_fields = std::move(tell),
          .tell = TellSentry,
          .finish = FinishSentry,
          .target = TargetSentry,
          .send_example = "dsn: \"{{ secret('SENTRY_DSN') }}\"\npayload: |\n  {\"message\": {\"formatted\": \"A flow has failed\"}, \"level\": \"error\"}\n",
          .tell_example = "dsn: \"{{ secret('SENTRY_DSN') }}\"\nexecutionId: \"{{ trigger.executionId }}\"\n"};
}

// ---- Squadcast, Zenduty ----

Result<Object> TellSquadcast(TaskContext&, const ExecutionReport& report) {
  return Object{{"message", Summary(report)},
                {"description", Description(report)},
                {"tags", Details(report)},
                {"status", "trigger"},
                {"event_id", report.execution_id}};
}

WebhookService Squadcast() {
  return {.name = "Squadcast",
          .type = "io.kestra.plugin.squadcast.Squadcast",
          .older = {"io.kestra.plugin.notifications.squadcast.Squadcast"},
          .url_doc = "https://api.squadcast.com/v2/incidents/api/…",
          .tell_fields = {{{.name = "message", .doc = "Absent: what failed, and after how long."}, "message"},
                          {{.name = "priority", .doc = "P1 to P5."}, "priority"},
                          {{.name = "eventId", .doc = "Absent: the execution's id."}, "event_id"},
                          {{.name = "status", .doc = "trigger or resolve; absent: trigger."}, "status"},
                          {{.name = "tags", .kind = PropertyKind::kMap, .doc = "Instead of the fields of the execution."}, "tags"}},
          .tell = TellSquadcast,
          .send_example = "url: \"{{ secret('SQUADCAST_WEBHOOK') }}\"\npayload: |\n  {\"message\": \"A flow has failed\", \"status\": \"trigger\"}\n",
          .tell_example = "url: \"{{ secret('SQUADCAST_WEBHOOK') }}\"\nexecutionId: \"{{ trigger.executionId }}\"\n"};
}

Result<Object> TellZenduty(TaskContext&, const ExecutionReport& report) {
  Object event{{"alert_type", Named(report.mood(), "info", "warning", "critical")},
               {"message", Summary(report)},
               {"summary", Description(report)},
               {"entity_id", report.execution_id},
               {"payload", Details(report)}};
  if (!report.link.empty()) event["urls"] = Array{Object{{"link_url", report.link}, {"link_text", "Open Execution"}}};
  return event;
}

WebhookService Zenduty() {
  return {.name = "Zenduty",
          .type = "io.kestra.plugin.zenduty.Zenduty",
          .older = {"io.kestra.plugin.notifications.zenduty.Zenduty"},
          .send = "Alert",
          .url_doc = "https://www.zenduty.com/api/events/…/",
          .tell_fields = {{{.name = "message", .doc = "Absent: what failed, and after how long."}, "message"},
                          {{.name = "summary", .doc = "More words."}, "summary"},
                          {{.name = "alertType", .doc = "critical, error, warning, info, acknowledged or resolved; absent: by the state."}, "alert_type"},
                          {{.name = "entityId", .doc = "Absent: the execution's id."}, "entity_id"}},
          .tell = TellZenduty,
          .send_example = "url: \"https://www.zenduty.com/api/events/{{ secret('ZENDUTY_KEY') }}/\"\npayload: |\n  {\"alert_type\": \"critical\", \"message\": \"A flow has failed\", \"summary\": \"\"}\n",
          .tell_example = "url: \"https://www.zenduty.com/api/events/{{ secret('ZENDUTY_KEY') }}/\"\nexecutionId: \"{{ trigger.executionId }}\"\n"};
}

}  // namespace

std::vector<WebhookService> IncidentServices() { return {PagerDuty(), Opsgenie(), Sentry(), Squadcast(), Zenduty()}; }

}  // namespace headrace::worker
