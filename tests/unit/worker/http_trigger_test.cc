// The look of http.Trigger, against a real server on loopback: when it fires, and what it says when it does not.
#include "common/model/look_answer.h"
#include "tests/unit/worker/http_server.h"
#include "tests/unit/worker/task_fixture.h"

namespace headrace::worker {
namespace {

std::string Serve(const HttpCall& call) {
  if (call.target == "/price") return HttpServer::Answer(200, "application/json", R"({"price":100})", "X-One: a\r\n");
  if (call.target == "/404") return HttpServer::Answer(404, "text/plain", "none");
  if (call.target == "/500") return HttpServer::Answer(500, "text/plain", "broken");
  return HttpServer::Answer(200, "text/plain", call.method + call.body);
}

class HttpTriggerTest : public TaskTest {
 protected:
  HttpTriggerTest() : server(Serve) { options_.http_allow = {"127.0.0.0/8"}; }
  Ran Look(const std::string& path, const std::string& condition = "", const std::string& type = "io.kestra.plugin.core.http.Trigger") {
    Object properties{{"uri", server.Uri(path)}, {"interval", "PT1M"}};
    if (!condition.empty()) properties["responseCondition"] = condition;
    return Run(type, properties);
  }
  HttpServer server;
};

TEST_F(HttpTriggerTest, AnAnswerThatIsWellFiresWithTheOutputsOfARequest) {
  const Ran ran = Look("/price");
  ASSERT_EQ(ran.state, State::kSuccess) << ran.message;
  EXPECT_EQ(ran.Out("fires"), "true");
  EXPECT_EQ(ran.Out("variables.code"), "200");
  EXPECT_EQ(ran.Out("variables.body"), R"({"price":100})");
  EXPECT_EQ(ran.Out("variables.headers.X-One"), R"(["a"])");
  EXPECT_EQ(ran.Out("variables.uri"), server.Uri("/price"));
  EXPECT_EQ(Look("/price", "", "io.kestra.plugin.fs.http.Trigger").Out("fires"), "true");
}

TEST_F(HttpTriggerTest, TheConditionDecidesWhateverTheStatusIs) {
  EXPECT_EQ(Look("/price", "{{ json(response.body).price < 100 }}").Out("fires"), "false");
  EXPECT_EQ(Look("/price", "{{ json(response.body).price <= 100 }}").Out("fires"), "true");
  EXPECT_EQ(Look("/404", "{{ response.statusCode == 404 }}").Out("fires"), "true");
  EXPECT_EQ(Look("/price", "{{ response.headers['X-One'][0] == 'a' }}").Out("fires"), "true");
}

TEST_F(HttpTriggerTest, WhatIsWorthAWordIsSaid) {
  EXPECT_EQ(Look("/500").Out("fires"), "false");
  EXPECT_EQ(Look("/500").Out("problem"), "the answer's status is 500");
  EXPECT_EQ(Look("/404").Out("problem"), "the answer's status is 404");
  EXPECT_EQ(Look("/404", "{{ response.statusCode == 200 }}").Out("problem"), "(none)");
  const Ran broken = Look("/price", "{{ response.nothing.here }}");
  EXPECT_EQ(broken.state, State::kFailed);
  EXPECT_NE(broken.message.find("responseCondition"), std::string::npos) << broken.message;
  EXPECT_EQ(Run("io.kestra.plugin.core.http.Trigger", Object{{"uri", "ftp://x"}}).state, State::kFailed);
}

TEST_F(HttpTriggerTest, ItIsNoTaskOfAFlow) {
  for (const model::TaskTypeSpec& spec : TaskTypeSpecs()) {
    EXPECT_NE(spec.type, "io.kestra.plugin.core.http.Trigger");
    EXPECT_NE(spec.type, "headrace.github.WorkflowRunTrigger");
  }
}

}  // namespace
}  // namespace headrace::worker
