// Chats: Slack, Discord, Google Chat, Teams, Telegram, WhatsApp, Zulip.
#include <algorithm>

#include "common/base/text.h"
#include "worker/notify/webhook_service.h"

namespace headrace::worker {
namespace {

using model::PropertyKind;
using Mood = ExecutionReport::Mood;

constexpr std::string_view kButton = "Open Execution";

// Slack's own signs in a text that is not meant to have any.
std::string SlackText(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '&') out += "&amp;";
    else if (c == '<') out += "&lt;";
    else if (c == '>') out += "&gt;";
    else out += c;
  }
  return out;
}

Result<Object> TellSlack(TaskContext&, const ExecutionReport& report) {
  std::string text = report.link.empty() ? "*" + SlackText(report.Headline()) + "*"
                                         : "*<" + report.link + "|" + SlackText(report.Headline()) + ">*";
  text += "\n> " + SlackText(report.Verdict());
  if (!report.custom_message.empty()) text += "\n" + report.custom_message;
  Object section{{"type", "section"}, {"text", Object{{"type", "mrkdwn"}, {"text", Shortened(text, 2900)}}}};
  if (!report.link.empty()) {
    section["accessory"] = Object{{"type", "button"},
                                  {"text", Object{{"type", "plain_text"}, {"text", kButton}}},
                                  {"url", report.link}};
  }
  Array fields;
  for (const auto& [title, value] : report.Fields()) {
    fields.push_back(Object{{"title", title}, {"value", SlackText(value)}, {"short", value.size() <= 40}});
  }
  const Mood mood = report.mood();
  const std::string_view color = mood == Mood::kGood ? "good" : mood == Mood::kWarning ? "warning" : "danger";
  return Object{{"text", Shortened(text, 2900)},
                {"blocks", Array{std::move(section)}},
                {"attachments", Array{Object{{"color", color}, {"fields", std::move(fields)}}}}};
}

std::vector<ServiceField> SlackFields() {
  return {{{.name = "channel", .doc = "Another channel than the webhook's, where Slack allows it."}, "channel"},
          {{.name = "username", .doc = "The name of who posts."}, "username"},
          {{.name = "iconUrl", .doc = "A picture of who posts."}, "icon_url"},
          {{.name = "iconEmoji", .doc = "An emoji for who posts, such as :rotating_light:."}, "icon_emoji"}};
}

WebhookService Slack() {
  std::vector<ServiceField> send = SlackFields();
  send.insert(send.begin(), {{.name = "messageText", .doc = "The text alone, instead of a payload."}, "text"});
  return {.name = "Slack",
          .type = "io.kestra.plugin.slack.Slack",
          .older = {"io.kestra.plugin.notifications.slack.Slack", "io.kestra.plugin.slack.notifications.Slack"},
          .url_doc = "https://hooks.slack.com/services/…",
          .send_fields = std::move(send),
          .tell_fields = SlackFields(),
          .tell = TellSlack,
          .send_example = "url: \"{{ secret('SLACK_WEBHOOK') }}\"\nmessageText: \"{{ flow.id }} has failed\"\n",
          .tell_example = "url: \"{{ secret('SLACK_WEBHOOK') }}\"\nexecutionId: \"{{ trigger.executionId }}\"\n"};
}

// ---- Discord ----

std::int64_t ColorNumber(std::string_view color) { return std::stoll(std::string(color.substr(1)), nullptr, 16); }

Result<Object> TellDiscord(TaskContext&, const ExecutionReport& report) {
  Array fields;
  for (const auto& [name, value] : report.Fields()) {
    fields.push_back(Object{{"name", Shortened(name, 250)}, {"value", Shortened(value, 1000)}, {"inline", value.size() <= 40}});
    if (fields.size() == 25) break;  // Discord takes no more
  }
  Object embed{{"title", Shortened(report.Headline(), 250)},
               {"description", Shortened(report.Verdict() + (report.custom_message.empty() ? "" : "\n" + report.custom_message), 4000)},
               {"color", ColorNumber(ColorOf(report.mood()))},
               {"fields", std::move(fields)}};
  if (!report.link.empty()) embed["url"] = report.link;
  return Object{{"embeds", Array{std::move(embed)}}};
}

