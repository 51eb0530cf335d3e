// Both ports over a scripted engine: every route with its access, health, metrics.
#include "api/http/gateway.h"

#include <gtest/gtest.h>

#include <set>
#include <sstream>

#include "api/http/system_routes.h"
#include "tests/unit/api/fake_engine.h"
#include "tests/unit/api/http/raw_client.h"

namespace headrace::api::http {
namespace {

using testing::RawClient;
using testing::RawResponse;

class GatewayTest : public ::testing::Test {
 protected:
  void Start() {
    options.port = 0;
    options.management_port = 0;
    options.version = "1.2.3";
    options.role = "standalone";
    auto started = Gateway::Start(options, engine);
    ASSERT_TRUE(started.has_value()) << started.error().ToString();
    gateway = std::move(*started);
  }
  static int PortOf(const std::string& address) { return std::atoi(address.substr(address.rfind(':') + 1).c_str()); }
  RawResponse Main(const std::string& method, const std::string& target, const std::string& headers = "") {
    return RawClient(PortOf(gateway->address())).Ask(method, target, headers);
  }
  RawResponse Management(const std::string& target) {
    return RawClient(PortOf(gateway->management_address())).Ask("GET", target);
  }
  // check(route) for every route of both ports that is not for everybody.
  template <typename Check>
  void ForEachGuarded(Check check) {
    Metrics metrics("v", "r");
    SystemView view{.metrics = metrics, .version = "v", .role = "r"};
    for (const Router& router : {MainRoutes(options, view, metrics), ManagementRoutes(view)})
      for (const Route& route : router.routes())
        if (route.access != Role::kPublic) check(route);
  }

