// What is made from the catalog, and flows drawn.
#include "common/flow/schema.h"

#include <gtest/gtest.h>

#include "common/flow/builder.h"
#include "common/flow/graph.h"
#include "tests/unit/flow/sample_catalog.h"

namespace headrace::flow {
namespace {

TEST(JsonSchema, DescribesEveryTypeThatIsSupported) {
  const Value schema = JsonSchema(SampleCatalog());
  EXPECT_EQ(*AtPath(schema, "$schema"), Value("http://json-schema.org/draft-07/schema#"));
  EXPECT_EQ(*AtPath(schema, "additionalProperties"), Value(false));
  EXPECT_EQ(ToJson(*AtPath(schema, "required")), R"(["id","namespace","tasks"])");
  const Object& definitions = AtPath(schema, "definitions")->as_object();
  EXPECT_TRUE(definitions.contains("io.kestra.plugin.core.log.Log"));
  EXPECT_FALSE(definitions.contains("io.kestra.plugin.core.http.Request"));
  const Object& log = definitions.at("io.kestra.plugin.core.log.Log").as_object();
  EXPECT_EQ(ToJson(log.at("required")), R"(["id","type","message"])");
  EXPECT_EQ(ToJson(log.at("properties").at("type")),
            R"({"enum":["io.kestra.plugin.core.log.Log","io.kestra.core.tasks.log.Log"]})");
  EXPECT_EQ(log.at("properties").at("level").at("default"), Value("INFO"));
  const Object& loop = definitions.at("io.kestra.plugin.core.flow.LoopUntil").as_object();
  EXPECT_EQ(ToJson(loop.at("properties").at("tasks")),
            R"({"type":"array","items":{"$ref":"#/definitions/task"},"description":"The documentation."})");
  EXPECT_EQ(definitions.at("task").at("oneOf").as_array().size(), SampleCatalog().TypeNames().size() - 1);
}

TEST(JsonSchema, EveryReferenceIsDefined) {
  const Value schema = JsonSchema(SampleCatalog());
  const std::string text = ToJson(schema);
  static constexpr std::string_view kStart = "\"$ref\":\"#/definitions/";
  std::size_t count = 0;
  for (std::size_t at = text.find(kStart); at != std::string::npos; at = text.find(kStart, at + 1), ++count) {
    const std::size_t begin = at + kStart.size();
    const std::string name = text.substr(begin, text.find('"', begin) - begin);
    EXPECT_TRUE(schema.at("definitions").as_object().contains(name)) << name;
  }
  EXPECT_GT(count, 20u);
}

TEST(TypeDocs, NamePropertiesAliasesAndAnExample) {
  const std::string docs = TypeDocs(*SampleCatalog().Find("io.kestra.plugin.core.log.Log"));
  EXPECT_EQ(docs.substr(0, docs.find("\n## Every task has")),
            "# io.kestra.plugin.core.log.Log\n\nWrites a line to the log.\n\nRuns on a worker.\n\n"
            "Also known as `io.kestra.core.tasks.log.Log`.\n\n"
            "## Example\n\n```yaml\nid: hello\ntype: io.kestra.plugin.core.log.Log\nmessage: Hello\n```\n\n"
            "## Properties\n\n`*` is required.\n\n| Property | Type | Default | |\n|---|---|---|---|\n"
            "| `message` * | any, rendered |  | The documentation. |\n"
            "| `level` | one of ERROR, WARN, INFO, DEBUG, TRACE, rendered | `INFO` | The documentation. |\n");
  EXPECT_NE(
      TypeDocs(*SampleCatalog().Find("io.kestra.plugin.core.flow.LoopUntil")).find("| `checkFrequency.interval` |"),
      std::string::npos);
}

TEST(CompatibilityTable, SaysSameDiffersOrNotYet) {
  const std::string table = CompatibilityTable(SampleCatalog());
  const auto has = [&](std::string_view row) { return table.find(row) != std::string::npos; };
  EXPECT_TRUE(
      has("| `io.kestra.plugin.core.log.Log` | same | `message`, `level` |  |  | `io.kestra.core.tasks.log.Log` |"));
  EXPECT_TRUE(has("| `io.kestra.plugin.core.flow.LoopUntil` | differs: earlier iterations are kept |"));
  EXPECT_TRUE(has("| `io.kestra.plugin.core.http.Request` | not yet |  |  | `encryptBody`, "));
  EXPECT_TRUE(has("| `io.kestra.plugin.core.kv.Get` | not yet |  |  | `key`, `namespace`, `errorOnMissing` |  |"));
  EXPECT_TRUE(has("| `io.kestra.plugin.scripts.shell.Script` | same | `script`, "));
  // Both names of one property are told once.
  EXPECT_TRUE(
      has("| `io.kestra.plugin.core.flow.Pause` | same but for the properties named | `onPause`, `onResume`, `errors`, "
          "`finally`, `timeout` | `pauseDuration` (exact to the second) | `behavior`, `tasks` |"));
  EXPECT_TRUE(has("| `io.kestra.plugin.core.trigger.Webhook` | same |"));
}

TEST(JsonSchema, CoversThePartsAroundTasks) {
  const Value schema = JsonSchema(SampleCatalog());
  const Object& properties = AtPath(schema, "properties")->as_object();
  EXPECT_EQ(ToJson(properties.at("checks").at("items").at("required")), R"(["condition"])");
  EXPECT_EQ(ToJson(properties.at("sla").at("items").at("required")), R"(["id","type","behavior"])");
  EXPECT_EQ(ToJson(properties.at("triggers").at("items")), R"({"$ref":"#/definitions/trigger"})");
  const Object& definitions = AtPath(schema, "definitions")->as_object();
  const Value& dag = definitions.at("io.kestra.plugin.core.flow.Dag").at("properties").at("tasks");
  EXPECT_EQ(dag.at("items").at("properties").at("task").at("$ref"), Value("#/definitions/task"));
  const Value& pause = definitions.at("io.kestra.plugin.core.flow.Pause").at("properties").at("onResume");
  EXPECT_EQ(ToJson(pause.at("items")), R"({"$ref":"#/definitions/input"})");
}

TEST(TypeDocs, TriggersAndConditionsArePagesToo) {
  const auto docs = KnownTypeDocs("io.kestra.core.models.triggers.types.Schedule");
  ASSERT_TRUE(docs);
  EXPECT_EQ(docs->find("# io.kestra.plugin.core.trigger.Schedule\n\nA trigger."), 0u) << *docs;
  EXPECT_NE(docs->find("`cron`, `withSeconds`"), std::string::npos) << *docs;
  EXPECT_TRUE(KnownTypeDocs("io.kestra.plugin.core.condition.Weekend"));
  EXPECT_FALSE(KnownTypeDocs("io.kestra.plugin.core.log.Log"));
}

TEST(TypeDocs, SayHowAPropertyDiffers) {
  const std::string docs = TypeDocs(*SampleCatalog().Find("io.kestra.plugin.core.flow.Pause"));
  EXPECT_NE(docs.find("| `onResume` | list of inputs |"), std::string::npos) << docs;
  EXPECT_NE(docs.find("Differs from Kestra: exact to the second."), std::string::npos) << docs;
}

TEST(SchemaExamples, BuildAsFlows) {
  for (const std::string& type : SampleCatalog().TypeNames()) {
    const std::string example = SampleCatalog().Find(type)->example;
    if (example.empty()) continue;
    std::string source = "id: f\nnamespace: n\ntasks:\n  - ";
    for (const char c : example) source += c == '\n' ? std::string("\n    ") : std::string(1, c);
    const auto built = BuildFlow(source, "f.yaml", SampleCatalog());
    EXPECT_TRUE(built) << type << built.error().ToString();
  }
}

model::FlowPtr Drawn() {
  const std::string log = ", type: io.kestra.plugin.core.log.Log, message: m}";
  const auto built =
      BuildFlow("id: f\nnamespace: n\ntasks:\n  - {id: first" + log +
                    "\n"
                    "  - id: both\n    type: io.kestra.plugin.core.flow.Parallel\n    tasks:\n      - {id: left" +
                    log +
                    "\n"
                    "      - {id: right, runIf: 'true', timeout: PT1M" +
                    log + "\n    errors: [{id: rescue" + log +
                    "]\n"
                    "  - {id: sub, type: io.kestra.plugin.core.flow.Subflow, namespace: n, flowId: other}\n"
                    "errors: [{id: alarm" +
                    log + "]\n",
                "f.yaml", SampleCatalog());
  EXPECT_TRUE(built) << built.error().ToString();
  return built ? built->flow : nullptr;
}

TEST(FlowGraph, DrawsATree) {
  EXPECT_EQ(FlowGraph(*Drawn(), GraphFormat::kTree),
            "n.f\n"
            "├─ first  Log\n"
            "├─ both  Parallel\n"
            "│  ├─ left  Log\n"
            "│  ├─ right  Log (runIf, timeout PT1M)\n"
            "│  └─ errors:\n"
            "│     └─ rescue  Log\n"
            "├─ sub  Subflow (flow other)\n"
            "└─ errors:\n"
            "   └─ alarm  Log\n");
  EXPECT_EQ(FlowGraph(*Drawn(), GraphFormat::kAscii).substr(0, 40), "n.f\n|-- first  Log\n|-- both  Parallel\n| ");
}

TEST(FlowGraph, DrawsChartsWithTheirEdges) {
  EXPECT_EQ(FlowGraph(*Drawn(), GraphFormat::kMermaid),
            "flowchart TD\n"
            "  t0[\"first<br/>Log\"]\n"
            "  t1[\"both<br/>Parallel\"]\n"
            "  subgraph t1_0[\"tasks\"]\n"
            "  t2[\"left<br/>Log\"]\n"
            "  t3[\"right<br/>Log\"]\n"
            "  end\n"
            "  t1 --> t2\n"
            "  t1 --> t3\n"
            "  subgraph t1_1[\"errors\"]\n"
            "  t4[\"rescue<br/>Log\"]\n"
            "  end\n"
            "  t1 -->|\"errors\"| t4\n"
            "  t5[\"sub<br/>Subflow\"]\n"
            "  t0 --> t1\n"
            "  t1 --> t5\n"
            "  subgraph f_errors[\"errors\"]\n"
            "  t6[\"alarm<br/>Log\"]\n"
            "  end\n"
            "  t5 -->|\"on failure\"| t6\n");
  const std::string dot = FlowGraph(*Drawn(), GraphFormat::kDot);
  EXPECT_NE(dot.find("digraph flow {"), std::string::npos);
  EXPECT_NE(dot.find("  t1 -> t2;\n"), std::string::npos);
  EXPECT_NE(dot.find("  t5 -> t6 [label=\"on failure\"];\n"), std::string::npos);
  EXPECT_EQ(ParseGraphFormat("dot"), GraphFormat::kDot);
  EXPECT_EQ(ParseGraphFormat("svg"), std::nullopt);
}

}  // namespace
}  // namespace headrace::flow