Result<Object> Embed(const Value& written) {
  if (!written.is_object()) return InvalidArgument("embedList: expected a list of {title, description, color, …}");
  Object embed;
  const auto take = [&](std::string_view from, std::string_view to, std::string_view inside = {}) {
    const Value* value = Member(written, from);
    if (value == nullptr || value->is_null()) return;
    if (inside.empty()) embed[to] = *value;
    else embed[to] = Object{{inside, *value}};
  };
  take("title", "title");
  take("description", "description");
  take("websiteUrl", "url");
  take("thumbnail", "thumbnail", "url");
  take("authorName", "author", "name");
  take("footer", "footer", "text");
  const Value* color = Member(written, "color");
  if (color == nullptr || color->is_null()) return embed;
  const Array* parts = color->if_array();
  std::int64_t number = 0;
  for (std::size_t i = 0; parts != nullptr && i < parts->size(); ++i) {
    const auto part = (*parts)[i].is_int64() ? (*parts)[i].get_int64() : -1;
    if (part < 0 || part > 255 || parts->size() != 3) return InvalidArgument("embedList.color: expected [red, green, blue] of 0 to 255");
    number = number * 256 + part;
  }
  embed["color"] = parts == nullptr ? *color : Value(number);
  return embed;
}

Status FinishDiscord(TaskContext& context, Object& payload) {
  ASSIGN_OR_RETURN(Value list, context.Render("embedList"));
  if (list.is_null()) return {};
  if (!list.is_array()) return InvalidArgument("embedList: expected a list of {title, description, color, …}");
  Value& embeds = payload["embeds"];
  if (!embeds.is_array()) embeds = Array();
  std::size_t at = 0;
  for (const Value& written : list.get_array()) {
    ASSIGN_OR_RETURN(Object embed, Embed(written));
    embeds.get_array().insert(embeds.get_array().begin() + static_cast<std::ptrdiff_t>(at++), std::move(embed));
  }
  return {};
}

WebhookService Discord() {
  const std::vector<ServiceField> fields = {
      {{.name = "username", .doc = "The name of who posts."}, "username"},
      {{.name = "avatarUrl", .doc = "A picture of who posts."}, "avatar_url"},
      {{.name = "content", .doc = "A text above the embeds."}, "content"},
      {{.name = "embedList", .kind = PropertyKind::kList,
        .doc = "Embeds: {title, description, websiteUrl, thumbnail, authorName, color: [red, green, blue], footer}."}}};
  return {.name = "Discord",
          .type = "io.kestra.plugin.discord.Discord",
          .older = {"io.kestra.plugin.notifications.discord.Discord"},
          .url_doc = "https://discord.com/api/webhooks/…",
          .send_fields = fields,
          .tell_fields = fields,
          .tell = TellDiscord,
          .finish = FinishDiscord,
          .send_example = "url: \"{{ secret('DISCORD_WEBHOOK') }}\"\ncontent: \"{{ flow.id }} has failed\"\n",
          .tell_example = "url: \"{{ secret('DISCORD_WEBHOOK') }}\"\nexecutionId: \"{{ trigger.executionId }}\"\n"};
}

// ---- Google Chat ----

Result<Object> TellGoogleChat(TaskContext&, const ExecutionReport& report) {
  Array widgets;
  widgets.push_back(Object{{"textParagraph", Object{{"text", report.Verdict()}}}});
  if (!report.custom_message.empty()) widgets.push_back(Object{{"textParagraph", Object{{"text", report.custom_message}}}});
  for (const auto& [name, value] : report.Fields()) {
    widgets.push_back(Object{{"decoratedText", Object{{"topLabel", name}, {"text", value}, {"wrapText", true}}}});
  }
  if (!report.link.empty()) {
    const Object button{{"text", kButton}, {"onClick", Object{{"openLink", Object{{"url", report.link}}}}}};
    widgets.push_back(Object{{"buttonList", Object{{"buttons", Array{button}}}}});
  }
  Object card{{"header", Object{{"title", report.Headline()}, {"subtitle", report.execution_id}}},
              {"sections", Array{Object{{"widgets", std::move(widgets)}}}}};
  return Object{{"cardsV2", Array{Object{{"cardId", report.execution_id}, {"card", std::move(card)}}}}};
}

