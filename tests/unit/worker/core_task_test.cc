// The tasks without a process, runIf, secrets, and the registry.
#include "tests/unit/worker/task_fixture.h"

namespace headrace::worker {
namespace {

using CoreTask = TaskTest;

TEST_F(CoreTask, LogWritesOneMessageOrEach) {
  const Ran one = Run("io.kestra.plugin.core.log.Log", Json(R"({"message":"Hello {{ inputs.name }}","level":"WARN"})"),
                      R"({"inputs":{"name":"Ada"}})");
  EXPECT_EQ(one.state, State::kSuccess);
  EXPECT_EQ(one.Lines("WARN"), "Hello Ada\n");
  const Ran list = Run("io.kestra.core.tasks.log.Log", Json(R"({"message":["a","{{ 1 + 1 }}"]})"));
  EXPECT_EQ(list.Lines("INFO"), "a\n2\n");
  EXPECT_EQ(Run("io.kestra.plugin.core.log.Log", Json(R"({"message":"x","level":"LOUD"})")).state, State::kFailed);
}

TEST_F(CoreTask, LogLevelOfTheTaskKeepsTheLowerOnesOut) {
  log_level_ = "WARN";
  const Ran ran = Run("io.kestra.plugin.core.log.Log", Json(R"({"message":"x"})"));
  EXPECT_TRUE(ran.logs.empty());
}

TEST_F(CoreTask, UndefinedVariableFailsWithKestrasPhraseInTheLog) {
  const Ran ran = Run("io.kestra.plugin.core.debug.Return", Json(R"({"format":"{{ inputs.nope }}"})"), R"({"inputs":{}})");
  EXPECT_EQ(ran.state, State::kFailed);
  EXPECT_NE(ran.message.find("Unable to find `"), std::string::npos) << ran.message;
  EXPECT_EQ(ran.Lines("ERROR"), ran.message + "\n");
}

TEST_F(CoreTask, ReturnGivesItsTextOrNothing) {
  EXPECT_EQ(ToJson(Run("io.kestra.plugin.core.debug.Return", Json(R"({"format":"v{{ 1 + 2 }}"})")).outputs), R"({"value":"v3"})");
  EXPECT_EQ(ToJson(Run("io.kestra.plugin.core.debug.Return", Json("{}")).outputs), R"({"value":null})");
}

TEST_F(CoreTask, OutputValuesKeepTheirTypesAndRenderTexts) {
  const Ran ran = Run("io.kestra.plugin.core.output.OutputValues",
                      Json(R"({"values":{"n":"{{ inputs.n }}","t":"n={{ inputs.n }}","l":[1,"{{ inputs.l }}"]}})"),
                      R"({"inputs":{"n":7,"l":[true]}})");
  EXPECT_EQ(ToJson(ran.outputs), R"({"values":{"n":"7","t":"n=7","l":[1,"[true]"]}})");
}

TEST_F(CoreTask, FailAndAssert) {
  EXPECT_EQ(Run("io.kestra.plugin.core.execution.Fail", Json("{}")).message, "Task failure");
  EXPECT_EQ(Run("io.kestra.plugin.core.execution.Fail", Json(R"({"condition":"{{ 1 > 2 }}"})")).state, State::kSuccess);
  EXPECT_EQ(Run("io.kestra.plugin.core.execution.Fail", Json(R"({"condition":"{{ 2 > 1 }}","errorMessage":"no {{ 1 }}"})")).message, "no 1");
  EXPECT_EQ(Run("io.kestra.plugin.core.execution.Assert", Json(R"({"conditions":["{{ 2 > 1 }}"]})")).state, State::kSuccess);
  const Ran broken = Run("io.kestra.plugin.core.execution.Assert", Json(R"({"conditions":["{{ 2 > 1 }}","{{ 1 > 2 }}"],"errorMessage":"off"})"));
  EXPECT_EQ(broken.state, State::kFailed);
  EXPECT_EQ(broken.message, "off");
}

TEST_F(CoreTask, SleepAsksToBeCalledAgainAndCanBeCancelled) {
  auto job = MakeJob("io.kestra.plugin.core.flow.Sleep", Json(R"({"duration":"PT{{ 5 }}S"})"));
  EXPECT_EQ(job->Step(), Duration(5s));
  EXPECT_FALSE(job->Step());
  EXPECT_EQ(job->TakeResult().outcome, State::kSuccess);
  auto cancelled = MakeJob("io.kestra.plugin.core.flow.Sleep", Json(R"({"duration":"PT5S"})"));
  EXPECT_TRUE(cancelled->Step());
  cancelled->cancel().Cancel(0s, "killed by ada");
  cancelled->EndCancelled();
  const wire::TaskResult result = cancelled->TakeResult();
  EXPECT_EQ(result.outcome, State::kKilled);
  EXPECT_EQ(Run("io.kestra.plugin.core.flow.Sleep", Json(R"({"duration":"soon"})")).state, State::kFailed);
}

TEST_F(CoreTask, UnknownTypeNamesTheNearest) {
  const Ran ran = Run("io.kestra.plugin.core.log.Lag", Json("{}"));
  EXPECT_EQ(ran.state, State::kFailed);
  EXPECT_NE(ran.message.find("did you mean 'io.kestra.plugin.core.log.Log'"), std::string::npos) << ran.message;
}

TEST_F(CoreTask, OutputsThatAreTooLargeFailTheTask) {
  options_.outputs_bytes_max = 100;
  const Ran ran = Run("io.kestra.plugin.core.debug.Return", Json(R"({"format":")" + std::string(200, 'x') + "\"}"));
  EXPECT_EQ(ran.state, State::kFailed);
  EXPECT_TRUE(ran.message.starts_with("OUTPUT_TOO_LARGE")) << ran.message;
  EXPECT_EQ(ToJson(ran.outputs), "{}");
}

TEST_F(CoreTask, SecretsAreMaskedInLogsAndOutputs) {
  const Ran ran = Run("io.kestra.plugin.core.debug.Return", Json(R"({"format":"a {{ secret('GITHUB_TOKEN') }} b"})"));
  EXPECT_EQ(ran.Out("value"), "a ****** b");
  EXPECT_EQ(ran.Lines("DEBUG"), "a ****** b\n");
  const Ran missing = Run("io.kestra.plugin.core.debug.Return", Json(R"({"format":"{{ secret('NOPE') }}"})"));
  EXPECT_NE(missing.message.find("Cannot find secret for key 'NOPE'."), std::string::npos) << missing.message;
  const Ran fails = Run("io.kestra.plugin.core.execution.Fail", Json(R"({"errorMessage":"{{ secret('GITHUB_TOKEN') }}!"})"));
  EXPECT_EQ(fails.message, "******!");
  EXPECT_EQ(fails.Lines("ERROR"), "******!\n");
}

TEST_F(CoreTask, SubkeyOfASecret) {
  options_.environment["HEADRACE_SECRET_DB"] = R"({"user":"ada","password":"lovelace1815"})";
  const Ran ran = Run("io.kestra.plugin.core.output.OutputValues",
                      Json(R"({"values":{"ok":"{{ secret('DB', subkey='password') == 'lovelace1815' }}","p":"{{ secret('DB', subkey='password') }}"}})"));
  EXPECT_EQ(ToJson(ran.outputs), R"({"values":{"ok":"true","p":"******"}})");
  const Ran missing = Run("io.kestra.plugin.core.debug.Return", Json(R"({"format":"{{ secret('DB', subkey='port') }}"})"));
  EXPECT_NE(missing.message.find("Cannot find secret sub-key 'port' in secret 'DB'."), std::string::npos) << missing.message;
}

TEST_F(CoreTask, RunIfIsDecidedHere) {
  run_if_ = "{{ inputs.go }}";
  const Value properties = Json(R"({"message":"ran"})");
  EXPECT_EQ(Run("io.kestra.plugin.core.log.Log", properties, R"({"inputs":{"go":true}})").Lines("INFO"), "ran\n");
  const Ran skipped = Run("io.kestra.plugin.core.log.Log", properties, R"({"inputs":{"go":"0"}})");
  EXPECT_EQ(skipped.state, State::kSkipped);
  EXPECT_TRUE(skipped.logs.empty());
  const Ran broken = Run("io.kestra.plugin.core.log.Log", properties, R"({"inputs":{}})");
  EXPECT_EQ(broken.state, State::kFailed);
  EXPECT_TRUE(broken.message.starts_with("Failed evaluating runIf: ")) << broken.message;
}

TEST_F(CoreTask, PublishTellsMetricsInTheLog) {
  const Ran ran = Run("io.kestra.plugin.core.metric.Publish",
                      Json(R"({"metrics":[{"name":"rows","type":"counter","value":"{{ 2 + 3 }}","tags":{"a":"b"}}]})"));
  EXPECT_EQ(ran.Lines("DEBUG"), "metric rows counter 5 {\"a\":\"b\"}\n");
  EXPECT_EQ(Run("io.kestra.plugin.core.metric.Publish", Json(R"({"metrics":[{"name":"rows"}]})")).state, State::kFailed);
}

TEST(Registry, KnowsTheRunnableTypesOfTheCatalogueAndTheirOldNames) {
  const Registry registry = BuiltInRegistry();
  for (const std::string name :
       {"debug.Echo", "debug.Return", "execution.Assert", "execution.Fail", "flow.Sleep", "flow.WorkingDirectory", "http.Download",
        "http.Request", "http.SseRequest", "kv.Delete", "kv.Get", "kv.GetKeys", "kv.PurgeKV", "kv.Put", "kv.Set", "log.Log",
        "metric.Publish", "namespace.DeleteFiles", "namespace.DownloadFiles", "namespace.PurgeFiles", "namespace.UploadFiles",
        "output.OutputValues", "state.Delete", "state.Get", "state.Set", "storage.Concat", "storage.DeduplicateItems",
        "storage.Delete", "storage.FilterItems", "storage.LocalFiles", "storage.PurgeCurrentExecutionFiles",
        "storage.PurgeExecution", "storage.Reverse", "storage.Size", "storage.Split", "storage.Write", "templating.TemplatedTask"})
    EXPECT_NE(registry.Find("io.kestra.plugin.core." + name), nullptr) << name;
  for (const std::string name :
       {"core.tasks.debugs.Echo", "core.tasks.debugs.Return", "core.tasks.executions.Fail", "core.tasks.flows.WorkingDirectory",
        "core.tasks.flows.Worker", "plugin.fs.http.Download", "plugin.fs.http.Request", "core.tasks.log.Log", "core.tasks.states.Delete",
        "core.tasks.states.Get", "core.tasks.states.Set", "core.tasks.storages.Concat", "core.tasks.storages.DeduplicateItems",
        "core.tasks.storages.Delete", "core.tasks.storages.FilterItems", "core.tasks.storages.LocalFiles",
        "core.tasks.storages.PurgeExecution", "core.tasks.storages.Reverse", "core.tasks.storages.Size", "core.tasks.storages.Split",
        "core.tasks.templating.TemplatedTask", "core.tasks.scripts.Bash", "core.tasks.scripts.Python", "core.tasks.scripts.Node"})
    EXPECT_NE(registry.Find("io.kestra." + name), nullptr) << name;
}

TEST(Registry, SpecsAreCompleteAndFoundByAlias) {
  const Registry registry = BuiltInRegistry();
  EXPECT_EQ(registry.Find("io.kestra.core.tasks.log.Log"), registry.Find("io.kestra.plugin.core.log.Log"));
  EXPECT_EQ(registry.Find("io.kestra.core.tasks.scripts.Bash")->spec.type, "io.kestra.plugin.scripts.shell.Commands");
  EXPECT_EQ(registry.Find("nope"), nullptr);
  for (const auto& spec : TaskTypeSpecs()) {
    EXPECT_FALSE(spec.doc.empty()) << spec.type;
    EXPECT_FALSE(spec.example.empty()) << spec.type;
    for (const auto& property : spec.properties) EXPECT_FALSE(property.doc.empty()) << spec.type << " " << property.name;
  }
}

}  // namespace
}  // namespace headrace::worker
