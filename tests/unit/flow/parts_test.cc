// The parts of a flow around its tasks, and the shapes of children.
#include <gtest/gtest.h>

#include "common/flow/builder.h"
#include "common/flow/kestra_types.h"
#include "tests/unit/flow/sample_catalog.h"

namespace headrace::flow {
namespace {

BuiltFlow Build(const std::string& body) {
  const auto built = BuildFlow("id: f\nnamespace: n\n" + body, "f.yaml", SampleCatalog());
  EXPECT_TRUE(built) << built.error().ToString();
  return built ? *built : BuiltFlow{std::make_shared<model::Flow>(), {}};
}

constexpr const char* kTask = "tasks:\n  - {id: t, type: io.kestra.plugin.core.log.Log, message: m}\n";

TEST(Guards, ChecksKeepTheirConditionAndBehavior) {
  const BuiltFlow built = Build(std::string(kTask) +
                                "inputs:\n  - {id: env, type: STRING}\nchecks:\n"
                                "  - {condition: \"{{ inputs.env == 'dev' }}\", message: 'not {{ inputs.env }}'}\n"
                                "  - {condition: 'true', style: ERROR, behavior: FAIL_EXECUTION}\n");
  const auto& checks = built.flow->checks;
  ASSERT_EQ(checks.size(), 2u);
  EXPECT_EQ(checks[0].condition, "{{ inputs.env == 'dev' }}");
  EXPECT_EQ(checks[0].message, "not {{ inputs.env }}");
  EXPECT_EQ(checks[0].style, "INFO");
  EXPECT_EQ(checks[0].behavior, model::Check::Behavior::kBlockExecution);
  EXPECT_EQ(checks[1].behavior, model::Check::Behavior::kFailExecution);
  EXPECT_GT(checks[1].line, checks[0].line);
}

TEST(Guards, SlasOfBothTypes) {
  const BuiltFlow built =
      Build(std::string(kTask) +
            "sla:\n  - {id: a, type: MAX_DURATION, duration: PT8H, behavior: FAIL, labels: {sla: missed}}\n"
            "  - {id: b, type: EXECUTION_ASSERTION, assert: '{{ 1 == 1 }}', behavior: NONE}\n");
  const auto& slas = built.flow->slas;
  ASSERT_EQ(slas.size(), 2u);
  EXPECT_EQ(slas[0].duration, std::chrono::hours(8));
  EXPECT_EQ(slas[0].labels, (std::vector<model::Label>{{"sla", "missed"}}));
  EXPECT_EQ(slas[1].type, model::Sla::Type::kExecutionAssertion);
  EXPECT_EQ(slas[1].assertion, "{{ 1 == 1 }}");
  EXPECT_EQ(slas[1].behavior, model::Sla::Behavior::kNone);
}

TEST(Guards, TasksOfListenersStandInTheArena) {
  const BuiltFlow built =
      Build(std::string(kTask) +
            "listeners:\n  - conditions:\n"
            "      - {type: io.kestra.core.models.conditions.types.ExecutionStatusCondition, in: [FAILED]}\n"
            "    tasks:\n      - {id: l, type: io.kestra.plugin.core.log.Log, message: m}\n");
  ASSERT_EQ(built.flow->listeners.size(), 1u);
  const model::Listener& listener = built.flow->listeners[0];
  EXPECT_EQ(listener.conditions.size(), 1u);
  ASSERT_EQ(listener.tasks.size(), 1u);
  EXPECT_EQ(built.flow->task(listener.tasks[0]).id, "l");
  EXPECT_EQ(built.flow->tasks.size(), 1u);
}

TEST(Triggers, AreKeptAsWritten) {
  const BuiltFlow built =
      Build(std::string(kTask) +
            "triggers:\n  - {id: a, type: io.kestra.core.models.triggers.types.Schedule, cron: '@daily'}\n"
            "  - {id: b, type: io.kestra.plugin.core.trigger.Webhook, key: k}\n");
  EXPECT_EQ(ToJson(built.flow->triggers),
            R"([{"id":"a","type":"io.kestra.core.models.triggers.types.Schedule","cron":"@daily"},)"
            R"({"id":"b","type":"io.kestra.plugin.core.trigger.Webhook","key":"k"}])");
  EXPECT_TRUE(built.warnings.empty());
}

TEST(Dag, ItsNodesAreChildrenThatNameTheirSiblings) {
  const BuiltFlow built = Build(
      "tasks:\n  - id: dag\n    type: io.kestra.plugin.core.flow.Dag\n    tasks:\n"
      "      - {task: {id: a, type: io.kestra.plugin.core.log.Log, message: m}, dependsOn: [b, off]}\n"
      "      - task: {id: b, type: io.kestra.plugin.core.log.Log, message: m}\n"
      "      - task: {id: off, type: io.kestra.plugin.core.log.Log, message: m, disabled: true}\n");
  const model::Task& dag = built.flow->arena[0];
  const model::TaskGroup* group = dag.FindGroup("tasks");
  ASSERT_NE(group, nullptr);
  ASSERT_EQ(group->tasks.size(), 2u);
  EXPECT_TRUE(group->has_disabled);
  EXPECT_EQ(built.flow->task(group->tasks[0]).depends_on, (std::vector<std::string>{"b"}));
  EXPECT_EQ(built.flow->task(group->tasks[0]).parent, dag.index);
  EXPECT_TRUE(built.flow->task(group->tasks[1]).depends_on.empty());
}

TEST(Dag, ManyNodesInARowAreCheckedInLinearTime) {
  std::string yaml = "tasks:\n  - id: dag\n    type: io.kestra.plugin.core.flow.Dag\n    tasks:\n";
  for (int i = 0; i < 5000; ++i) {
    const std::string n = std::to_string(i);
    yaml += "      - {task: {id: t" + n + ", type: io.kestra.plugin.core.log.Log, message: m}, dependsOn: [t" +
            std::to_string(i == 0 ? 1 : i - 1) + "]}\n";
  }
  const auto built = BuildFlow("id: f\nnamespace: n\n" + yaml, "f.yaml", SampleCatalog());
  ASSERT_FALSE(built);
  ASSERT_EQ(built.error().violations.size(), 1u);
  EXPECT_EQ(built.error().violations[0].message, "Cyclic dependency detected: t0, t1");
}

TEST(Pause, ASingleTaskBecomesAGroupOfOne) {
  const BuiltFlow built = Build(
      "tasks:\n  - id: p\n    type: io.kestra.plugin.core.flow.Pause\n    delay: PT1S\n"
      "    onPause: {id: tell, type: io.kestra.plugin.core.log.Log, message: m}\n");
  const model::Task& pause = built.flow->arena[0];
  EXPECT_EQ(pause.properties.at("pauseDuration"), Value("PT1S"));
  ASSERT_NE(pause.FindGroup("onPause"), nullptr);
  EXPECT_EQ(built.flow->task(pause.FindGroup("onPause")->tasks.at(0)).id, "tell");
}

TEST(PluginDefaults, ThoseWithARefComeOnlyToTasksThatNameIt) {
  const BuiltFlow built = Build(
      "pluginDefaults:\n"
      "  - {type: io.kestra.plugin.core.log.Log, values: {level: WARN}}\n"
      "  - {type: io.kestra.plugin.core.log, ref: loud, values: {level: ERROR}}\n"
      "tasks:\n  - {id: a, type: io.kestra.plugin.core.log.Log, message: m}\n"
      "  - {id: b, type: io.kestra.plugin.core.log.Log, message: m, pluginDefaultsRef: loud}\n"
      "  - {id: c, type: io.kestra.plugin.core.log.Log, message: m, level: INFO, pluginDefaultsRef: loud}\n");
  EXPECT_EQ(built.flow->arena[0].properties.at("level"), Value("WARN"));
  EXPECT_EQ(built.flow->arena[1].properties.at("level"), Value("ERROR"));
  EXPECT_EQ(built.flow->arena[2].properties.at("level"), Value("INFO"));
}

TEST(Retry, OfAFlowMayStartItAnew) {
  const BuiltFlow built =
      Build(std::string(kTask) +
            "retry: {type: random, minInterval: PT1S, maxInterval: PT5S, maxAttempt: 3, maxDuration: PT1M, "
            "warningOnRetry: true, behavior: CREATE_NEW_EXECUTION}\n");
  const model::RetryPolicy& retry = *built.flow->retry;
  EXPECT_EQ(retry.kind, model::RetryPolicy::Kind::kRandom);
  EXPECT_EQ(retry.max_attempts, 3);
  EXPECT_TRUE(retry.warning_on_retry);
  EXPECT_EQ(retry.behavior, model::RetryPolicy::Behavior::kCreateNewExecution);
}

TEST(KestraTypes, AreKnownByNameAndAlias) {
  EXPECT_NE(TriggerCatalog().Find("io.kestra.plugin.core.http.Trigger"), nullptr);
  EXPECT_NE(TriggerCatalog().Find("io.kestra.plugin.fs.http.Trigger"), nullptr);
  EXPECT_NE(ConditionCatalog().Find("io.kestra.plugin.core.condition.NotCondition"), nullptr);
  EXPECT_EQ(TriggerCatalog().Find("io.kestra.plugin.core.trigger.Toggle"), nullptr);
  EXPECT_GT(KestraTypes().size(), 80u);
}

}  // namespace
}  // namespace headrace::flow