WebhookService GoogleChat() {
  return {.name = "Google Chat",
          .type = "io.kestra.plugin.googleworkspace.chat.GoogleChat",
          .older = {"io.kestra.plugin.notifications.google.GoogleChat"},
          .url_doc = "https://chat.googleapis.com/v1/spaces/…/messages?key=…&token=…",
          .tell_fields = {{{.name = "text", .doc = "A text above the card."}, "text"}},
          .tell = TellGoogleChat,
          .send_example = "url: \"{{ secret('GOOGLE_WEBHOOK') }}\"\npayload: |\n  {\"text\": \"A flow has failed\"}\n",
          .tell_example = "url: \"{{ secret('GOOGLE_WEBHOOK') }}\"\nexecutionId: \"{{ trigger.executionId }}\"\n"};
}

// ---- Teams ----

Result<Object> TellTeams(TaskContext& context, const ExecutionReport& report) {
  ASSIGN_OR_RETURN(const auto title, context.Text("activityTitle"));
  ASSIGN_OR_RETURN(const auto subtitle, context.Text("activitySubtitle"));
  ASSIGN_OR_RETURN(const auto color, context.Text("themeColor"));
  Array facts;
  for (const auto& [name, value] : report.Fields()) facts.push_back(Object{{"name", name}, {"value", value}});
  Object section{{"activityTitle", title.value_or(report.Headline())},
                 {"activitySubtitle", subtitle.value_or(report.Verdict())},
                 {"facts", std::move(facts)},
                 {"markdown", true}};
  if (title || !report.custom_message.empty())
    section["text"] = (title ? report.Headline() + " " : "") + report.custom_message;
  Object card{{"@type", "MessageCard"},
              {"@context", "http://schema.org/extensions"},
              {"themeColor", color.value_or(std::string(ColorOf(report.mood()).substr(1)))},
              {"summary", report.Headline()},
              {"sections", Array{std::move(section)}}};
  if (report.link.empty()) return card;
  const Object target{{"os", "default"}, {"uri", report.link}};
  card["potentialAction"] = Array{Object{{"@type", "OpenUri"}, {"name", kButton}, {"targets", Array{target}}}};
  return card;
}

WebhookService Teams() {
  return {.name = "Microsoft Teams",
          .type = "io.kestra.plugin.microsoft365.teams.Teams",
          .older = {"io.kestra.plugin.notifications.teams.Teams"},
          .url_doc = "https://….webhook.office.com/webhookb2/…",
          .tell_fields = {{{.name = "activityTitle", .doc = "The title of the card; absent: namespace, flow and state."}},
                          {{.name = "activitySubtitle", .doc = "Below it; absent: what failed, and after how long."}},
                          {{.name = "themeColor", .doc = "Six hex digits; absent: by the state."}}},
          .tell = TellTeams,
          .send_example = "url: \"{{ secret('TEAMS_WEBHOOK') }}\"\npayload: |\n  {\"text\": \"A flow has failed\"}\n",
          .tell_example = "url: \"{{ secret('TEAMS_WEBHOOK') }}\"\nexecutionId: \"{{ trigger.executionId }}\"\n"};
}

// ---- Telegram ----

