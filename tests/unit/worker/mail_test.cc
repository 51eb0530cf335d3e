// Mails, against a real SMTP server on loopback; and how they are written.
#include "tests/unit/worker/fake_door.h"
#include "tests/unit/worker/smtp_server.h"
#include "tests/unit/worker/task_fixture.h"
#include "worker/mask_patterns.h"
#include "worker/notify/mime_message.h"

namespace headrace::worker {
namespace {

const std::string kSend = "io.kestra.plugin.email.MailSend";

MailMessage Simple() {
  return {.from = {"", "a@x.org"}, .to = {{"", "b@x.org"}}, .subject = "hello", .plain = "text", .date = FromMicros(1'700'000'000'000'000), .id = "1@x.org"};
}

TEST(Mime, PlainMailIsShort) {
  EXPECT_EQ(*WriteMime(Simple()),
            "Date: Tue, 14 Nov 2023 22:13:20 +0000\r\nFrom: a@x.org\r\nTo: b@x.org\r\nSubject: hello\r\nMessage-ID: <1@x.org>\r\n"
            "MIME-Version: 1.0\r\nAuto-Submitted: auto-generated\r\nContent-Type: text/plain; charset=UTF-8\r\n"
            "Content-Transfer-Encoding: base64\r\n\r\ndGV4dA==\r\n");
}

TEST(Mime, WordsBeyondAsciiAreEncodedInShortLines) {
  MailMessage message = Simple();
  message.from = {"Jürgen \"J\" Groß", "a@x.org"};
  message.to = {{"Doe, Jane", "b@x.org"}, {"", "c@x.org"}};
  message.subject = std::string(30, 'x') + "äöü➛" + std::string(60, 'y');
  const std::string text = *WriteMime(message);
  EXPECT_NE(text.find("From: =?UTF-8?B?" + Base64Encode("Jürgen \"J\" Groß") + "?= <a@x.org>\r\n"), std::string::npos) << text;
  EXPECT_NE(text.find("To: \"Doe, Jane\" <b@x.org>,\r\n c@x.org\r\n"), std::string::npos) << text;
  EXPECT_EQ(text.find("ä"), std::string::npos);
  std::size_t longest = 0;
  for (std::size_t at = 0, end = 0; (end = text.find("\r\n", at)) != std::string::npos; at = end + 2) longest = std::max(longest, end - at);
  EXPECT_LE(longest, 78u) << text;
  message.subject = "=?UTF-8?B?QQ==?=";
  EXPECT_NE(WriteMime(message)->find("Subject: =?UTF-8?B?" + Base64Encode("=?UTF-8?B?QQ==?=") + "?="), std::string::npos);
}

TEST(Mime, PartsAreNestedAsReadersExpect) {
  MailMessage message = Simple();
  message.html = "<img src=\"cid:logo\">";
  message.images = {{"logo", "image/png", "PNG"}};
  message.attachments = {{"Größe \"1\".csv", "text/csv", std::string(100, 'z')}};
  const std::string text = *WriteMime(message);
  std::vector<std::string> seen;
  for (const char* part : {"multipart/mixed", "multipart/alternative", "text/plain", "multipart/related", "text/html", "image/png", "Content-ID: <logo>", "text/csv"}) {
    const std::size_t at = text.find(part);
    ASSERT_NE(at, std::string::npos) << part << text;
    EXPECT_TRUE(seen.empty() || at > text.find(seen.back())) << part;
    seen.emplace_back(part);
  }
  EXPECT_NE(text.find("Content-Disposition: attachment; filename=\"Gr__e \\\"1\\\".csv\";\r\n filename*=UTF-8''Gr%C3%B6%C3%9Fe%20%221%22.csv\r\n"),
            std::string::npos) << text;
  EXPECT_TRUE(text.ends_with("--\r\n"));
}

TEST(Mime, NothingBecomesAHeader) {
  const auto refused = [](auto change) {
    MailMessage message = Simple();
    change(message);
    const auto written = WriteMime(message);
    return !written && written.error().code == Code::kInvalidArgument;
  };
  EXPECT_TRUE(refused([](MailMessage& m) { m.subject = "a\r\nBcc: x@y.z"; }));
  EXPECT_TRUE(refused([](MailMessage& m) { m.subject = "a\nb"; }));
  EXPECT_TRUE(refused([](MailMessage& m) { m.from.name = "a\rb"; }));
  EXPECT_TRUE(refused([](MailMessage& m) { m.to[0].address = "a@b\r\nX: y"; }));
  EXPECT_TRUE(refused([](MailMessage& m) { m.attachments = {{"a\r\nb", "text/csv", ""}}; }));
  EXPECT_TRUE(refused([](MailMessage& m) { m.attachments = {{"a", "text/csv\r\nX: y", ""}}; }));
  EXPECT_TRUE(refused([](MailMessage& m) { m.html = "", m.images = {{"a>b", "image/png", ""}}; }));
  for (const char* bad : {"a@b\r\nRCPT TO:<x@y>", "nobody", "@x", "a@", "a b@x", "a@b@c", "Jane <a@b", "a@x; b\x01@y", "<>"})
    EXPECT_FALSE(ParseAddresses(bad, "to")) << bad;
  const auto parsed = ParseAddresses(" a@x.org ;\"Doe, Jane\" <j@x.org>, ", "to");
  ASSERT_TRUE(parsed) << parsed.error().message;
  ASSERT_EQ(parsed->size(), 2u);
  EXPECT_EQ((*parsed)[1].name, "Doe, Jane");
  EXPECT_EQ((*parsed)[1].address, "j@x.org");
}

class MailTask : public TaskTest {
 protected:
  MailTask() {
    options_.http_allow = {"127.0.0.0/8"};
    options_.environment["HEADRACE_SECRET_MAIL"] = "hunter22";
    engine_ = &door;
  }
  Ran Send(const SmtpServer& server, const std::string& more = "{}", const std::string& type = kSend) {
    Object properties = Json(R"({"host":"127.0.0.1","transportStrategy":"SMTP","from":"Alerts <a@x.org>","to":"b@x.org","subject":"s","plainTextContent":"t"})").as_object();
    properties["port"] = server.port();
    const Value others = Json(more);
    for (const auto& [name, value] : others.as_object()) properties[name] = value;
    return Run(type, properties);
  }

  FakeDoor door;
};

TEST_F(MailTask, EnvelopeHoldsEverybodyAndTheHeadersDoNotTellWhoIsBlind) {
  SmtpServer server;
  const Ran ran = Send(server, R"({"to":"b@x.org; {{ 'C' }} <c@x.org>","cc":"d@x.org","bcc":["e@x.org"],"subject":"{{ 1 + 1 }}","username":"u","password":"{{ secret('MAIL') }}"})");
  ASSERT_EQ(ran.state, State::kSuccess) << ran.message;
  ASSERT_EQ(server.mails().size(), 1u);
  const TakenMail mail = server.mails()[0];
  EXPECT_TRUE(mail.from.starts_with("MAIL FROM:<a@x.org>")) << mail.from;
  EXPECT_EQ(mail.to, (std::vector<std::string>{"RCPT TO:<b@x.org>", "RCPT TO:<c@x.org>", "RCPT TO:<d@x.org>", "RCPT TO:<e@x.org>"}));
  EXPECT_NE(mail.text.find("To: b@x.org,\r\n \"C\" <c@x.org>\r\nCc: d@x.org\r\n"), std::string::npos) << mail.text;
  EXPECT_EQ(mail.text.find("e@x.org"), std::string::npos);
  EXPECT_NE(mail.text.find("Subject: 2\r\n"), std::string::npos);
  EXPECT_NE(mail.text.find("Message-ID: <EXEC.TASKRUN.2@x.org>"), std::string::npos) << mail.text;
  for (const auto& entry : ran.logs) EXPECT_EQ(entry.message.find("hunter22"), std::string::npos);
}

TEST_F(MailTask, StoredFilesAreAttached) {
  SmtpServer server;
  const std::string uri = PutFile("report.csv", "a,b\n1,2\n");
  const Ran ran = Send(server, R"({"htmlTextContent":"<b>h</b>","attachments":[{"uri":")" + uri + R"(","name":"r.csv","contentType":"text/csv"},{"uri":")" + uri + R"("}]})");
  ASSERT_EQ(ran.state, State::kSuccess) << ran.message;
  const std::string text = server.mails().at(0).text;
  EXPECT_NE(text.find("filename=\"r.csv\""), std::string::npos) << text;
  EXPECT_NE(text.find("Content-Type: application/octet-stream; name=\"report.csv\""), std::string::npos) << text;
  EXPECT_NE(text.find(Base64Encode("a,b\n1,2\n")), std::string::npos);
  EXPECT_NE(text.find(Base64Encode("<b>h</b>")), std::string::npos);
  const Ran missing = Send(server, R"({"attachments":[{"uri":"kestra:///a/b/flow/executions/OTHER/x","name":"x"}]})");
  EXPECT_EQ(missing.state, State::kFailed);
  EXPECT_TRUE(missing.message.starts_with("attachments")) << missing.message;
  EXPECT_NE(Send(server, R"({"attachments":[{"name":"x"}]})").message.find("each needs the uri"), std::string::npos);
}

TEST_F(MailTask, LineBreaksInWhatBecomesAHeaderAreRefused) {
  SmtpServer server;
  for (const char* more : {R"({"subject":"{{ 'a\r\nBcc: x@y.z' }}"})", R"({"to":"b@x.org\r\nDATA"})", R"({"from":"a@x.org>\r\nRCPT TO:<z@z.z"})"}) {
    const Ran ran = Send(server, more);
    EXPECT_EQ(ran.state, State::kFailed) << more;
    EXPECT_NE(ran.message.find("line break"), std::string::npos) << ran.message;
  }
  EXPECT_TRUE(server.commands().empty());
}

TEST_F(MailTask, ServersRefusalsAreTold) {
  SmtpServer refuses(SmtpServer::Answers{{"RCPT", "550 no such user"}});
  EXPECT_EQ(Send(refuses).message, "SMTP 127.0.0.1:" + std::to_string(refuses.port()) + ": the server answered 550 no such user");
  SmtpServer login(SmtpServer::Answers{{"AUTH", "535 bad credentials hunter22"}});
  const Ran denied = Send(login, R"({"username":"u","password":"{{ secret('MAIL') }}"})");
  EXPECT_NE(denied.message.find("the login is refused: 535 bad credentials ******"), std::string::npos) << denied.message;
  SmtpServer full(SmtpServer::Answers{{".", "452 disk full"}});
  EXPECT_NE(Send(full).message.find("452 disk full"), std::string::npos);
}

TEST_F(MailTask, WithoutTlsNothingIsSentWhenTlsIsAsked) {
  SmtpServer server;
  const Ran ran = Send(server, R"({"transportStrategy":"SMTP_TLS"})");
  EXPECT_EQ(ran.state, State::kFailed);
  EXPECT_EQ(Send(server, R"({"transportStrategy":"SMTPS","sessionTimeout":500})").state, State::kFailed);
  EXPECT_TRUE(server.mails().empty());
  EXPECT_NE(Send(server, R"({"transportStrategy":"PLAIN"})").message.find("none of SMTPS"), std::string::npos);
}

TEST_F(MailTask, ServerThatDoesNotGreetIsLeft) {
  SmtpServer silent(SmtpServer::Answers{{"greeting", ""}});
  const auto began = std::chrono::steady_clock::now();
  const Ran ran = Send(silent, R"({"sessionTimeout":200})");
  EXPECT_EQ(ran.state, State::kFailed);
  EXPECT_NE(ran.message.find("imeout"), std::string::npos) << ran.message;
  EXPECT_LT(std::chrono::steady_clock::now() - began, 5s);
  EXPECT_NE(Send(silent, R"({"sessionTimeout":"soon"})").message.find("milliseconds"), std::string::npos);
}

TEST_F(MailTask, AddressesOfTheHouseAreRefused) {
  options_.http_allow.clear();
  SmtpServer server;
  const Ran ran = Send(server);
  EXPECT_NE(ran.message.find("its address is refused"), std::string::npos) << ran.message;
  EXPECT_TRUE(server.commands().empty());
  EXPECT_NE(Send(server, R"({"host":"x/../y"})").message.find("no name of a server"), std::string::npos);
}

TEST_F(MailTask, ExecutionIsToldInBothForms) {
  door.wholes["E1"] = {.seen = {ExecutionId("E1"), "n", "f", true}, .state = State::kFailed, .started = FromMicros(0), .changed = FromMicros(180'000'000),
                       .task_runs = {{.id = "r", .task_id = "load", .state = State::kFailed}}};
  SmtpServer server;
  Object properties = Json(R"({"host":"127.0.0.1","transportStrategy":"SMTP","from":"a@x.org","to":"b@x.org","executionId":"E1","customMessage":"<b>"})").as_object();
  properties["port"] = server.port();
  const Ran ran = Run("io.kestra.plugin.notifications.mail.MailExecution", properties);
  ASSERT_EQ(ran.state, State::kSuccess) << ran.message;
  const std::string text = server.mails().at(0).text;
  EXPECT_NE(text.find("Subject: =?UTF-8?B?" + Base64Encode("[n] f ➛ FAILED") + "?="), std::string::npos) << text;
  EXPECT_NE(text.find("multipart/alternative"), std::string::npos);
  std::string lines = text.substr(text.find("\r\n\r\n", text.find("text/plain")) + 4);
  lines = lines.substr(0, lines.find("\r\n--"));
  std::erase_if(lines, [](char c) { return c == '\r' || c == '\n'; });
  EXPECT_EQ(Base64Decode(lines).value_or("?"),
            "[n] f ➛ FAILED\nFailed on task `load` after 3m\n\n<b>\n\nNamespace: n\nFlow ID: f\nExecution ID: E1\nExecution Status: FAILED\nFinal task ID: load\n");
}

}  // namespace
}  // namespace headrace::worker
