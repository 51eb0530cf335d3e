// The builder: what a flow becomes, and that its cost follows its size.
#include "common/flow/builder.h"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>

#include "common/base/hash.h"
#include "common/model/for_each_item.h"
#include "tests/unit/flow/sample_catalog.h"

namespace headrace::flow {
namespace {

model::FlowPtr Build(const std::string& source) {
  const auto built = BuildFlow(source, "f.yaml", SampleCatalog());
  EXPECT_TRUE(built) << built.error().ToString();
  return built ? built->flow : nullptr;
}

const std::string kHead = "id: f\nnamespace: a.b\n";

std::vector<std::string> Ids(const model::Flow& flow, const std::vector<model::TaskIndex>& list) {
  std::vector<std::string> ids;
  for (const model::TaskIndex index : list) ids.push_back(flow.task(index).id);
  return ids;
}

using Texts = std::vector<std::string>;

TEST(ReleaseFlows, BuildUnmodified) {
  for (const char* name : {"release-oss", "release-oss-and-ee"}) {
    const std::string path = std::string("tests/data/release-flows/") + name + ".yaml";
    const auto built = LoadFlowFile(path, SampleCatalog());
    ASSERT_TRUE(built) << built.error().ToString();
    ASSERT_EQ(built->size(), 1u);
    EXPECT_EQ(built->front().flow->id, name);
    EXPECT_EQ(built->front().flow->ns, "kestra.engineering.release");
    EXPECT_TRUE(built->front().warnings.empty());
  }
}

TEST(ReleaseFlows, KeepWhatTheLoopSays) {
  const auto built = LoadFlowFile("tests/data/release-flows/release-oss.yaml", SampleCatalog());
  ASSERT_TRUE(built);
  const model::Flow& flow = *built->front().flow;
  EXPECT_EQ(Ids(flow, flow.tasks), (Texts{"update_labels", "start_release", "poll_release_status"}));
  const model::Task& loop = flow.task(flow.tasks[2]);
  EXPECT_EQ(loop.role, model::TaskRole::kFlowable);
  EXPECT_EQ(ToJson(loop.properties),
            R"({"condition":"{{ outputs.check_status_command.exitCode == 0 }}",)"
            R"("failOnMaxReached":true,"checkFrequency":{"interval":"PT5M","maxDuration":"PT6H"}})");
  ASSERT_NE(loop.FindGroup("tasks"), nullptr);
  const model::Task& child = flow.task(loop.FindGroup("tasks")->tasks.at(0));
  EXPECT_EQ(child.id, "check_status_command");
  EXPECT_EQ(child.parent, loop.index);
  EXPECT_TRUE(child.allow_failure);
  EXPECT_EQ(child.properties.at("commands").as_array().size(), 1u);
  EXPECT_EQ(child.line, 42);
  EXPECT_EQ(child.column, 9);
}

Catalog WithForEachItem() {
  const auto text = [](std::string name, bool required) {
    return model::PropertySpec{.name = std::move(name), .kind = model::PropertyKind::kString, .required = required};
  };
  Catalog catalog;
  catalog.Add({.type = "io.kestra.plugin.core.log.Log", .properties = {text("message", true)}});
  catalog.Add({.type = std::string(model::kForEachItem),
               .role = model::TaskRole::kFlowable,
               .properties = {text("items", true), text("namespace", true), text("flowId", true),
                              {.name = "batch", .kind = model::PropertyKind::kObject, .members = {text("rows", false)}},
                              {.name = "inputs", .kind = model::PropertyKind::kMap},
                              {.name = "transmitFailed", .kind = model::PropertyKind::kBoolean},
                              {.name = "errors", .kind = model::PropertyKind::kTaskList, .rendered = false}}});
  return catalog;
}

const std::string kEach =
    "tasks:\n  - id: each\n    type: io.kestra.plugin.core.flow.ForEachItem\n    items: '{{ outputs.w.uri }}'\n"
    "    namespace: a.b\n    flowId: child\n    batch: {rows: 2}\n    inputs: {x: '{{ taskrun.items }}'}\n    transmitFailed: false\n"
    "    logLevel: WARN\n";
const std::string kWrite = "  - {id: w, type: io.kestra.plugin.core.log.Log, message: w}\n";

TEST(BuildFlow, AForEachItemBecomesItsTasks) {
  const std::string after = "  - {id: last, type: io.kestra.plugin.core.log.Log, message: '{{ outputs.each_merge.subflowOutputs }}'}\n";
  const auto built = BuildFlow(kHead + kEach + kWrite + after, "f.yaml", WithForEachItem());
  ASSERT_TRUE(built) << built.error().ToString();
  const model::Flow& flow = *built->flow;
  const model::Task& each = flow.task(flow.tasks.front());
  EXPECT_EQ(Ids(flow, each.FindGroup("tasks")->tasks), (Texts{"each_split", "each_items", "each_merge"}));
  const auto task = [&](const char* id) -> const model::Task& { return flow.task(*flow.FindTask(id)); };
  EXPECT_EQ(ToJson(task("each_split").properties), R"({"rows":"2","from":"{{ outputs.w.uri }}"})");
  EXPECT_EQ(task("each_split").log_level, "WARN");
  EXPECT_EQ(ToJson(task("each_items").properties), R"({"transmitFailed":false})");
  EXPECT_EQ(ToJson(task("each_items/batch").properties), R"({"namespace":"a.b","flowId":"child","inputs":{"x":"{{ taskrun.items }}"}})");
  EXPECT_EQ(task("each_items/batch").parent, task("each_items").index);
  EXPECT_EQ(task("each_items/batch").role, model::TaskRole::kExecutable);
  EXPECT_EQ(task("each_merge/part").role, model::TaskRole::kRunnable);
  EXPECT_EQ(task("each_merge/part").parent, task("each_merge").index);
}

TEST(BuildFlow, TheIdsThatAForEachItemMakesAreTaken) {
  const auto said = [](const std::string& source) {
    const auto built = BuildFlow(kHead + source, "f.yaml", WithForEachItem());
    return built ? std::string() : built.error().ToString();
  };
  const std::string split = "  - {id: each_split, type: io.kestra.plugin.core.log.Log, message: m}\n";
  const std::string behind = said(kEach + kWrite + split);
  EXPECT_NE(behind.find("Duplicate task id with name [each_split]"), std::string::npos) << behind;
  const std::string before = said("tasks:\n" + split + kWrite + kEach.substr(7));
  EXPECT_NE(before.find("Duplicate task id with name [each_split]: a ForEachItem makes a task of this id, and it stands in line 4"),
            std::string::npos)
      << before;
  const std::string unknown = said(kEach + kWrite + "  - {id: l, type: io.kestra.plugin.core.log.Log, message: '{{ outputs.w_merge.x }}'}\n");
  EXPECT_NE(unknown.find("the flow has no task `w_merge`"), std::string::npos) << unknown;
}

TEST(BuildFlow, ReadsEveryPartOfAFlow) {
  const model::FlowPtr flow = Build(
      "id: My.flow_1-x\nnamespace: company.team\nrevision: 7\ndescription: |\n  text\ndisabled: true\n"
      "labels: {team: core, build: 007}\nvariables: {a: 1, nested: {b: '{{ inputs.n }}'}}\n"
      "inputs:\n  - {id: n, type: INT, defaults: 3, min: 1, max: 9, description: d, displayName: N}\n"
      "  - {name: old, type: BOOL, required: false}\n"
      "outputs:\n  - {id: o, type: STRING, value: '{{ inputs.n }}', required: false}\n"
      "concurrency: {limit: 2, behavior: FAIL}\n"
      "retry: {type: random, minInterval: PT1S, maxInterval: PT5S, maxAttempts: 4, behavior: CREATE_NEW_EXECUTION}\n"
      "errors:\n  - {id: e, type: io.kestra.plugin.core.log.Log, message: e}\n"
      "tasks:\n  - {id: t, type: io.kestra.plugin.core.log.Log, message: m}\n"
      "finally:\n  - {id: fin, type: io.kestra.plugin.core.log.Log, message: m}\n"
      "afterExecution:\n  - {id: after, type: io.kestra.plugin.core.log.Log, message: m}\n");
  ASSERT_NE(flow, nullptr);
  EXPECT_EQ(flow->id, "My.flow_1-x");
  EXPECT_EQ(flow->revision, 1);
  EXPECT_EQ(flow->digest, Sha256Hex(flow->source));
  EXPECT_TRUE(flow->disabled);
  EXPECT_EQ(flow->labels, (std::vector<model::Label>{{"team", "core"}, {"build", "007"}}));
  EXPECT_EQ(ToJson(flow->variables), R"({"a":1,"nested":{"b":"{{ inputs.n }}"}})");
  ASSERT_EQ(flow->inputs.size(), 2u);
  EXPECT_EQ(flow->inputs[0].type, "INT");
  EXPECT_EQ(ToJson(flow->inputs[0].extra), R"({"min":1,"max":9})");
  EXPECT_TRUE(flow->inputs[0].has_defaults);
  EXPECT_EQ(flow->inputs[1].id, "old");
  EXPECT_EQ(flow->inputs[1].type, "BOOLEAN");
  EXPECT_FALSE(flow->inputs[1].required);
  EXPECT_EQ(flow->outputs.at(0).type, "STRING");
  EXPECT_FALSE(flow->outputs.at(0).required);
  EXPECT_EQ(flow->concurrency.limit, 2);
  EXPECT_EQ(flow->concurrency.behavior, model::Concurrency::Behavior::kFail);
  ASSERT_TRUE(flow->retry);
  EXPECT_EQ(flow->retry->kind, model::RetryPolicy::Kind::kRandom);
  EXPECT_EQ(flow->retry->max_interval, std::chrono::seconds(5));
  EXPECT_EQ(flow->retry->max_attempts, 4);
  EXPECT_EQ(flow->retry->behavior, model::RetryPolicy::Behavior::kCreateNewExecution);
  EXPECT_EQ(Ids(*flow, flow->errors), Texts{"e"});
  EXPECT_EQ(Ids(*flow, flow->finally), Texts{"fin"});
  EXPECT_EQ(Ids(*flow, flow->after_execution), Texts{"after"});
  EXPECT_EQ(flow->arena.at(0).id, "e");  // in source order
}

TEST(BuildFlow, ReadsTheCommonPropertiesOfATask) {
  const model::FlowPtr flow = Build(
      kHead +
      "workerGroup: {key: general}\ntasks:\n  - id: t\n    type: io.kestra.core.tasks.log.Log\n    message: [a, 1]\n"
      "    description: d\n    allowFailure: true\n    allowWarning: yes\n    runIf: false\n    timeout: '{{ vars.t ?? "
      "\"PT1M\" }}'\n"
      "    logLevel: WARN\n    onWorkerLost: FAIL\n    version: 1.0\n    retry: {type: exponential, interval: PT1S, maxInterval: PT1M, "
      "delayFactor: 3,"
      " maxAttempt: 5, maxDuration: PT1H, warningOnRetry: true}\n"
      "  - id: u\n    type: io.kestra.plugin.core.log.Log\n    message: m\n    workerGroup: gpu\n    timeout: 90\n");
  ASSERT_NE(flow, nullptr);
  const model::Task& task = flow->task(0);
  EXPECT_EQ(task.type, "io.kestra.plugin.core.log.Log");
  EXPECT_TRUE(task.allow_failure);
  EXPECT_TRUE(task.allow_warning);
  EXPECT_EQ(task.run_if, "false");
  EXPECT_EQ(task.timeout, "{{ vars.t ?? \"PT1M\" }}");
  EXPECT_EQ(task.log_level, "WARN");
  EXPECT_EQ(task.on_worker_lost, model::OnWorkerLost::kFail);
  EXPECT_EQ(flow->task(1).on_worker_lost, model::OnWorkerLost::kRetry);
  EXPECT_EQ(task.worker_group, "general");
  EXPECT_EQ(ToJson(task.properties), R"({"message":["a",1]})");
  ASSERT_TRUE(task.retry);
  EXPECT_EQ(task.retry->kind, model::RetryPolicy::Kind::kExponential);
  EXPECT_EQ(task.retry->delay_factor, 3);
  EXPECT_EQ(task.retry->max_attempts, 5);
  EXPECT_EQ(task.retry->max_duration, std::chrono::hours(1));
  EXPECT_TRUE(task.retry->warning_on_retry);
  EXPECT_EQ(flow->task(1).worker_group, "gpu");
  EXPECT_EQ(flow->task(1).timeout, "PT1M30S");
}

TEST(BuildFlow, ADefaultThatIsAnExpressionStandsThereAsIfWritten) {
  Catalog catalog;
  catalog.Add({.type = "a.Task",
               .properties = {{.name = "given", .default_value = "{{ flow.id }}"}, {.name = "absent", .default_value = "{{ trigger.date }}"},
                              {.name = "plain", .default_value = "INFO"}}});
  const auto built = BuildFlow(kHead + "tasks:\n  - id: t\n    type: a.Task\n    given: mine\n", "f.yaml", catalog);
  ASSERT_TRUE(built) << built.error().ToString();
  EXPECT_EQ(ToJson(built->flow->task(0).properties), R"({"given":"mine","absent":"{{ trigger.date }}"})");
}

TEST(BuildFlow, PutsChildrenIntoGroups) {
  const std::string log = ", type: io.kestra.plugin.core.log.Log, message: m";
  const model::FlowPtr flow =
      Build(kHead +
            "tasks:\n  - id: s\n    type: io.kestra.plugin.core.flow.Switch\n    value: x\n    cases:\n"
            "      yes: [{id: a" +
            log + "}, {id: b, disabled: true" + log +
            "}]\n      2: []\n"
            "    defaults: [{id: c" +
            log + "}]\n    errors: [{id: d" + log +
            "}]\n"
            "  - id: off\n    disabled: true\n    type: io.kestra.plugin.core.flow.Sequential\n    tasks: [{id: inner" +
            log + "}]\n");
  ASSERT_NE(flow, nullptr);
  EXPECT_EQ(Ids(*flow, flow->tasks), Texts{"s"});
  const model::Task& task = flow->task(0);
  ASSERT_NE(task.FindGroup("cases.yes"), nullptr);
  EXPECT_EQ(Ids(*flow, task.FindGroup("cases.yes")->tasks), Texts{"a"});
  EXPECT_TRUE(task.FindGroup("cases.yes")->has_disabled);
  ASSERT_NE(task.FindGroup("cases.2"), nullptr);
  EXPECT_EQ(Ids(*flow, task.FindGroup("defaults")->tasks), Texts{"c"});
  EXPECT_FALSE(task.FindGroup("defaults")->has_disabled);
  EXPECT_EQ(Ids(*flow, task.FindGroup("errors")->tasks), Texts{"d"});
  EXPECT_EQ(ToJson(task.properties), R"({"value":"x"})");
  EXPECT_EQ(flow->arena.size(), 7u);
  EXPECT_TRUE(flow->task(*flow->FindTask("off")).disabled);
  EXPECT_EQ(flow->task(*flow->FindTask("inner")).parent, flow->FindTask("off"));
}

TEST(BuildFlow, MergesPluginDefaults) {
  const model::FlowPtr flow =
      Build(kHead +
            "pluginDefaults:\n"
            "  - {type: io.kestra.plugin.core.log, values: {level: WARN, timeout: PT9M, description: by prefix}}\n"
            "  - {type: io.kestra.core.tasks.log.Log, values: {level: ERROR}}\n"
            "  - {type: io.kestra.plugin.scripts, forced: true, values: {env: {A: forced, C: c}, taskRunner: {type: "
            "some.Docker}}}\n"
            "  - {type: some.Docker, values: {pullPolicy: NEVER}}\n"
            "tasks:\n  - {id: a, type: io.kestra.plugin.core.log.Log, message: m}\n"
            "  - {id: b, type: io.kestra.plugin.core.log.Log, message: m, level: DEBUG}\n"
            "  - {id: c, type: io.kestra.plugin.scripts.shell.Script, script: x, env: {A: own, B: b}}\n");
  ASSERT_NE(flow, nullptr);
  EXPECT_EQ(flow->task(0).properties.at("level"), Value("ERROR"));
  EXPECT_EQ(flow->task(0).timeout, "PT9M");
  EXPECT_EQ(flow->task(0).description, "by prefix");
  EXPECT_EQ(flow->task(1).properties.at("level"), Value("DEBUG"));
  EXPECT_EQ(ToJson(flow->task(2).properties.at("env")), R"({"A":"forced","C":"c","B":"b"})");
  EXPECT_EQ(ToJson(flow->task(2).properties.at("taskRunner")), R"({"type":"some.Docker","pullPolicy":"NEVER"})");
}

TEST(BuildFlow, PluginDefaultsCannotMultiplyWithoutEnd) {
  std::string source =
      kHead + "pluginDefaults:\n  - type: io.kestra.plugin.core.log.Log\n    values:\n      message: [";
  for (int i = 0; i < 2000; ++i) source += "x,";
  source += "]\ntasks:\n";
  for (int i = 0; i < 2000; ++i)
    source += "  - {id: t" + std::to_string(i) + ", type: io.kestra.plugin.core.log.Log}\n";
  const auto built = BuildFlow(source, "f.yaml", SampleCatalog());
  ASSERT_FALSE(built);
  EXPECT_NE(built.error().ToString().find("plugin defaults add more than 200000 values"), std::string::npos);
}

TEST(BuildFlow, KeepsTheTextOfUnquotedScalarsForTexts) {
  const model::FlowPtr flow =
      Build(kHead +
            "tasks:\n  - id: s\n    type: io.kestra.plugin.core.flow.Subflow\n    namespace: 1.10\n    flowId: 007\n"
            "    revision: '3'\n    wait: 'true'\n    inputs: {IS_EE: false, n: 1.10, s: '1.10', e: 1e3}\n");
  ASSERT_NE(flow, nullptr);
  EXPECT_EQ(ToJson(flow->task(0).properties), R"({"namespace":"1.10","flowId":"007","revision":3,"wait":true,)"
                                              R"("inputs":{"IS_EE":false,"n":1.1,"s":"1.10","e":1000.0}})");
}

TEST(BuildFlows, GivesEachDocumentItsOwnSourceAndTheFilesLines) {
  const std::string one = "id: a\nnamespace: n\ntasks:\n  - {id: t, type: io.kestra.plugin.core.log.Log, message: m}\n";
  const std::string two = "id: b\nnamespace: n\ntasks:\n  - {id: t, type: io.kestra.plugin.core.log.Log, message: m}\n";
  const auto built = BuildFlows("---\n" + one + "---\n" + two, "f.yaml", SampleCatalog());
  ASSERT_TRUE(built) << built.error().ToString();
  ASSERT_EQ(built->size(), 2u);
  EXPECT_EQ(built->at(0).flow->source, one);
  EXPECT_EQ(built->at(1).flow->source, two);
  EXPECT_EQ(built->at(1).flow->digest, Sha256Hex(two));
  EXPECT_EQ(built->at(1).flow->task(0).line, 10);
}

TEST(LoadFlowFile, NamesTheFileThatIsMissing) {
  const auto built = LoadFlowFile("no/such/flow.yaml", SampleCatalog());
  ASSERT_FALSE(built);
  EXPECT_EQ(built.error().code, Code::kNotFound);
  EXPECT_EQ(built.error().message, "cannot open the flow file no/such/flow.yaml");
}

TEST(BuildFlow, TheSizeLimitIsSaid) {
  const auto built =
      BuildFlow(kHead + "description: " + std::string(10'000'000, 'x') + "\n", "f.yaml", SampleCatalog());
  ASSERT_FALSE(built);
  EXPECT_EQ(built.error().code, Code::kResourceExhausted);
  EXPECT_EQ(built.error().message, "f.yaml has 10000035 bytes; the limit is 5242880");
}

TEST(BuildFlow, TellsAtMostTwoHundredErrors) {
  std::string source = kHead + "tasks:\n";
  for (int i = 0; i < 5000; ++i)
    source += "  - {id: t" + std::to_string(i) + ", type: no.such.Type, x: \"{{ outputs.q }}\"}\n";
  const auto built = BuildFlow(source, "f.yaml", SampleCatalog());
  ASSERT_FALSE(built);
  EXPECT_EQ(built.error().violations.size(), 200u);
}

TEST(Catalog, SuggestsByTheEndOfTheName) {
  const Catalog& catalog = SampleCatalog();
  EXPECT_EQ(catalog.Suggest("Log"), "io.kestra.plugin.core.log.Log");
  EXPECT_EQ(catalog.Suggest("core.flow.If"), "io.kestra.plugin.core.flow.If");
  EXPECT_EQ(catalog.Suggest("io.kestra.core.tasks.flows.Sequential"), "io.kestra.plugin.core.flow.Sequential");
  EXPECT_EQ(catalog.Suggest("io.kestra.plugin.core.log.Logg"), "io.kestra.plugin.core.log.Log");
  EXPECT_EQ(catalog.Suggest("shell.Scirpt"), "io.kestra.plugin.scripts.shell.Script");
  EXPECT_EQ(catalog.Suggest("com.example.Nothing"), std::nullopt);
}

}  // namespace
}  // namespace headrace::flow