Status TargetTelegram(TaskContext& context, Posting& posting) {
  ASSIGN_OR_RETURN(const std::string token, context.RequiredText("token"));
  const bool fits = !token.empty() && std::all_of(token.begin(), token.end(), [](unsigned char c) {
    return (c < 0x80 && std::isalnum(c) != 0) || c == ':' || c == '-' || c == '_';
  });
  context.masker().Register(token);
  if (!fits) return InvalidArgument("token: is no token of a bot such as 123456:ABC-DEF");
  ASSIGN_OR_RETURN(const auto endpoint, context.Text("endpointOverride"));
  std::string base(Trim(endpoint.value_or("https://api.telegram.org")));
  while (base.ends_with('/')) base.pop_back();
  posting.url = base + "/bot" + token + "/sendMessage";
  auto parsed = ParseJson(posting.body);
  Object message;
  if (parsed && parsed->is_object()) message = std::move(parsed->get_object());
  if (!message.contains("text")) message = Object{{"text", json::string(posting.body)}};
  ASSIGN_OR_RETURN(message["chat_id"], context.RequiredText("channel"));
  ASSIGN_OR_RETURN(const auto mode, context.Text("parseMode"));
  if (mode) message["parse_mode"] = *mode;
  posting.body = json::serialize(message);
  return {};
}

Result<Object> TellTelegram(TaskContext&, const ExecutionReport& report) {
  std::string text = report.Headline() + "\n" + report.Verdict();
  if (!report.custom_message.empty()) text += "\n" + report.custom_message;
  for (const auto& [name, value] : report.Fields()) text += "\n" + name + ": " + value;
  if (!report.link.empty()) text += "\n" + report.link;
  return Object{{"text", Shortened(text, 4000)}};
}

WebhookService Telegram() {
  const std::vector<ServiceField> fields = {{{.name = "token", .required = true, .doc = "The bot's token; better from secret()."}},
                                            {{.name = "channel", .required = true, .doc = "The chat's id, or @name."}},
                                            {{.name = "parseMode", .doc = "HTML or MarkdownV2."}},
                                            {{.name = "endpointOverride", .doc = "Another server of the Bot API."}}};
  return {.name = "Telegram",
          .type = "io.kestra.plugin.telegram.Telegram",
          .older = {"io.kestra.plugin.notifications.telegram.Telegram"},
          .send = "Send",
          .url_doc = "",
          .send_fields = fields,
          .tell_fields = fields,
          .tell = TellTelegram,
          .target = TargetTelegram,
          .send_example = "token: \"{{ secret('TELEGRAM_TOKEN') }}\"\nchannel: \"2072728690\"\npayload: \"{{ flow.id }} has failed\"\n",
          .tell_example = "token: \"{{ secret('TELEGRAM_TOKEN') }}\"\nchannel: \"2072728690\"\nexecutionId: \"{{ trigger.executionId }}\"\n"};
}

WebhookService WhatsApp() {
  return {.name = "WhatsApp",
          .type = "io.kestra.plugin.whatsapp.WhatsApp",
          .older = {"io.kestra.plugin.notifications.whatsapp.WhatsApp"},
          .url_doc = "the webhook of a WhatsApp gateway",
          .send_example = "url: \"{{ secret('WHATSAPP_WEBHOOK') }}\"\npayload: |\n  {\"profileName\": \"alerts\", \"textBody\": \"A flow has failed\"}\n"};
}

// Its incoming webhooks take Slack's messages.
WebhookService Zulip() {
  return {.name = "Zulip",
          .type = "io.kestra.plugin.zulip.Zulip",
          .older = {"io.kestra.plugin.notifications.zulip.Zulip"},
          .url_doc = "https://….zulipchat.com/api/v1/external/slack_incoming?api_key=…&stream=…",
          .tell_fields = {{{.name = "channel", .doc = "Another channel."}, "channel"}},
          .tell = TellSlack,
          .send_example = "url: \"{{ secret('ZULIP_WEBHOOK') }}\"\npayload: |\n  {\"text\": \"A flow has failed\"}\n",
          .tell_example = "url: \"{{ secret('ZULIP_WEBHOOK') }}\"\nexecutionId: \"{{ trigger.executionId }}\"\n"};
}

}  // namespace

std::vector<WebhookService> ChatServices() {
  return {Slack(), Discord(), GoogleChat(), Teams(), Telegram(), WhatsApp(), Zulip()};
}

}  // namespace headrace::worker
