// Alerts to chats and to where incidents are kept, against a real server on loopback that records them.
// HEADRACE_REWRITE_GOLDEN=1 rewrites tests/data/alerts/payloads.txt.
#include <cstdlib>
#include <sstream>

#include "tests/unit/worker/fake_door.h"
#include "tests/unit/worker/http_server.h"
#include "tests/unit/worker/task_fixture.h"
#include "worker/notify/execution_report.h"

namespace headrace::worker {
namespace {

const std::string kSlack = "io.kestra.plugin.slack.SlackIncomingWebhook";
const std::string kSlackExecution = "io.kestra.plugin.slack.SlackExecution";

std::string Serve(const HttpCall& call) {
  if (call.target.starts_with("/404")) return HttpServer::Answer(404, "text/plain", "no_team");
  if (call.target.starts_with("/429")) return HttpServer::Answer(429, "application/json", R"({"error":"slow"})", "Retry-After: 30\r\n");
  if (call.target.starts_with("/500")) return HttpServer::Answer(500, "text/html", std::string(50'000, 'x'));
  if (call.target.starts_with("/no")) return HttpServer::Answer(200, "application/json", R"({"ok":false,"error":"channel_not_found"})");
  if (call.target.starts_with("/large")) return HttpServer::Answer(200, "text/html", std::string(50'000, 'x'));
  if (call.target.starts_with("/to-metadata")) return HttpServer::Answer(302, "text/plain", "", "Location: http://169.254.169.254/latest\r\n");
  if (call.target.starts_with("/hang")) return "";
  return HttpServer::Answer(200, "text/plain", "ok");
}

SeenTaskRun RunOf(const std::string& id, State state, int started, int changed, const std::string& parent = "") {
  return {.id = "run-" + id, .task_id = id, .parent_id = parent.empty() ? "" : "run-" + parent, .state = state,
          .started = FromMicros(started * 1'000'000LL), .changed = FromMicros(changed * 1'000'000LL)};
}

class NotifyTask : public TaskTest {
 protected:
  NotifyTask() : server(Serve) {
    options_.http_allow = {"127.0.0.0/8"};
    options_.environment["HEADRACE_SECRET_HOOK"] = server.Uri("/services/T0/B0/very-secret-key");
    options_.environment["HEADRACE_URL"] = "https://flows.example.com/";
    engine_ = &door;
    // Its first task failed inside a Sequential; the errors branch is at work.
    door.wholes["EXEC"] = {.seen = {ExecutionId("EXEC"), "a.b", "flow", false},
                           .state = State::kRunning,
                           .started = FromMicros(0),
                           .changed = FromMicros(1'000'000),
                           .task_runs = {RunOf("all", State::kFailed, 1, 61), RunOf("load", State::kFailed, 1, 60, "all"),
                                         RunOf("clean", State::kSuccess, 61, 62)}};
    SeenTaskRun own = RunOf("check", State::kRunning, 62, 62);
    own.id = "TASKRUN";
    door.wholes["EXEC"].task_runs.push_back(own);
    door.wholes["GREEN"] = {.seen = {ExecutionId("GREEN"), "company.team", "nightly", true},
                            .state = State::kSuccess,
                            .started = FromMicros(0),
                            .changed = FromMicros(200'000'000),
                            .task_runs = {RunOf("one", State::kSuccess, 1, 2), RunOf("two", State::kSuccess, 2, 200)}};
  }
  Ran Alert(const std::string& type, const std::string& more, const std::string& path = "/hook", const std::string& context = "{}") {
    Object properties = Json(more).as_object();
    if (!properties.contains("url")) properties["url"] = server.Uri(path);
    return Run(type, properties, context);
  }
  std::string LastBody() {
    const auto calls = server.calls();
    return calls.empty() ? "(none)" : calls.back().body;
  }
  Value Last() { return Json(LastBody()); }

  FakeDoor door;
  HttpServer server;
};

TEST_F(NotifyTask, PayloadGoesAsItIsWritten) {
  const Ran ran = Alert(kSlack, R"({"payload":"{\"text\": \"{{ 1 + 1 }} of 3\",  \"n\": 1.0}"})");
  EXPECT_EQ(ran.state, State::kSuccess) << ran.message;
  EXPECT_EQ(LastBody(), R"({"text": "2 of 3",  "n": 1.0})");
  EXPECT_EQ(server.calls().back().method, "POST");
  EXPECT_NE(server.calls().back().head.find("Content-Type: application/json"), std::string::npos);
  EXPECT_EQ(ran.outputs, Value(Object()));
  Alert(kSlack, R"({"payload":{"text":"{{ 'a' }}","n":3}})");
  EXPECT_EQ(LastBody(), R"({"text":"a","n":3})");
}

TEST_F(NotifyTask, OldNamesAreKnown) {
  for (const char* type : {"io.kestra.plugin.notifications.slack.SlackIncomingWebhook", "io.kestra.plugin.notifications.discord.DiscordIncomingWebhook",
                           "io.kestra.plugin.notifications.google.GoogleChatIncomingWebhook", "io.kestra.plugin.notifications.teams.TeamsIncomingWebhook",
                           "io.kestra.plugin.notifications.pagerduty.PagerDutyAlert", "io.kestra.plugin.notifications.opsgenie.OpsgenieAlert"}) {
    EXPECT_EQ(Alert(type, R"({"payload":"{\"a\":1}"})").state, State::kSuccess) << type;
    EXPECT_EQ(LastBody(), R"({"a":1})") << type;
  }
}

TEST_F(NotifyTask, MessageTextAndOptionsNeedNoPayload) {
  EXPECT_EQ(Alert(kSlack, R"({"messageText":"say \"hi\"","options":{"headers":{"X-Mine":"yes"}}})").state, State::kSuccess);
  EXPECT_EQ(LastBody(), R"({"text":"say \"hi\""})");
  EXPECT_NE(server.calls().back().head.find("X-Mine: yes"), std::string::npos);
  EXPECT_NE(Alert(kSlack, "{}").message.find("payload: is missing"), std::string::npos);
  EXPECT_NE(Alert(kSlack, R"({"messageText":"a","options":{"headers":{"X":"a\r\nB: c"}}})").message.find("line break"), std::string::npos);
}

TEST_F(NotifyTask, FailuresNameServiceStatusAndAnswer) {
  EXPECT_EQ(Alert(kSlack, R"({"messageText":"a"})", "/404").message, "Slack answered 404: no_team");
  const Ran slow = Alert(kSlack, R"({"messageText":"a"})", "/429");
  EXPECT_EQ(slow.state, State::kFailed);
  EXPECT_EQ(slow.message, R"(Slack answered 429 (retry after 30): {"error":"slow"})");
  const std::string large = Alert(kSlack, R"({"messageText":"a"})", "/500").message;
  EXPECT_TRUE(large.starts_with("Slack answered 500: xxx")) << large.substr(0, 50);
  EXPECT_LT(large.size(), 1100u);
  EXPECT_EQ(Alert(kSlack, R"({"messageText":"a"})", "/no").message, R"(Slack answered 200: {"ok":false,"error":"channel_not_found"})");
  EXPECT_EQ(Alert(kSlack, R"({"messageText":"a"})", "/large").state, State::kSuccess);
  EXPECT_NE(Alert(kSlack, R"({"payload":"{\"text\": \"say \"hi\"\"}"})", "/404").message.find("the payload is no JSON"), std::string::npos);
  EXPECT_EQ(Alert(kSlack, R"({"messageText":"a","url":"ftp://x/secret"})").message, "url: is no http:// or https:// URL");
}

TEST_F(NotifyTask, KeysInUrlsAreNotTold) {
  const std::string hook = R"({"messageText":"a","url":"{{ secret('HOOK') }}"})";
  EXPECT_EQ(Alert(kSlack, hook).state, State::kSuccess);
  EXPECT_EQ(server.calls().back().target, "/services/T0/B0/very-secret-key");
  // Neither those of secret() nor those that stand in the flow.
  options_.http_allow.clear();
  services_ = nullptr;
  for (const std::string& properties : {hook, std::string(R"({"messageText":"a"})")}) {
    const Ran ran = Alert(kSlack, properties, "/services/T0/B0/very-secret-key");
    EXPECT_EQ(ran.state, State::kFailed);
    EXPECT_NE(ran.message.find("its address is refused"), std::string::npos) << ran.message;
    EXPECT_EQ(ran.message.find("very-secret"), std::string::npos) << ran.message;
    for (const auto& entry : ran.logs) EXPECT_EQ(entry.message.find("very-secret"), std::string::npos) << entry.message;
  }
}

TEST_F(NotifyTask, RedirectsLeadNowhereElse) {
  const Ran ran = Alert(kSlack, R"({"messageText":"a"})", "/to-metadata");
  EXPECT_EQ(ran.state, State::kFailed);
  EXPECT_NE(ran.message.find("refused"), std::string::npos) << ran.message;
}

TEST_F(NotifyTask, WhoDoesNotAnswerInTimeHasNotTakenIt) {
  const auto began = std::chrono::steady_clock::now();
  const Ran ran = Alert(kSlack, R"({"messageText":"a","options":{"connectTimeout":"PT0.2S","readTimeout":"PT0.1S"}})", "/hang");
  EXPECT_EQ(ran.state, State::kFailed);
  EXPECT_NE(ran.message.find("Slack: HTTP POST http://127.0.0.1:"), std::string::npos) << ran.message;
  EXPECT_NE(ran.message.find("imeout"), std::string::npos) << ran.message;
  EXPECT_EQ(ran.message.find("/hang"), std::string::npos) << ran.message;
  EXPECT_LT(std::chrono::steady_clock::now() - began, 5s);
}

TEST_F(NotifyTask, OwnExecutionIsToldAsFailedWhileItsErrorsRun) {
  const Ran ran = Alert(kSlackExecution, R"({"customMessage":"look at it","customFields":{"Env":"prod"},"channel":"#alerts","iconEmoji":":bell:"})");
  ASSERT_EQ(ran.state, State::kSuccess) << ran.message;
  const Value body = Last();
  const std::string text = ToText(*AtPath(body, "text"));
  EXPECT_TRUE(text.starts_with("*<https://flows.example.com/ui/main/executions/a.b/flow/EXEC|[a.b] flow ➛ FAILED>*\n> Failed on task `load` after ")) << text;
  EXPECT_TRUE(text.ends_with("\nlook at it")) << text;
  EXPECT_EQ(ToText(*AtPath(body, "channel")), "#alerts");
  EXPECT_EQ(ToText(*AtPath(body, "icon_emoji")), ":bell:");
  const Value& attachment = AtPath(body, "attachments")->as_array().at(0);
  EXPECT_EQ(ToText(*Member(attachment, "color")), "danger");
  std::string fields;
  for (const Value& field : Member(attachment, "fields")->as_array()) fields += ToText(*Member(field, "title")) + "=" + ToText(*Member(field, "value")) + ";";
  EXPECT_EQ(fields, "Namespace=a.b;Flow ID=flow;Execution ID=EXEC;Execution Status=FAILED;Final task ID=load;Env=prod;");
}

// An alert is worth more than its details: without the engine it tells what the task was given.
TEST_F(NotifyTask, EngineThatDoesNotAnswerHindersNoAlert) {
  door.broken = true;
  const Ran own = Alert(kSlackExecution, "{}", "/hook", R"({"execution":{"state":"RUNNING"}})");
  ASSERT_EQ(own.state, State::kSuccess) << own.message;
  EXPECT_NE(own.Lines("WARN").find("no headrace server answers"), std::string::npos);
  EXPECT_NE(LastBody().find("[a.b] flow ➛ RUNNING"), std::string::npos) << LastBody();
  const std::string trigger = R"({"trigger":{"executionId":"X1","namespace":"n","flowId":"f","state":"WARNING"}})";
  const Ran other = Alert(kSlackExecution, R"({"executionId":"{{ trigger.executionId }}"})", "/hook", trigger);
  ASSERT_EQ(other.state, State::kSuccess) << other.message;
  EXPECT_NE(LastBody().find("[n] f ➛ WARNING"), std::string::npos) << LastBody();
  EXPECT_NE(LastBody().find(R"("color":"warning")"), std::string::npos) << LastBody();
  EXPECT_EQ(Alert(kSlackExecution, R"({"executionId":"X2"})").state, State::kFailed);
  door.broken = false;
  EXPECT_NE(Alert(kSlackExecution, R"({"executionId":"X2"})").message.find("there is no execution X2"), std::string::npos);
  engine_ = nullptr;
  services_ = nullptr;
  EXPECT_NE(Alert(kSlackExecution, "{}").Lines("WARN").find("HEADRACE_SERVER"), std::string::npos);
}

TEST_F(NotifyTask, TelegramKeepsItsTokenToItself) {
  const std::string more = R"("token":"123:{{ 'abc' }}","channel":"77","endpointOverride":")" + server.Uri("") + R"(")";
  const std::string type = "io.kestra.plugin.telegram.TelegramSend";
  EXPECT_EQ(Run(type, Json("{" + more + R"(,"payload":"say \"hi\"","parseMode":"HTML"})")).state, State::kSuccess);
  EXPECT_EQ(server.calls().back().target, "/bot123:abc/sendMessage");
  EXPECT_EQ(Last(), Json(R"({"text":"say \"hi\"","chat_id":"77","parse_mode":"HTML"})"));
  EXPECT_NE(Run(type, Json(R"({"token":"1/../x","channel":"7","payload":"a"})")).message.find("token: is no token"), std::string::npos);
}

TEST_F(NotifyTask, OpsgenieAndSentryCarryTheirKeys) {
  EXPECT_EQ(Alert("io.kestra.plugin.opsgenie.OpsgenieExecution",
                  R"({"executionId":"GREEN","authorizationToken":"k1","responders":{"id1":"team"},"tags":["a"],"priority":"P2"})").state, State::kSuccess);
  EXPECT_NE(server.calls().back().head.find("Authorization: GenieKey k1"), std::string::npos);
  EXPECT_EQ(*AtPath(Last(), "responders"), Json(R"([{"id":"id1","type":"team"}])"));
  EXPECT_EQ(ToText(*AtPath(Last(), "priority")), "P2");
  const std::string dsn = R"({"dsn":"http://public1@127.0.0.1:)" + std::to_string(server.port()) + R"(/42","payload":"{\"message\":\"a\",\"level\":\"ERROR\"}")";
  const std::string sentry = "io.kestra.plugin.sentry.SentryAlert";
  EXPECT_EQ(Run(sentry, Json(dsn + R"(,"endpointType":"STORE"})")).state, State::kSuccess);
  EXPECT_EQ(server.calls().back().target, "/api/42/store/");
  EXPECT_NE(server.calls().back().head.find("sentry_key=public1"), std::string::npos);
  EXPECT_EQ(ToText(*AtPath(Last(), "level")), "error");
  EXPECT_EQ(ToText(*AtPath(Last(), "event_id")).size(), 32u);
  EXPECT_EQ(Run(sentry, Json(dsn + "}")).state, State::kSuccess);
  EXPECT_EQ(server.calls().back().target, "/api/42/envelope/");
  std::istringstream lines(LastBody());
  std::string header;
  std::string item;
  std::string event;
  std::getline(lines, header) && std::getline(lines, item) && std::getline(lines, event);
  EXPECT_EQ(ToText(*AtPath(Json(header), "event_id")), ToText(*AtPath(Json(event), "event_id")));
  EXPECT_EQ(ToText(*AtPath(Json(item), "length")), std::to_string(event.size()));
  EXPECT_NE(Run(sentry, Json(R"({"dsn":"https://x","payload":"{}"})")).message.find("dsn: is none"), std::string::npos);
}

TEST_F(NotifyTask, DiscordEmbedsAreTranslated) {
  const std::string type = "io.kestra.plugin.discord.DiscordIncomingWebhook";
  EXPECT_EQ(Alert(type, R"({"content":"c","embedList":[{"title":"t","color":[255,0,16],"footer":"f","websiteUrl":"https://x"}]})").state, State::kSuccess);
  EXPECT_EQ(Last(), Json(R"({"content":"c","embeds":[{"title":"t","url":"https://x","footer":{"text":"f"},"color":16711696}]})"));
  EXPECT_NE(Alert(type, R"({"embedList":[{"color":[256,0,0]}]})").message.find("embedList.color"), std::string::npos);
}

// What every service is told of an execution that has ended.
TEST_F(NotifyTask, PayloadsAreTheGoldenOnes) {
  std::ostringstream all;
  for (const std::string& type : registry_.names()) {
    const TaskType* found = registry_.Find(type);
    if (found->spec.type != type || !type.ends_with("Execution") || type.ends_with("MailExecution") || type.starts_with("io.kestra.plugin.core")) continue;
    Object properties = Json(R"({"executionId":"GREEN","customMessage":"look","customFields":{"Env":"prod"}})").as_object();
    const std::string own = type.find("Telegram") != std::string::npos ? R"({"token":"1:a","channel":"7","endpointOverride":")" + server.Uri("") + R"("})"
                            : type.find("Sentry") != std::string::npos
                                ? R"({"endpointType":"STORE","dsn":"http://k@127.0.0.1:)" + std::to_string(server.port()) + R"(/1"})"
                                : R"({"url":")" + server.Uri("/hook") + R"("})";
    const Value where = Json(own);
    for (const auto& [name, value] : where.as_object()) properties[name] = value;
    const Ran ran = Run(type, properties);
    ASSERT_EQ(ran.state, State::kSuccess) << type << ran.message;
    Value body = Last();
    if (body.as_object().contains("timestamp")) body.as_object()["timestamp"] = "NOW";
    all << type << "\n" << ToJson(body) << "\n\n";
  }
  const char* path = "tests/data/alerts/payloads.txt";
  if (std::getenv("HEADRACE_REWRITE_GOLDEN") != nullptr) std::ofstream(path) << all.str();
  std::ostringstream golden;
  golden << std::ifstream(path).rdbuf();
  EXPECT_EQ(all.str(), golden.str()) << "HEADRACE_REWRITE_GOLDEN=1 with this test rewrites " << path;
}

TEST(Report, TellsWhatFailedFirst) {
  SeenWhole whole{.seen = {ExecutionId("E"), "n", "f", true}, .state = State::kFailed, .started = FromMicros(0), .changed = FromMicros(195'000'000)};
  whole.task_runs = {RunOf("forgiving", State::kWarning, 1, 5), RunOf("risky", State::kFailed, 1, 4, "forgiving"), RunOf("b", State::kFailed, 5, 9),
                     RunOf("a", State::kFailed, 5, 8), RunOf("alert", State::kFailed, 10, 11)};
  ExecutionReport report{.execution_id = "E"};
  Describe(whole, "", FromMicros(0), report);
  EXPECT_EQ(report.Verdict(), "Failed on task `a` after 3m 15s");
  EXPECT_EQ(report.last_task, "a");
  whole.task_runs.clear();
  whole.message = "inputs: 'day' is missing";
  report = {.execution_id = "E"};
  Describe(whole, "", FromMicros(0), report);
  EXPECT_EQ(report.Verdict(), "Failed after 3m 15s: inputs: 'day' is missing");
  EXPECT_EQ(report.mood(), ExecutionReport::Mood::kDanger);
}

TEST(Report, DurationsAreForPeople) {
  const std::vector<std::pair<Duration, std::string>> cases = {{0s, "0s"}, {1'450ms, "1.4s"}, {12s, "12s"}, {3min, "3m"}, {200s, "3m 20s"},
                                                               {7'500s, "2h 5m"}, {97h, "4d 1h"}, {-5s, "0s"}};
  for (const auto& [span, text] : cases) EXPECT_EQ(HumanDuration(span), text);
  EXPECT_EQ(Shortened("➛➛", 4), "➛…");
}

}  // namespace
}  // namespace headrace::worker
