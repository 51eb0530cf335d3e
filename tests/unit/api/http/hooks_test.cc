// Webhooks of flows and of GitHub through a real server, with doors that write down what comes.
#include <cctype>
#include <mutex>

#include "api/http/github_hook.h"
#include "api/http/hmac.h"
#include "api/http/webhook.h"
#include "tests/unit/api/http/rig.h"

namespace headrace::api::http {
namespace {

using testing::HttpTest;
using testing::RawClient;
using testing::RawResponse;

constexpr char kSecret[] = "It's a Secret to Everybody";
constexpr char kHook[] = "/api/v1/hooks/github/kestra-gh";

class NotingDoor final : public WebhookDoor, public GithubHookDoor {
 public:
  void Fire(WebhookCall call, std::function<void(WebhookAnswer)> done) override {
    std::lock_guard lock(mutex);
    calls.push_back(std::move(call));
    done(answer);
  }
  void Deliver(GithubDelivery delivery, std::function<void(Status)> done) override {
    std::lock_guard lock(mutex);
    deliveries.push_back(std::move(delivery));
    done(taken);
  }

  std::mutex mutex;
  WebhookAnswer answer{.body = Object{{"id", "e1"}}, .execution_id = "e1"};
  Status taken{};
  std::vector<WebhookCall> calls;
  std::vector<GithubDelivery> deliveries;
};

class HooksTest : public HttpTest {
 protected:
  void Open(bool with_doors = true) {
    AddWebhookRoutes(routes, with_doors ? &door : nullptr);
    AddGithubHookRoute(routes, {.secrets = {{"kestra-gh", kSecret}}, .door = with_doors ? &door : nullptr}, metrics);
    Start();
  }
  ~HooksTest() override { server.reset(); }

  static std::string Signed(const std::string& event, const std::string& body) {
    return "X-GitHub-Event: " + event +
           "\r\nX-GitHub-Delivery: guid-1\r\nContent-Type: application/json\r\nX-Hub-Signature-256: sha256=" +
           HmacSha256Hex(kSecret, body) + "\r\n";
  }
  RawResponse Deliver(const std::string& event, const std::string& body) {
    return Ask("POST", kHook, Signed(event, body), body);
  }
  bool Counted(const std::string& result, int count) {
    return metrics.Expose().find("headrace_github_deliveries_total{result=\"" + result + "\"} " +
                                        std::to_string(count) + "\n") != std::string::npos;
  }

