#include <algorithm>
#include <limits>

#include "common/base/text.h"
#include "worker/files/storage.h"
#include "worker/function_runner.h"
#include "worker/html.h"
#include "worker/http_client/mail_client.h"
#include "worker/notify/execution_report.h"
#include "worker/notify/mime_message.h"
#include "worker/notify/notify_tasks.h"

namespace headrace::worker {
namespace {

using model::PropertyKind;
using model::PropertySpec;

// Mail servers refuse more; base64 adds a third.
constexpr std::size_t kFilesBytesMax = 25U * 1024 * 1024;

Result<Duration> SessionTimeout(TaskContext& context) {
  ASSIGN_OR_RETURN(const auto text, context.Text("sessionTimeout"));
  if (!text) return std::chrono::seconds(10);
  const bool digits = !text->empty() && text->size() < 10 && std::all_of(text->begin(), text->end(), [](char c) { return c >= '0' && c <= '9'; });
  if (digits) return std::chrono::milliseconds(std::stoll(*text));
  auto span = ParseDuration(*text);
  if (!span) return InvalidArgument("sessionTimeout: '" + *text + "' is neither milliseconds such as 10000 nor a duration such as PT10S");
  return *span;
}

Status SetStrategy(TaskContext& context, MailServer& server) {
  ASSIGN_OR_RETURN(const auto written, context.Text("transportStrategy"));
  const std::string strategy = written.value_or("SMTPS");
  if (strategy == "SMTPS") server.tls = MailTls::kImplicit;
  else if (strategy == "SMTP_TLS") server.tls = MailTls::kRequired;
  else if (strategy == "SMTP") server.tls = MailTls::kIfAvailable;
  else return InvalidArgument("transportStrategy: '" + strategy + "' is none of SMTPS, SMTP_TLS and SMTP");
  // Who may go on without TLS gains nothing by refusing a certificate, unless it is asked for.
  server.verify_chain = server.tls != MailTls::kIfAvailable;
  ASSIGN_OR_RETURN(server.verify_name, context.Bool("verifyServerIdentity", server.verify_chain));
  server.verify_chain = server.verify_chain || server.verify_name;
  ASSIGN_OR_RETURN(const auto trusted, context.Texts("trustedHosts"));
  if (std::find(trusted.begin(), trusted.end(), server.host) != trusted.end()) server.verify_chain = server.verify_name = false;
  return {};
}

Result<MailServer> ReadServer(TaskContext& context) {
  MailServer server;
  ASSIGN_OR_RETURN(const std::string host, context.RequiredText("host"));
  server.host = std::string(Trim(host));
  ASSIGN_OR_RETURN(const auto port, context.Integer("port"));
  server.port = static_cast<int>(std::clamp<std::int64_t>(port.value_or(465), 0, std::numeric_limits<int>::max()));
  ASSIGN_OR_RETURN(auto user, context.Text("username"));
  ASSIGN_OR_RETURN(auto password, context.Text("password"));
  server.user = std::move(user).value_or("");
  server.password = std::move(password).value_or("");
  if (!server.password.empty()) context.masker().Register(server.password);
  ASSIGN_OR_RETURN(server.timeout, SessionTimeout(context));
  RETURN_IF_ERROR(SetStrategy(context, server));
  server.allow = context.services().options.http_allow;
  return server;
}

Result<std::vector<MailAddress>> Addresses(TaskContext& context, std::string_view property) {
  ASSIGN_OR_RETURN(const auto texts, context.Texts(property));
  std::vector<MailAddress> all;
  for (const std::string& text : texts) {
    ASSIGN_OR_RETURN(auto some, ParseAddresses(text, property));
    for (MailAddress& address : some) all.push_back(std::move(address));
  }
  return all;
}

std::string TextAt(const Value& value, std::string_view key) {
  const Value* found = Member(value, key);
  return found == nullptr ? std::string() : ToText(*found);
}

Result<std::vector<MailPart>> Files(TaskContext& context, std::string_view property, std::size_t& left) {
  ASSIGN_OR_RETURN(Value list, context.Render(property));
  if (list.is_string()) {
    ASSIGN_OR_RETURN(list, ParseJson(ToText(list)));
  }
  std::vector<MailPart> parts;
  if (list.is_null()) return parts;
  if (!list.is_array()) return InvalidArgument(std::string(property) + ": expected a list of {uri, name, contentType}");
  for (const Value& file : list.get_array()) {
    MailPart part{.name = TextAt(file, "name"), .content_type = TextAt(file, "contentType"), .bytes = {}};
    const std::string uri = TextAt(file, "uri");
    if (uri.empty()) return InvalidArgument(std::string(property) + ": each needs the uri of a stored file");
    if (part.name.empty()) part.name = uri.substr(uri.rfind('/') + 1);
    if (part.content_type.empty()) part.content_type = "application/octet-stream";
    auto opened = context.OpenFile(uri);
    if (!opened) return Fail(std::move(opened.error()).Wrap(property));
    auto bytes = ReadText(opened->get(), left, uri);
    if (!bytes) {
      return Fail(std::move(bytes.error()).Wrap(std::string(property) + ": files of one mail are at most " + std::to_string(kFilesBytesMax) + " bytes together"));
    }
    part.bytes = std::move(*bytes);
    left -= part.bytes.size();
    parts.push_back(std::move(part));
  }
  return parts;
}

Result<TaskOutcome> Send(TaskContext& context, MailMessage message) {
  ASSIGN_OR_RETURN(const MailServer server, ReadServer(context));
  ASSIGN_OR_RETURN(const auto from, Addresses(context, "from"));
  if (from.size() != 1) return InvalidArgument("from: expected one address");
  message.from = from.front();
  ASSIGN_OR_RETURN(message.to, Addresses(context, "to"));
  ASSIGN_OR_RETURN(message.cc, Addresses(context, "cc"));
  ASSIGN_OR_RETURN(const auto bcc, Addresses(context, "bcc"));
  ASSIGN_OR_RETURN(message.reply_to, Addresses(context, "replyTo"));
  if (message.to.empty()) return InvalidArgument("to: is missing");
  std::size_t left = kFilesBytesMax;
  ASSIGN_OR_RETURN(message.attachments, Files(context, "attachments", left));
  ASSIGN_OR_RETURN(message.images, Files(context, "embeddedImages", left));
  const StartOrder& order = context.order();
  message.date = context.services().clock.Now();
  message.id = order.key.execution.str() + "." + order.task_run.str() + "." + std::to_string(order.key.fence.attempt) +
               message.from.address.substr(message.from.address.rfind('@'));
  ASSIGN_OR_RETURN(const std::string text, WriteMime(message));
  MailEnvelope envelope{.from = message.from.address, .to = {}};
  for (const auto* list : std::initializer_list<const std::vector<MailAddress>*>{&message.to, &message.cc, &bcc})
    for (const MailAddress& address : *list) envelope.to.push_back(address.address);
  RETURN_IF_ERROR(SendMail(server, envelope, text, context.cancel()));
  context.Log("DEBUG", server.host + " has taken the mail for " + std::to_string(envelope.to.size()) + " addresses");
  return TaskOutcome::Success();
}

Result<TaskOutcome> RunSend(TaskContext& context) {
  MailMessage message;
  ASSIGN_OR_RETURN(auto subject, context.Text("subject"));
  message.subject = std::move(subject).value_or("");
  ASSIGN_OR_RETURN(message.plain, context.Text("plainTextContent"));
  ASSIGN_OR_RETURN(message.html, context.Text("htmlTextContent"));
  return Send(context, std::move(message));
}

// ---- MailExecution ----

std::string PlainReport(const ExecutionReport& report) {
  std::string text = report.Headline() + "\n" + report.Verdict() + "\n";
  if (!report.custom_message.empty()) text += "\n" + report.custom_message + "\n";
  text += "\n";
  for (const auto& [name, value] : report.Fields()) text += name + ": " + value + "\n";
  return report.link.empty() ? text : text + "\n" + report.link + "\n";
}

std::string HtmlReport(const ExecutionReport& report) {
  const bool good = report.mood() == ExecutionReport::Mood::kGood;
  const bool bad = report.mood() == ExecutionReport::Mood::kDanger;
  std::string html = "<!DOCTYPE html>\n<html><body style=\"font-family: sans-serif\">\n<h2 style=\"color: " +
                     std::string(good ? "#1a7f4b" : bad ? "#b3123f" : "#8a6100") + "\">" + EscapeHtml(report.Headline()) + "</h2>\n";
  html += "<p>" + EscapeHtml(report.Verdict()) + "</p>\n";
  if (!report.custom_message.empty()) html += "<p>" + EscapeHtml(report.custom_message) + "</p>\n";
  html += "<table cellpadding=\"4\">\n";
  for (const auto& [name, value] : report.Fields())
    html += "<tr><th align=\"left\">" + EscapeHtml(name) + "</th><td>" + EscapeHtml(value) + "</td></tr>\n";
  html += "</table>\n";
  if (!report.link.empty()) html += "<p><a href=\"" + EscapeHtml(report.link) + "\">Open Execution</a></p>\n";
  return html + "</body></html>\n";
}

Result<TaskOutcome> RunExecution(TaskContext& context) {
  ASSIGN_OR_RETURN(const ExecutionReport report, ReadReport(context));
  MailMessage message;
  ASSIGN_OR_RETURN(auto subject, context.Text("subject"));
  message.subject = std::move(subject).value_or(report.Headline());
  message.plain = PlainReport(report);
  message.html = HtmlReport(report);
  return Send(context, std::move(message));
}

// ---- specs ----

PropertySpec FileList(std::string name, std::string doc) {
  return {.name = std::move(name), .kind = PropertyKind::kAny, .doc = std::move(doc)};
}

std::vector<PropertySpec> ServerProperties() {
  return {
      {.name = "host", .required = true, .doc = "The SMTP server."},
      {.name = "port", .kind = PropertyKind::kInteger, .doc = "Its port.", .default_value = 465},
      {.name = "username", .doc = "Its login; absent: none."},
      {.name = "password", .doc = "Better from secret()."},
      {.name = "transportStrategy", .kind = PropertyKind::kEnum,
       .doc = "SMTPS: TLS from the first byte. SMTP_TLS: STARTTLS, or nothing is sent. SMTP: STARTTLS if the server offers it.",
       .default_value = "SMTPS", .enum_values = {"SMTPS", "SMTP_TLS", "SMTP"}},
      {.name = "from", .required = true, .doc = "One address: jane@example.com, or Jane <jane@example.com>."},
      {.name = "to", .required = true, .doc = "Addresses, parted by `;` or `,`, or a list."},
      {.name = "cc", .doc = "Further addresses."},
      {.name = "bcc", .doc = "Addresses that nobody else sees."},
      {.name = "replyTo", .doc = "Where answers go."},
      {.name = "subject", .doc = "One line."},
      FileList("attachments", "Stored files: a list of {uri, name, contentType: application/octet-stream}; together at most 25 MB."),
      FileList("embeddedImages", "Stored pictures, of the same shape; the HTML shows them as <img src=\"cid:NAME\">."),
      {.name = "sessionTimeout", .kind = PropertyKind::kAny, .doc = "In milliseconds, or a duration: to connect, and for each answer.", .default_value = 10000},
      {.name = "verifyServerIdentity", .kind = PropertyKind::kBoolean, .doc = "Whether the certificate must be of this host.", .default_value = true},
      {.name = "trustedHosts", .kind = PropertyKind::kList, .doc = "Hosts whose certificate is not checked.", .members = {{.name = "host"}}},
  };
}

model::TaskTypeSpec Spec(std::string_view name, std::string doc) {
  const std::string text(name);
  return {.type = "io.kestra.plugin.email." + text,
          .aliases = {"io.kestra.plugin.notifications.mail." + text, "io.kestra.plugin.notifications.email." + text},
          .doc = std::move(doc),
          .properties = ServerProperties(),
          .support = model::Support::kDiffers,
          .differs = "bcc and replyTo besides Kestra's properties. Loopback and link-local addresses are refused unless the worker allows them."};
}

const std::string kExample = "host: smtp.example.com\nport: 465\nusername: alerts\npassword: \"{{ secret('SMTP_PASSWORD') }}\"\n"
                             "from: alerts@example.com\nto: team@example.com; boss@example.com\n";

model::TaskTypeSpec SendSpec() {
  model::TaskTypeSpec spec = Spec("MailSend", "Sends a mail.");
  spec.properties.push_back({.name = "htmlTextContent", .doc = "The text as HTML."});
  spec.properties.push_back({.name = "plainTextContent", .doc = "The text for readers without HTML."});
  spec.example = "id: mail\ntype: " + spec.type + "\n" + kExample +
                 "subject: \"{{ flow.id }} has failed\"\nhtmlTextContent: \"<b>{{ flow.id }}</b> has failed\"\nplainTextContent: \"{{ flow.id }} has failed\"\n";
  return spec;
}

model::TaskTypeSpec ExecutionSpec() {
  model::TaskTypeSpec spec = Spec("MailExecution", "Sends a mail that tells of an execution: its state, how long it took and which task failed.");
  for (PropertySpec& property : ReportProperties()) spec.properties.push_back(std::move(property));
  for (const char* name : {"htmlTextContent", "plainTextContent"})
    spec.properties.push_back({.name = name, .doc = "Not used, as in Kestra: the text is made from the execution."});
  spec.example = "id: mail\ntype: " + spec.type + "\n" + kExample + "executionId: \"{{ trigger.executionId }}\"\n";
  return spec;
}

}  // namespace

std::vector<TaskType> MailTasks() {
  std::vector<TaskType> types;
  types.push_back(MakeType(SendSpec(), RunSend));
  types.push_back(MakeType(ExecutionSpec(), RunExecution));
  return types;
}

}  // namespace headrace::worker
