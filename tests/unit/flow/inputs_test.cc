// Inputs and outputs: types, defaults, what is missing and what is wrong.
#include "common/flow/inputs.h"

#include <gtest/gtest.h>

#include "common/expr/environment.h"
#include "common/flow/builder.h"
#include "common/flow/outputs.h"
#include "tests/unit/flow/sample_catalog.h"

namespace headrace::flow {
namespace {

model::FlowPtr FlowWith(const std::string& inputs) {
  const auto built = BuildFlow("id: f\nnamespace: n\ninputs:\n" + inputs +
                                   "tasks:\n  - {id: t, type: io.kestra.plugin.core.log.Log, message: m}\n",
                               "f.yaml", SampleCatalog());
  EXPECT_TRUE(built) << built.error().ToString();
  return built ? built->flow : nullptr;
}

Result<ResolvedInputs> Resolve(const std::string& inputs, const std::string& raw, const std::string& context = "{}") {
  const model::FlowPtr flow = FlowWith(inputs);
  expr::BasicEnvironment environment(FromMicros(0), 1);
  return ResolveInputs(*flow, ParseJson(raw)->as_object(), environment, ParseJson(context)->as_object());
}

// The inputs as JSON, or the messages one a line.
std::string Resolved(const std::string& inputs, const std::string& raw) {
  const auto resolved = Resolve(inputs, raw);
  if (resolved) return ToJson(resolved->inputs);
  std::string text;
  for (const Violation& violation : resolved.error().violations)
    text += violation.field + ": " + violation.message + '\n';
  return text;
}

// One value through one type.
std::string Typed(const std::string& properties, const Value& raw) {
  const model::FlowPtr flow = FlowWith("  - {id: x, " + properties + "}\n");
  const Result<Value> value = ParseInput(flow->inputs.at(0), raw);
  return value ? ToJson(*value) : value.error().message;
}

TEST(ParseInput, ReadsTextAndTypedValuesOfEveryType) {
  EXPECT_EQ(Typed("type: STRING", "a"), "\"a\"");
  EXPECT_EQ(Typed("type: STRING", 5), "\"5\"");
  EXPECT_EQ(Typed("type: INT", "42"), "42");
  EXPECT_EQ(Typed("type: INT", " -7 "), "-7");
  EXPECT_EQ(Typed("type: INT", 3.0), "3");
  EXPECT_EQ(Typed("type: INT", "9223372036854775807"), "9223372036854775807");
  EXPECT_EQ(Typed("type: INT", "9223372036854775808"), "Unable to parse `9223372036854775808` as `INT`");
  EXPECT_EQ(Typed("type: INT", "4.5"), "Unable to parse `4.5` as `INT`");
  EXPECT_EQ(Typed("type: FLOAT", "4.5"), "4.5");
  EXPECT_EQ(Typed("type: FLOAT", 4), "4.0");
  EXPECT_EQ(Typed("type: FLOAT", "1e308"), "1.0E308");
  EXPECT_EQ(Typed("type: FLOAT", "1e999"), "Unable to parse `1e999` as `FLOAT`");
  EXPECT_EQ(Typed("type: FLOAT", "nan"), "Unable to parse `nan` as `FLOAT`");
  EXPECT_EQ(Typed("type: BOOLEAN", "TRUE"), "true");
  EXPECT_EQ(Typed("type: BOOL", "yes"), "false");
  EXPECT_EQ(Typed("type: BOOL", true), "true");
  EXPECT_EQ(Typed("type: DATETIME", "2026-11-22T10:00:00+02:00"), "\"2026-11-22T08:00:00Z\"");
  EXPECT_EQ(Typed("type: DATETIME", "2026-11-22T10:00:00.5Z"), "\"2026-11-22T10:00:00.500Z\"");
  EXPECT_NE(Typed("type: DATETIME", "2026-11-22").find("is not an instant such as"), std::string::npos);
  EXPECT_EQ(Typed("type: DATE", "2026-02-28"), "\"2026-02-28\"");
  EXPECT_EQ(Typed("type: DATE", "2026-02-30"), "'2026-02-30' is not a date such as 2026-11-22");
  EXPECT_EQ(Typed("type: TIME", "10:30:00"), "\"10:30\"");
  EXPECT_EQ(Typed("type: TIME", "10:30:05.25"), "\"10:30:05.250\"");
  EXPECT_EQ(Typed("type: TIME", "25:00"), "'25:00' is not a time such as 10:30 or 10:30:15");
  EXPECT_EQ(Typed("type: DURATION", "P1DT1H"), "\"PT25H\"");
  EXPECT_EQ(Typed("type: JSON", R"({"a": [1]})"), R"({"a":[1]})");
  EXPECT_EQ(Typed("type: JSON", Object{{"a", 1}}), R"({"a":1})");
  EXPECT_EQ(Typed("type: YAML", "a: [1]"), R"({"a":[1]})");
  EXPECT_EQ(Typed("type: URI", "kestra:///a/b"), "\"kestra:///a/b\"");
  EXPECT_EQ(Typed("type: URI", "no scheme"), "Invalid URI format.");
  EXPECT_EQ(Typed("type: EMAIL", "a.b@example.org"), "\"a.b@example.org\"");
  EXPECT_EQ(Typed("type: EMAIL", "a@b@c"), "The input must be a valid email");
  EXPECT_EQ(Typed("type: ARRAY, itemType: INT", R"(["1", 2])"), "[1,2]");
  EXPECT_EQ(Typed("type: ARRAY, itemType: INT", Array{"s1"}), "Unable to parse array element as `INT` on `s1`");
  EXPECT_EQ(Typed("type: ARRAY, itemType: STRING", "a"), "it must be a list such as [\"a\", \"b\"]");
  EXPECT_EQ(Typed("type: MULTISELECT, values: [a, b]", R"(["b"])"), "[\"b\"]");
}

TEST(ParseInput, ChecksWhatTheTypeAllows) {
  EXPECT_EQ(Typed("type: STRING, validator: 'v[0-9]+'", "v12"), "\"v12\"");
  EXPECT_EQ(Typed("type: STRING, validator: 'v[0-9]+'", "xv12"), "it must match the pattern `v[0-9]+`");
  EXPECT_EQ(Typed("type: ENUM, values: [a, 1]", "1"), "\"1\"");
  EXPECT_EQ(Typed("type: SELECT, values: [a, b]", "c"), "it must match the values `[a, b]`");
  EXPECT_EQ(Typed("type: SELECT, values: [a, b], allowCustomValue: true", "c"), "\"c\"");
  EXPECT_EQ(Typed("type: MULTISELECT, options: [a, b]", Array{"c"}), "value `c` doesn't match the values `[a, b]`");
  EXPECT_EQ(Typed("type: INT, min: 2, max: 4", 2), "2");
  EXPECT_EQ(Typed("type: INT, min: 2, max: 4", 1), "it must be more than `2`");
  EXPECT_EQ(Typed("type: FLOAT, min: 2, max: 4", 4.5), "it must be less than `4`");
  EXPECT_EQ(Typed("type: DURATION, max: PT1H", "PT61M"), "It must be less than `PT1H`");
  EXPECT_EQ(Typed("type: DATE, after: '2026-01-01'", "2025-12-31"), "it must be after `2026-01-01`");
  EXPECT_EQ(Typed("type: TIME, before: '12:00'", "12:01"), "it must be before `12:00`");
}

TEST(ResolveInputs, TellsEveryWrongInputAtOnce) {
  const std::string inputs =
      "  - {id: a, type: STRING}\n  - {id: b, type: INT}\n  - {id: c, type: STRING, required: false}\n"
      "  - {id: d, type: FILE}\n";
  EXPECT_EQ(
      Resolved(inputs, R"({"b": "x", "d": "/tmp/f"})"),
      "inputs.a: Missing required input:a\n"
      "inputs.b: Invalid value for input `b`. Cause: Unable to parse `x` as `INT`\n"
      "inputs.d: Invalid value for input `d`. Cause: a file is named by a kestra:///, file:/// or nsfile:/// URI; "
      "`/tmp/f` is none\n");
  EXPECT_EQ(Resolve(inputs, "{}").error().message, "Missing required input:a (and 2 more)");
}

TEST(ResolveInputs, TakesDefaultsThatMayNameOtherInputs) {
  const std::string inputs =
      "  - {id: tag, type: STRING, defaults: 'v{{ inputs.version }}'}\n  - {id: version, type: STRING}\n"
      "  - {id: n, type: INT, defaults: '{{ inputs.tag | length }}'}\n"
      "  - {id: list, type: ARRAY, itemType: STRING, defaults: ['{{ inputs.version }}', b]}\n"
      "  - {id: where, type: STRING, defaults: '{{ flow.namespace }}'}\n"
      "  - {id: off, type: BOOLEAN, defaults: false}\n";
  const auto resolved = Resolve(inputs, R"({"version": "1.2"})", R"({"flow": {"namespace": "a.b"}})");
  ASSERT_TRUE(resolved) << resolved.error().ToString();
  const Object& values = resolved->inputs;
  EXPECT_EQ(values.at("tag"), Value("v1.2"));
  EXPECT_EQ(values.at("n"), Value(4));
  EXPECT_EQ(ToJson(values.at("list")), R"(["1.2","b"])");
  EXPECT_EQ(values.at("where"), Value("a.b"));
  EXPECT_EQ(values.at("off"), Value(false));
}

TEST(ResolveInputs, OptionalInputsAreNullAndGivenNullsAreMissing) {
  EXPECT_EQ(Resolved("  - {id: a, type: INT, required: false}\n", "{}"), R"({"a":null})");
  EXPECT_EQ(Resolved("  - {id: a, type: INT}\n", R"({"a": null})"), "inputs.a: Missing required input:a\n");
  EXPECT_EQ(Resolved("  - {id: a, type: INT, defaults: 1}\n", R"({"a": null})"), R"({"a":1})");
}

TEST(ResolveInputs, NestsByDotsAndTakesBothForms) {
  const std::string inputs = "  - {id: db.host, type: STRING}\n  - {id: db.port, type: INT, defaults: 1}\n";
  EXPECT_EQ(Resolved(inputs, R"({"db.host": "h"})"), R"({"db":{"host":"h","port":1}})");
  EXPECT_EQ(Resolved(inputs, R"({"db": {"host": "h", "port": "2"}})"), R"({"db":{"host":"h","port":2}})");
}

TEST(ResolveInputs, NamesWhatIsNotDeclared) {
  const auto resolved = Resolve("  - {id: a.b, type: STRING}\n", R"({"a": {"b": "x", "c": 1}, "other": 2})");
  ASSERT_TRUE(resolved);
  EXPECT_EQ(resolved->undeclared, (std::vector<std::string>{"a.c", "other"}));
}

TEST(ResolveInputs, DependsOnDecidesWhetherAnInputIsThere) {
  const std::string inputs =
      "  - {id: cloud, type: STRING, dependsOn: {inputs: [kind], condition: \"{{ inputs.kind == 'cloud' }}\"}}\n"
      "  - {id: kind, type: STRING}\n";
  EXPECT_EQ(Resolved(inputs, R"({"kind": "local", "cloud": "x"})"), R"({"kind":"local"})");
  EXPECT_EQ(Resolved(inputs, R"({"kind": "cloud", "cloud": "x"})"), R"({"kind":"cloud","cloud":"x"})");
  EXPECT_EQ(Resolved(inputs, R"({"kind": "cloud"})"), "inputs.cloud: Missing required input:cloud\n");
}

TEST(ResolveInputs, EndsOnInputsThatNeedEachOther) {
  const std::string text = Resolved(
      "  - {id: a, type: STRING, defaults: '{{ inputs.b }}'}\n"
      "  - {id: b, type: STRING, defaults: '{{ inputs.a }}'}\n",
      "{}");
  EXPECT_NE(text.find("depend on each other"), std::string::npos) << text;
}

TEST(ResolveInputs, OffersWhatAnExpressionRendersTo) {
  const std::string inputs =
      "  - {id: all, type: STRING}\n"
      "  - {id: one, type: SELECT, expression: '{{ inputs.all }}'}\n";
  EXPECT_EQ(Resolved(inputs, R"({"all": "[\"x\",\"y\"]", "one": "y"})"), R"({"all":"[\"x\",\"y\"]","one":"y"})");
  EXPECT_EQ(Resolved(inputs, R"({"all": "[\"x\",\"y\"]", "one": "z"})"),
            "inputs.one: Invalid value for input `one`. Cause: it must match the values `[x, y]`\n");
}

TEST(ResolveInputs, LongChainsNeedNoDeepStack) {
  std::string inputs = "  - {id: i0, type: INT, defaults: 0}\n";
  for (int i = 1; i < 3000; ++i) {
    inputs = "  - {id: i" + std::to_string(i) + ", type: INT, defaults: '{{ inputs.i" + std::to_string(i - 1) +
             " + 1 }}'}\n" + inputs;
  }
  const auto resolved = Resolve(inputs, "{}");
  ASSERT_TRUE(resolved) << resolved.error().ToString();
  EXPECT_EQ(resolved->inputs.at("i2999"), Value(2999));
}

TEST(TypeOutput, TypesOrExplains) {
  EXPECT_EQ(*TypeOutput({.id = "o", .type = "INT"}, "5"), Value(5));
  EXPECT_EQ(*TypeOutput({.id = "o"}, "5"), Value("5"));
  EXPECT_EQ(*TypeOutput({.id = "o", .type = "STRING", .required = false}, nullptr), Value(nullptr));
  EXPECT_EQ(TypeOutput({.id = "o", .type = "STRING"}, nullptr).error().message, "the output `o` has no value");
  EXPECT_EQ(TypeOutput({.id = "o", .type = "INT"}, "x").error().message,
            "Invalid value for output `o`: Unable to parse `x` as `INT`");
  EXPECT_EQ(*TypeOutput({.id = "o", .type = "FILE"}, "kestra:///x"), Value("kestra:///x"));
}

}  // namespace
}  // namespace headrace::flow