  NotingDoor door;
};

// ---- flows ----

TEST_F(HooksTest, AWebhookBecomesACall) {
  Open();
  const RawResponse response =
      Ask("POST", "/api/v1/main/executions/webhook/company.team/my-flow/a%20key?x=1&y=%C3%A9&x=2",
          "X-One: a\r\nx-one: b\r\nContent-Type: application/json\r\n", R"({"a": [1, 2.5]})");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, R"({"id":"e1"})");
  EXPECT_EQ(response.header("X-Headrace-Execution-Id"), "e1");
  ASSERT_EQ(door.calls.size(), 1U);
  const WebhookCall& call = door.calls[0];
  EXPECT_EQ(call.ns + " " + call.flow_id + " " + call.key + " " + call.method, "company.team my-flow a key POST");
  EXPECT_EQ(call.body, R"({"a": [1, 2.5]})");
  EXPECT_EQ(ToJson(call.variables.at("body")), R"({"a":[1,2.5]})");
  EXPECT_EQ(ToJson(call.variables.at("parameters")), R"({"x":["1","2"],"y":["é"]})");
  EXPECT_EQ(call.headers.at("X-One"), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(ToJson(call.variables.at("headers").at("Content-Type")), R"(["application/json"])");
}

TEST_F(HooksTest, AllMethodsWithAndWithoutTenant) {
  Open();
  for (const char* method : {"POST", "GET", "PUT"}) {
    EXPECT_EQ(Ask(method, "/api/v1/executions/webhook/n/f/k").status, 200) << method;
    EXPECT_EQ(Ask(method, "/api/v1/main/executions/webhook/n/f/k").status, 200) << method;
  }
  EXPECT_EQ(door.calls.size(), 6U);
  // A preview of a link must start nothing.
  EXPECT_EQ(Ask("HEAD", "/api/v1/executions/webhook/n/f/k").status, 405);
  EXPECT_EQ(Ask("DELETE", "/api/v1/executions/webhook/n/f/k").header("Allow"), "GET, POST, PUT");
  for (const char* target :
       {"/api/v1/executions/webhook/n/f/k/", "/api/v1/executions/webhook/n/f/k/more", "/api/v1/executions/webhook/n/f",
        "/api/v1/executions/webhook/n/f/a%2Fb", "/api/v1/a/b/executions/webhook/n/f/k"}) {
    EXPECT_EQ(Ask("POST", target).status, 404) << target;
  }
  EXPECT_EQ(Ask("POST", "/api/v1/executions/webhook/n/f/" + std::string(257, 'k')).status, 404);
  EXPECT_EQ(door.calls.size(), 6U);
}

TEST_F(HooksTest, BodiesAreJsonOrText) {
  Open();
  const auto body = [&](const std::string& bytes) {
    Ask("POST", "/api/v1/executions/webhook/n/f/k", "", bytes);
    std::lock_guard lock(door.mutex);
    const Object& variables = door.calls.back().variables;
    return variables.contains("body") ? ToJson(variables.at("body")) : "absent";
  };
  EXPECT_EQ(body(R"([1])"), "[1]");
  EXPECT_EQ(body("{}"), "{}");
  EXPECT_EQ(body("a=b&c=d"), R"("a=b&c=d")");
  EXPECT_EQ(body("12"), R"("12")");
  EXPECT_EQ(body("\"text\""), R"("\"text\"")");
  EXPECT_EQ(body("{broken"), R"("{broken")");
  EXPECT_EQ(body("\xff!"), "\"\xEF\xBF\xBD!\"");
  EXPECT_EQ(body(""), "absent");
}

TEST_F(HooksTest, TheDoorSaysTheStatus) {
  Open();
  const auto answer = [&](WebhookAnswer given) {
    {
      std::lock_guard lock(door.mutex);
      door.answer = std::move(given);
    }
    return Ask("POST", "/api/v1/executions/webhook/n/f/k");
  };
  EXPECT_EQ(answer({.status = 404, .body = "Webhook not found"}).status, 404);
  const RawResponse conflict = answer({.status = 409, .body = "the flow is disabled"});
  EXPECT_EQ(conflict.status, 409);
  EXPECT_NE(conflict.body.find(R"("detail":"the flow is disabled")"), std::string::npos);
  EXPECT_EQ(answer({.status = 500, .body = Object{{"state", "FAILED"}}}).body, R"({"state":"FAILED"})");
  const RawResponse text = answer({.status = 202, .content_type = "text/plain", .body = "hi"});
  EXPECT_EQ(text.status, 202);
  EXPECT_EQ(text.body, "hi");
  EXPECT_EQ(text.header("Content-Type"), "text/plain; charset=utf-8");
  EXPECT_EQ(answer({.content_type = "text/html\r\nX: y", .body = "<b>"}).header("Content-Type"), "application/json");
  EXPECT_EQ(answer({.status = 7}).status, 500);
  EXPECT_EQ(answer({.status = 204}).status, 204);
}

TEST_F(HooksTest, LargeBodiesUpToAMebibyte) {
  Open();
  EXPECT_EQ(Ask("POST", "/api/v1/executions/webhook/n/f/k", "", std::string(1U << 20U, 'a')).status, 200);
  EXPECT_EQ(door.calls[0].body.size(), 1U << 20U);
  RawClient client(port());
  client.Send("POST /api/v1/executions/webhook/n/f/k HTTP/1.1\r\nHost: a\r\nContent-Length: 1048577\r\n\r\n");
  EXPECT_EQ(client.Read().status, 413);
}

TEST_F(HooksTest, WithoutADoorTheyAreUnavailable) {
  Open(false);
  const RawResponse response = Ask("POST", "/api/v1/executions/webhook/n/f/k");
  EXPECT_EQ(response.status, 503);
  EXPECT_NE(response.body.find("no webhook triggers"), std::string::npos);
  EXPECT_EQ(Deliver("push", "{}").status, 503);
  EXPECT_TRUE(Counted("unavailable", 1));
}

// ---- GitHub ----

TEST(Hmac, IsGithubsOwnVector) {
  EXPECT_EQ(HmacSha256Hex(kSecret, "Hello, World!"),
            "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17");
  EXPECT_TRUE(EqualInConstantTime("abc", "abc"));
  EXPECT_FALSE(EqualInConstantTime("abc", "abd"));
  EXPECT_FALSE(EqualInConstantTime("abc", "ab"));
}

TEST_F(HooksTest, ADeliveryIsTakenAsItCame) {
  Open();
  const std::string body = R"({ "action" : "completed" })";
  EXPECT_EQ(Deliver("workflow_run", body).status, 202);
  ASSERT_EQ(door.deliveries.size(), 1U);
  const GithubDelivery& delivery = door.deliveries[0];
  EXPECT_EQ(delivery.connection + " " + delivery.event + " " + delivery.guid + " " + delivery.body,
            "kestra-gh workflow_run guid-1 " + body);
  EXPECT_TRUE(delivery.verified);
  EXPECT_TRUE(Counted("accepted", 1));
}

TEST_F(HooksTest, WithoutTheRightSignatureNothingIsRead) {
  Open();
  // Not even JSON: were it parsed first, the answer would be another.
  const std::string body = "{not json";
  const std::string right = HmacSha256Hex(kSecret, body);
  const std::string common = "X-GitHub-Event: push\r\nX-GitHub-Delivery: g\r\nContent-Type: application/json\r\n";
  std::string upper = right;
  for (char& c : upper) c = static_cast<char>(std::toupper(c));
  for (const std::string& header : std::vector<std::string>{
           std::string(), "X-Hub-Signature-256: sha256=" + std::string(64, '0'), "X-Hub-Signature-256: " + right,
           "X-Hub-Signature-256: sha256=", "X-Hub-Signature-256: sha1=" + right, "X-Hub-Signature: sha256=" + right,
           "X-Hub-Signature-256: sha256=" + right + "0", "X-Hub-Signature-256: sha256=" + right.substr(1),
           "X-Hub-Signature-256: sha256=" + upper, "X-Hub-Signature-256: sha256=" + HmacSha256Hex("", body),
           "X-Hub-Signature-256: sha256=" + HmacSha256Hex(kSecret, body + " ")}) {
    EXPECT_EQ(Ask("POST", kHook, common + (header.empty() ? "" : header + "\r\n"), body).status, 401) << header;
  }
  EXPECT_TRUE(Counted("bad_signature", 11));
  EXPECT_TRUE(door.deliveries.empty());
  EXPECT_EQ(Ask("POST", kHook, common + "X-Hub-Signature-256: sha256=" + right + "\r\n", body).status, 400);
}

TEST_F(HooksTest, WhatNobodyWaitsForIsSettledHere) {
  Open();
  const RawResponse unknown = Deliver("star", "{}");
  EXPECT_EQ(unknown.status, 204);
  EXPECT_EQ(unknown.body, "");
  EXPECT_EQ(Deliver("ping", R"({"zen":"x"})").status, 200);
  EXPECT_EQ(Deliver("workflow_job", R"({"workflow_job":null})").status, 200);
  EXPECT_TRUE(Counted("unknown_event", 1));
  EXPECT_TRUE(Counted("ignored", 2));
  EXPECT_TRUE(door.deliveries.empty());
  EXPECT_EQ(Deliver("workflow_job", R"({"workflow_job":{"id":1}})").status, 202);
}

TEST_F(HooksTest, WhatCannotBeTakenIsSaid) {
  Open();
  EXPECT_EQ(Ask("POST", "/api/v1/hooks/github/other", Signed("push", "{}"), "{}").status, 404);
  EXPECT_EQ(Ask("GET", kHook).status, 405);
  EXPECT_EQ(Deliver("push", "[]").status, 400);
  const std::string signature = "X-Hub-Signature-256: sha256=" + HmacSha256Hex(kSecret, "{}") + "\r\n";
  EXPECT_EQ(
      Ask("POST", kHook,
          signature +
              "X-GitHub-Event: push\r\nX-GitHub-Delivery: g\r\nContent-Type: application/x-www-form-urlencoded\r\n",
          "{}")
          .status,
      415);
  EXPECT_EQ(Ask("POST", kHook, signature + "X-GitHub-Event: push\r\nContent-Type: application/json\r\n", "{}").status,
            400);
  EXPECT_EQ(
      Ask("POST", kHook, signature + "X-GitHub-Delivery: g\r\nContent-Type: application/json; charset=utf-8\r\n", "{}")
          .status,
      400);
  EXPECT_TRUE(Counted("refused", 4));
  door.taken = Fail(Code::kUnavailable, "the store at /secret/place");
  const RawResponse later = Deliver("push", "{}");
  EXPECT_EQ(later.status, 503);
  EXPECT_EQ(later.header("Retry-After"), "1");
  EXPECT_EQ(later.body.find("/secret"), std::string::npos);
}

TEST(HookSecrets, AreReadFromLines) {
  const auto secrets = ParseHookSecrets("# ours\nkestra-gh  It's a Secret to Everybody \n\nother\tx\n", "f");
  ASSERT_TRUE(secrets.has_value());
  EXPECT_EQ(secrets->at("kestra-gh"), kSecret);
  EXPECT_EQ(secrets->at("other"), "x");
  for (const char* text : {"", "name\n", "a b\na c\n"}) EXPECT_FALSE(ParseHookSecrets(text, "f").has_value()) << text;
}

}  // namespace
}  // namespace headrace::api::http
