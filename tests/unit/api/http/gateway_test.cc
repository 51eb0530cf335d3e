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

  api::testing::FakeEngine engine;
  GatewayOptions options;
  std::unique_ptr<Gateway> gateway;
};

std::string TableOf(const Router& router) {
  std::string out;
  for (const Route& route : router.routes())
    out += route.method + " " + route.pattern + " " + std::string(RoleName(route.access)) + "\n";
  return out;
}

// A new route stands here with its access, or this fails: nobody opens one by accident.
TEST_F(GatewayTest, EveryRouteAndItsAccess) {
  Metrics metrics("v", "r");
  SystemView view{engine, metrics, "v", "r"};
  const std::string system =
      "GET /health/live public\n"
      "GET /health/started public\n"
      "GET /health/ready public\n"
      "GET /health public\n"
      "GET /info viewer\n"
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
  Metrics metrics("v", "r");
  SystemView view{engine, metrics, "v", "r"};
  for (const Router& router : {MainRoutes(options, view, metrics), ManagementRoutes(view)}) {
    for (const Route& route : router.routes()) {
      if (route.access == Role::kPublic) continue;
      EXPECT_EQ(Main(route.method, route.pattern).status, 401) << route.pattern;
      EXPECT_EQ(Main(route.method, route.pattern, "Authorization: Bearer 0123456789abcdef\r\n").status, 200)
          << route.pattern;
      // What once opened others' doors: an ending that another route has.
      for (const char* more : {"/", "/health", ";/health", "%2Fhealth", "/../health", "?/health"}) {
        const int status = Main(route.method, route.pattern + more).status;
        EXPECT_TRUE(status == 400 || status == 401 || status == 404) << route.pattern << more;
      }
    }
  }
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

// A rename breaks dashboards and alerts: it is a change of the API.
TEST_F(GatewayTest, MetricsHaveTheseNames) {
  engine.workers = {{.id = WorkerId("a"), .capacity = 8, .running = 3},
                    {.id = WorkerId("b"), .capacity = 4, .running = 1, .draining = true}};
  Start();
  EXPECT_EQ(Management("/health/live").status, 200);
  RawResponse page = Management("/metrics");
  // A request is counted when its last byte is written, which its reader may be ahead of.
  while (page.body.find("/health/live") == std::string::npos) page = Management("/metrics");
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(page.header("Content-Type"), "text/plain; version=0.0.4; charset=utf-8");
  std::set<std::string> names;
  std::istringstream lines(page.body);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("# TYPE ")) names.insert(line.substr(7));
  }
  EXPECT_EQ(names, (std::set<std::string>{
                       "headrace_build_info gauge", "headrace_github_deliveries_total counter",
                       "headrace_http_connections gauge", "headrace_http_connections_refused_total counter",
                       "headrace_http_request_duration_seconds histogram", "headrace_http_requests_total counter",
                       "headrace_sse_clients gauge", "headrace_worker_slots gauge", "headrace_workers gauge",
                       "process_cpu_seconds_total counter", "process_max_fds gauge", "process_open_fds gauge",
                       "process_resident_memory_bytes gauge", "process_start_time_seconds gauge",
                       "process_threads gauge", "process_virtual_memory_bytes gauge"}));
  for (const char* line : {"headrace_build_info{role=\"standalone\",version=\"1.2.3\"} 1\n",
                           "headrace_workers{state=\"active\"} 1\n", "headrace_workers{state=\"draining\"} 1\n",
                           "headrace_worker_slots{state=\"busy\"} 4\n", "headrace_worker_slots{state=\"free\"} 5\n",
                           "headrace_http_requests_total{code=\"200\",method=\"GET\",route=\"/health/live\"} 1\n"}) {
    EXPECT_NE(page.body.find(line), std::string::npos) << line << page.body;
  }
}

TEST_F(GatewayTest, MetricsAreOfPatternsNotOfPaths) {
  Start();
  for (const char* target : {"/api/v1/executions/webhook/n/f/secret-key", "/no/such/path-1", "/no/such/path-2"})
    Main("GET", target);
  Main("PROPFIND", "/x");
  std::string page = Management("/metrics").body;
  while (page.find("other") == std::string::npos) page = Management("/metrics").body;
  EXPECT_EQ(page.find("secret-key"), std::string::npos);
  EXPECT_EQ(page.find("path-1"), std::string::npos);
  EXPECT_NE(page.find("route=\"/api/v1/executions/webhook/{ns:id}/{flow:id}/{key:text}\""), std::string::npos);
  EXPECT_NE(page.find("headrace_http_requests_total{code=\"404\",method=\"GET\",route=\"none\"} 2"), std::string::npos);
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