  api::testing::FakeEngine engine;
  GatewayOptions options;
  std::unique_ptr<Gateway> gateway;
};

std::string TableOf(const Router& router) {
  std::string out;
  for (const Route& route : router.routes())
    out += route.method + " " + route.pattern + " " + std::string(RoleName(route.access)) + (route.limits.inside ? " inside" : "") + "\n";
  return out;
}

// A new route stands here with its access, or this fails: nobody opens one by accident. One that is not "inside" is for no token that
// is bound to namespaces.
TEST_F(GatewayTest, EveryRouteAndItsAccess) {
  Metrics metrics("v", "r");
  SystemView view{.metrics = metrics, .version = "v", .role = "r"};
  const std::string system =
      "GET /health/live public\n"
      "GET /health/started public\n"
      "GET /health/ready public\n"
      "GET /health public\n"
      "GET /info viewer inside\n"
      "GET /metrics viewer\n";
  EXPECT_EQ(TableOf(ManagementRoutes(view)), system);
  EXPECT_EQ(TableOf(MainRoutes(options, view, metrics)),
            system +
                "POST /api/v1/{tenant:id}/executions/webhook/{ns:id}/{flow:id}/{key:text} public\n"
                "GET /api/v1/{tenant:id}/executions/webhook/{ns:id}/{flow:id}/{key:text} public\n"
                "PUT /api/v1/{tenant:id}/executions/webhook/{ns:id}/{flow:id}/{key:text} public\n"
                "POST /api/v1/executions/webhook/{ns:id}/{flow:id}/{key:text} public\n"
                "GET /api/v1/executions/webhook/{ns:id}/{flow:id}/{key:text} public\n"
                "PUT /api/v1/executions/webhook/{ns:id}/{flow:id}/{key:text} public\n"
                "POST /api/v1/hooks/github/{connection:id} public\n");
}

TEST_F(GatewayTest, WithoutATokenNoRouteButThePublicOnesAnswers) {
  options.authenticator = *ParseTokens("0123456789abcdef ann viewer\n", "t");
  Start();
  ForEachGuarded([&](const Route& route) {
    EXPECT_EQ(Main(route.method, route.pattern).status, 401) << route.pattern;
    EXPECT_EQ(Main(route.method, route.pattern, "Authorization: Bearer 0123456789abcdef\r\n").status, 200) << route.pattern;
    // What once opened others' doors: an ending that another route has.
    for (const char* more : {"/", "/health", ";/health", "%2Fhealth", "/../health", "?/health"}) {
      const int status = Main(route.method, route.pattern + more).status;
      EXPECT_TRUE(status == 400 || status == 401 || status == 404) << route.pattern << more;
    }
  });
}

TEST_F(GatewayTest, ATokenOfANamespaceGetsOnlyWhatIsInside) {
  options.authenticator = *ParseTokens("0123456789abcdef ann admin team\n", "t");
  Start();
  ForEachGuarded([&](const Route& route) {
    EXPECT_EQ(Main(route.method, route.pattern, "Authorization: Bearer 0123456789abcdef\r\n").status, route.limits.inside ? 200 : 403)
        << route.pattern;
  });
}

TEST_F(GatewayTest, LiveAsksNobodyAndReadyAsksTheEngine) {
  engine.settled = Fail(Code::kUnavailable, "disk full at /secret/place");
  Start();
  for (const char* target : {"/health/live", "/health/started"}) {
    EXPECT_EQ(Management(target).status, 200) << target;
    EXPECT_EQ(Main("GET", target).body, R"({"status":"UP"})") << target;
  }
  EXPECT_EQ(engine.settles, 0);
  for (const char* target : {"/health", "/health/ready"}) {
    const RawResponse response = Management(target);
    EXPECT_EQ(response.status, 503) << target;
    EXPECT_EQ(response.body.find("/secret"), std::string::npos);
  }
  engine.settled = {};
  EXPECT_EQ(Management("/health/ready").status, 200);
  gateway->Drain();
  EXPECT_EQ(Management("/health/ready").status, 503);
  EXPECT_EQ(Management("/health/live").status, 200);
}

TEST_F(GatewayTest, OneWhoseLoopHangsIsNotAlive) {
  engine.stuck_for = std::chrono::seconds(59);
  Start();
  EXPECT_EQ(Management("/health/live").status, 200);
  engine.stuck_for = std::chrono::seconds(75);
  const RawResponse response = Management("/health/live");
  EXPECT_EQ(response.status, 503);
  EXPECT_EQ(response.body, R"({"status":"DOWN","missing":["this process: its loop hangs for 75 s"]})");
}

TEST_F(GatewayTest, InfoSaysWhatThisIs) {
  Start();
  const Value info = *ParseJson(Management("/info").body);
  EXPECT_EQ(Member(info, "version")->as_string(), "1.2.3");
  EXPECT_EQ(Member(info, "role")->as_string(), "standalone");
}

TEST_F(GatewayTest, ManagementHasNoWebhooks) {
  Start();
  EXPECT_EQ(Management("/api/v1/executions/webhook/n/f/k").status, 404);
  EXPECT_EQ(Main("GET", "/api/v1/executions/webhook/n/f/k").status, 503);
}

// docs/metrics.md holds their names; metric_list_test.cc holds the page to it.
TEST_F(GatewayTest, MetricsSayWhatTheEngineSaysOfItself) {
  engine.workers = {{.id = WorkerId("a"), .capacity = 8, .running = 3},
                    {.id = WorkerId("b"), .capacity = 4, .running = 1, .draining = true}};
  engine.sample.queues = {{.group = "", .waiting = 7, .running = 4, .oldest = std::chrono::milliseconds(1500)}, {.group = "gpu"}};
  engine.sample.executions = {{model::State::kRunning, 5}};
  engine.sample.partitions = 86;
  engine.sample.owed = 2;
  Start();
  EXPECT_EQ(Management("/health/live").status, 200);
  RawResponse page = Management("/metrics");
  // A request is counted when its last byte is written, which its reader may be ahead of.
  while (page.body.find("/health/live") == std::string::npos) page = Management("/metrics");
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(page.header("Content-Type"), "text/plain; version=0.0.4; charset=utf-8");
  for (const char* line : {"headrace_build_info{role=\"standalone\",version=\"1.2.3\"} 1\n",
                           "headrace_workers{state=\"active\"} 1\n", "headrace_workers{state=\"draining\"} 1\n",
                           "headrace_scheduler_slots{state=\"busy\"} 4\n", "headrace_scheduler_slots{state=\"free\"} 5\n",
                           "headrace_queue_depth{queue=\"default\"} 7\n", "headrace_queue_depth{queue=\"gpu\"} 0\n",
                           "headrace_queue_running{queue=\"default\"} 4\n",
                           "headrace_queue_oldest_age_seconds{queue=\"default\"} 1.5\n",
                           "headrace_executions{state=\"RUNNING\"} 5\n", "headrace_scheduler_partitions 86\n",
                           "headrace_outbox_owed 2\n", "headrace_triggers_late_total 0\n",
                           "headrace_http_requests_total{code=\"200\",method=\"GET\",route=\"/health/live\"} 1\n"}) {
    EXPECT_NE(page.body.find(line), std::string::npos) << line << page.body;
  }
}

TEST_F(GatewayTest, ReadinessNamesWhatIsMissing) {
  std::vector<std::string> missing = {"store: Redis does not answer"};
  options.missing = [&] { return missing; };
  Start();
  RawResponse response = Management("/health/ready");
  EXPECT_EQ(response.status, 503);
  EXPECT_EQ(response.body, R"({"status":"DOWN","missing":["store: Redis does not answer"]})");
  EXPECT_EQ(engine.settles, 0) << "what is known already is not asked of the engine";
  missing.clear();
  engine.settled = Fail(Code::kDeadlineExceeded, "no answer");
  response = Management("/health/ready");
  EXPECT_EQ(response.status, 503);
  EXPECT_NE(response.body.find(R"("engine: it does not answer)"), std::string::npos) << response.body;
  EXPECT_EQ(Management("/health/live").status, 200);
}

TEST_F(GatewayTest, ManagementListensForOthersOnlyWithTokens) {
  options.management_host = "0.0.0.0";
  options.port = std::nullopt;
  options.management_port = 0;
  auto refused = Gateway::Start(options, engine);
  ASSERT_FALSE(refused.has_value());
  EXPECT_NE(refused.error().message.find("--token-file"), std::string::npos) << refused.error().message;
  options.authenticator = *ParseTokens("0123456789abcdef ann viewer\n", "t");
  auto started = Gateway::Start(options, engine);
  ASSERT_TRUE(started.has_value()) << started.error().ToString();
  RawClient client(PortOf((*started)->management_address()));
  EXPECT_EQ(client.Ask("GET", "/health/ready").status, 200);
  EXPECT_EQ(RawClient(PortOf((*started)->management_address())).Ask("GET", "/metrics").status, 401);
}

TEST_F(GatewayTest, MetricsAreOfPatternsNotOfPaths) {
  Start();
  for (const char* target : {"/api/v1/executions/webhook/n/f/secret-key", "/no/such/path-1", "/no/such/path-2"})
    Main("GET", target);
  Main("PROPFIND", "/x");
  std::string page = Management("/metrics").body;
  // Each is counted when its last byte is written, which its reader may be ahead of.
  const std::string twice = "headrace_http_requests_total{code=\"404\",method=\"GET\",route=\"none\"} 2";
  while (page.find("{code=\"501\",method=\"other\"") == std::string::npos || page.find(twice) == std::string::npos) page = Management("/metrics").body;
  EXPECT_EQ(page.find("secret-key"), std::string::npos);
  EXPECT_EQ(page.find("path-1"), std::string::npos);
  EXPECT_NE(page.find("route=\"/api/v1/executions/webhook/{ns:id}/{flow:id}/{key:text}\""), std::string::npos);
  EXPECT_NE(page.find("{code=\"501\",method=\"other\",route=\"none\"} 1"), std::string::npos);
}

TEST_F(GatewayTest, PortsThatAreOffAreNotServed) {
  options.port = std::nullopt;
  options.management_port = std::nullopt;
  const auto started = Gateway::Start(options, engine);
  ASSERT_TRUE(started.has_value());
  EXPECT_EQ((*started)->address() + (*started)->management_address(), "");
}

TEST_F(GatewayTest, APortThatCannotBeHadNamesItsOption) {
  Start();
  GatewayOptions second;
  second.port = 0;
  second.management_port = PortOf(gateway->management_address());
  const auto started = Gateway::Start(second, engine);
  ASSERT_FALSE(started.has_value());
  EXPECT_TRUE(started.error().message.starts_with("--management-port: ")) << started.error().message;
}

}  // namespace
}  // namespace headrace::api::http
