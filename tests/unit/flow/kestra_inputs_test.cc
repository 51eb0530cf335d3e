// The cases of Kestra's InputsTest and FlowInputOutputTest.
#include <gtest/gtest.h>

#include "common/expr/environment.h"
#include "common/flow/builder.h"
#include "common/flow/inputs.h"
#include "common/flow/outputs.h"
#include "tests/unit/flow/sample_catalog.h"

namespace headrace::flow {
namespace {

constexpr const char* kInputs = R"(
  - {id: string, type: STRING}
  - {id: optional, type: STRING, required: false}
  - {id: int, type: INT}
  - {id: bool, type: BOOLEAN, defaults: false}
  - {id: float, type: FLOAT}
  - {id: instant, type: DATETIME}
  - {id: instantDefaults, type: DATETIME, defaults: "2013-08-09T14:19:00Z"}
  - {id: date, type: DATE}
  - {id: time, type: TIME}
  - {id: duration, type: DURATION}
  - {id: file, type: FILE}
  - {id: optionalFile, type: FILE, required: false}
  - {id: json, type: JSON}
  - {id: uri, type: URI}
  - {id: nested.string, type: STRING}
  - {id: nested.more.int, type: INT}
  - {id: nested.bool, type: BOOLEAN}
  - {id: enum, type: ENUM, values: [ENUM_VALUE, OTHER_ONE]}
  - {id: validatedString, type: STRING, validator: 'A\d+'}
  - {id: validatedInt, type: INT, min: 10, max: 20}
  - {id: validatedDate, type: DATE, after: "2023-01-01", before: "2023-12-31"}
  - {id: validatedDateTime, type: DATETIME, after: "2023-01-01T00:00:00Z", before: "2023-12-31T23:59:59Z"}
  - {id: validatedDuration, type: DURATION, min: PT10S, max: PT20S}
  - {id: validatedFloat, type: FLOAT, min: 0.1, max: 0.5}
  - {id: validatedTime, type: TIME, after: "01:00:00", before: "11:59:59"}
  - {id: secret, type: SECRET}
  - {id: array, type: ARRAY, itemType: INT}
  - {id: yaml, type: YAML}
)";

const Object& Given() {
  static const Object kGiven = ParseJson(R"({
    "string": "myString", "enum": "ENUM_VALUE", "int": "42", "float": "42.42", "instant": "2019-10-06T18:27:49Z",
    "date": "2019-10-06", "time": "18:27:49", "duration": "PT5M6S", "file": "data/hello.txt", "json": "{\"a\": \"b\"}",
    "uri": "https://www.google.com", "nested.string": "a string", "nested.more.int": "123", "nested.bool": "true",
    "validatedString": "A123", "validatedInt": "12", "validatedDate": "2023-01-02",
    "validatedDateTime": "2023-01-01T00:00:10Z", "validatedDuration": "PT15S", "validatedFloat": "0.42",
    "validatedTime": "11:27:49", "secret": "secret", "array": "[1, 2, 3]\n",
    "yaml": "some: property\nalist:\n- of\n- values"})")
                                   ->as_object();
  return kGiven;
}

InputSeams Seams() {
  return {.encrypt = [](std::string_view plain) -> Result<std::string> { return "hidden " + std::string(plain); },
          .store_file = [](const model::InputSpec& input, const std::string& path) -> Result<std::string> {
            if (path.empty()) return NotFound("no file");
            return "kestra:///inputs/" + input.id + '/' + path.substr(path.rfind('/') + 1);
          }};
}

Result<ResolvedInputs> Resolve(const std::string& inputs, const Object& raw, const InputSeams& seams = Seams()) {
  const auto built = BuildFlow("id: f\nnamespace: n\ninputs:\n" + inputs +
                                   "\ntasks:\n  - {id: t, type: io.kestra.plugin.core.log.Log, message: m}\n",
                               "f.yaml", SampleCatalog());
  EXPECT_TRUE(built) << built.error().ToString();
  if (!built) return Fail(built.error());
  expr::BasicEnvironment environment(FromMicros(0), 1);
  return ResolveInputs(*built->flow, raw, environment, {}, seams);
}

std::string Resolved(const std::string& inputs, const std::string& raw, const InputSeams& seams = Seams()) {
  const auto resolved = Resolve(inputs, ParseJson(raw)->as_object(), seams);
  if (resolved) return ToJson(resolved->inputs);
  std::string text;
  for (const Violation& violation : resolved.error().violations) text += violation.message + '\n';
  return text;
}

// What is said when one of the good values is another.
std::string With(std::string_view id, const Value& value) {
  Object raw = Given();
  raw[id] = value;
  const auto resolved = Resolve(kInputs, raw);
  return resolved ? "valid" : resolved.error().message;
}

TEST(KestraInputs, AllValidInputs) {
  const auto resolved = Resolve(kInputs, Given());
  ASSERT_TRUE(resolved) << resolved.error().ToString();
  EXPECT_EQ(ToJson(resolved->inputs),
            R"({"string":"myString","optional":null,"int":42,"bool":false,"float":42.42,)"
            R"("instant":"2019-10-06T18:27:49Z","instantDefaults":"2013-08-09T14:19:00Z","date":"2019-10-06",)"
            R"("time":"18:27:49","duration":"PT5M6S","file":"kestra:///inputs/file/hello.txt","optionalFile":null,)"
            R"("json":{"a":"b"},"uri":"https://www.google.com",)"
            R"("nested":{"string":"a string","more":{"int":123},"bool":true},"enum":"ENUM_VALUE",)"
            R"("validatedString":"A123","validatedInt":12,"validatedDate":"2023-01-02",)"
            R"("validatedDateTime":"2023-01-01T00:00:10Z","validatedDuration":"PT15S","validatedFloat":0.42,)"
            R"("validatedTime":"11:27:49",)"
            R"("secret":{"type":"io.kestra.datatype:aes_encrypted","value":"hidden secret"},"array":[1,2,3],)"
            R"("yaml":{"some":"property","alist":["of","values"]}})");
}

TEST(KestraInputs, BadValuesAreToldWithTheirCause) {
  struct Case {
    const char* id;
    const char* value;
    const char* cause;
  };
  const Case cases[] = {
      {"validatedString", "foo", "it must match the pattern `A\\d+`"},
      {"validatedInt", "9", "it must be more than `10`"},
      {"validatedInt", "21", "it must be less than `20`"},
      {"validatedDate", "2022-01-01", "it must be after `2023-01-01`"},
      {"validatedDate", "2024-01-01", "it must be before `2023-12-31`"},
      {"validatedDateTime", "2022-01-01T00:00:00Z", "it must be after `2023-01-01T00:00:00Z`"},
      {"validatedDateTime", "2024-01-01T00:00:00Z", "it must be before `2023-12-31T23:59:59Z`"},
      {"validatedDuration", "PT1S", "It must be more than `PT10S`"},
      {"validatedDuration", "PT30S", "It must be less than `PT20S`"},
      {"validatedFloat", "0.01", "it must be more than `0.1`"},
      {"validatedFloat", "1.01", "it must be less than `0.5`"},
      {"validatedTime", "00:00:01", "it must be after `01:00`"},
      {"validatedTime", "14:00:00", "it must be before `11:59:59`"},
      {"uri", "http:/bla", "Invalid URI format."},
      {"enum", "INVALID", "it must match the values `[ENUM_VALUE, OTHER_ONE]`"},
      {"array", "[\"s1\", \"s2\"]", "Unable to parse array element as `INT` on `s1`"},
      {"int", "4.2", "Unable to parse `4.2` as `INT`"},
      {"date", "06/10/2019", "'06/10/2019' is not a date such as 2026-11-22"},
  };
  for (const Case& one : cases) {
    EXPECT_EQ(With(one.id, one.value), std::string("Invalid value for input `") + one.id + "`. Cause: " + one.cause);
  }
  EXPECT_EQ(With("json", "{}"), "valid");
  EXPECT_EQ(With("json", Object{{"a", 1}}), "valid");
  EXPECT_EQ(With("yaml", Array{1}), "valid");
  EXPECT_EQ(With("nested.bool", "whatever"), "valid");
  EXPECT_EQ(With("string", nullptr), "Missing required input:string");
  EXPECT_EQ(With("file", "nsfile:///a/b.txt"), "valid");
  EXPECT_EQ(With("notDeclared", "x"), "valid");
}

TEST(KestraInputs, AConditionDecidesWhetherAnInputIsThere) {
  const std::string inputs =
      "  - {id: i1, type: STRING}\n"
      "  - {id: i2, type: STRING, required: false, dependsOn: {inputs: [i1], condition: \"{{ inputs.i1 equals 'v1' "
      "}}\"}}\n";
  EXPECT_EQ(Resolved(inputs, R"({"i1": "v1", "i2": "v2"})"), R"({"i1":"v1","i2":"v2"})");
  EXPECT_EQ(Resolved(inputs, R"({"i1": "v0", "i2": "v2"})"), R"({"i1":"v0"})");
  EXPECT_EQ(Resolved(inputs, R"({"i1": "v1"})"), R"({"i1":"v1","i2":null})");
}

TEST(KestraInputs, WhatDependsOnAnAbsentInputIsAbsent) {
  const std::string inputs =
      "  - {id: i1, type: STRING}\n"
      "  - {id: i2, type: STRING, dependsOn: {inputs: [i1], condition: \"{{ inputs.i1 == 'v1' }}\"}}\n"
      "  - {id: i3, type: STRING, dependsOn: {inputs: [i2], condition: \"{{ inputs.i2 == 'v2' }}\"}}\n"
      "  - {id: i4, type: STRING, dependsOn: {inputs: [i3]}}\n";
  EXPECT_EQ(Resolved(inputs, R"({"i1": "v0"})"), R"({"i1":"v0"})");
  EXPECT_EQ(Resolved(inputs, R"({"i1": "v1", "i2": "v2", "i3": "a", "i4": "b"})"),
            R"({"i1":"v1","i2":"v2","i3":"a","i4":"b"})");
  EXPECT_EQ(Resolved(inputs, R"({"i1": "v1", "i2": "v2"})"), "Missing required input:i3\n");
}

TEST(KestraInputs, AConditionThatFailsIsTold) {
  const std::string text = Resolved(
      "  - {id: i1, type: STRING}\n  - {id: i2, type: STRING, dependsOn: {inputs: [i1], condition: '{{ trigger.x.y "
      "}}'}}\n",
      R"({"i1": "v"})");
  EXPECT_NE(text.find("Invalid value for input `i2`. Cause: Invalid condition: "), std::string::npos) << text;
}

TEST(KestraInputs, DefaultsMayUseWhatTheyDependOn) {
  EXPECT_EQ(Resolved("  - {id: i1, type: STRING}\n"
                     "  - {id: i2, type: STRING, defaults: '{{ inputs.i1 }}', dependsOn: {inputs: [i1]}}\n",
                     R"({"i1": "v1"})"),
            R"({"i1":"v1","i2":"v1"})");
  EXPECT_EQ(Resolved("  - {id: n, type: INT, defaults: '{{ 40 + 2 }}'}\n  - {id: l, type: MULTISELECT, values: [a, b], "
                     "defaults: [a, '{{ \"b\" }}']}\n",
                     "{}"),
            R"({"n":42,"l":["a","b"]})");
}

TEST(KestraInputs, EveryWrongChoiceIsTold) {
  EXPECT_EQ(
      Resolved("  - {id: multi, type: MULTISELECT, values: [A, B], options: [X]}\n",
               R"({"multi": "[\"A\",\"X\",\"Z\"]"})"),
      "Invalid value for input `multi`. Cause: you can't define both `values` and `options`, value `X` doesn't match "
      "the values `[A, B]`, value `Z` doesn't match the values `[A, B]`\n");
}

TEST(KestraInputs, TheFirstChoiceMayBeTaken) {
  EXPECT_EQ(Resolved("  - {id: a, type: SELECT, values: [x, y], autoSelectFirst: true}\n"
                     "  - {id: b, type: MULTISELECT, values: [x, y], autoSelectFirst: true}\n"
                     "  - {id: c, type: SELECT, expression: \"{{ ['p', 'q'] }}\", autoSelectFirst: true}\n",
                     "{}"),
            R"({"a":"x","b":["x"],"c":"p"})");
}

TEST(KestraInputs, ExpressionsOfChoicesMustBeLists) {
  const auto with = [](const std::string& expression) {
    return "  - {id: a, type: SELECT, expression: '{{ " + expression + " }}'}\n";
  };
  EXPECT_EQ(Resolved(with("[1, 2]"), R"({"a": "2"})"), R"({"a":"2"})");
  EXPECT_EQ(Resolved(with("[1, 2]"), R"({"a": "3"})"),
            "Invalid value for input `a`. Cause: it must match the values `[1, 2]`\n");
  EXPECT_EQ(Resolved(with("42"), R"({"a": "3"})"),
            "Invalid value for input `a`. Cause: Invalid expression result. Expected a list of strings\n");
  const std::string unknown = Resolved(with("trigger.none.x"), R"({"a": "3"})");
  EXPECT_EQ(unknown.find("Invalid value for input `a`. Cause: Cannot render 'expression'. Cause: "), 0u) << unknown;
}

TEST(KestraInputs, FormsNestTheirInputs) {
  const std::string inputs =
      "  - {id: kind, type: STRING, defaults: cloud}\n"
      "  - id: db\n    type: FORM\n    dependsOn: {inputs: [kind], condition: \"{{ inputs.kind == 'cloud' }}\"}\n"
      "    inputs:\n      - {id: host, type: STRING}\n"
      "      - {id: port, type: INT, defaults: 1, dependsOn: {inputs: [host], condition: \"{{ inputs.db.host == 'h' "
      "}}\"}}\n";
  EXPECT_EQ(Resolved(inputs, R"({"db": {"host": "h"}})"), R"({"kind":"cloud","db":{"host":"h","port":1}})");
  EXPECT_EQ(Resolved(inputs, R"({"db.host": "g"})"), R"({"kind":"cloud","db":{"host":"g"}})");
  EXPECT_EQ(Resolved(inputs, "{}"), "Missing required input:db.host\n");
  EXPECT_EQ(Resolved(inputs, R"({"kind": "local"})"), R"({"kind":"local"})");
}

TEST(KestraInputs, FilesHaveOneOfTheAllowedEndings) {
  const std::string inputs = "  - {id: f, type: FILE, allowedFileExtensions: [.csv, .txt]}\n";
  EXPECT_EQ(Resolved(inputs, R"({"f": "kestra:///a/b.CSV"})"), R"({"f":"kestra:///a/b.CSV"})");
  EXPECT_EQ(Resolved(inputs, R"({"f": "kestra:///a.csv/b.pdf"})"),
            "Invalid value for input `f`. Cause: File type not allowed. Accepted extensions: .csv, .txt\n");
}

TEST(KestraInputs, WithoutAKeySecretsAreRefusedWithTheRemedy) {
  const std::string text = Resolved("  - {id: s, type: SECRET, validator: '[a-z]+'}\n", R"({"s": "x"})", InputSeams{});
  EXPECT_EQ(text.find("Invalid value for input `s`. Cause: Unable to use a `SECRET` input/output as encryption is not "
                      "configured; set HEADRACE_ENCRYPTION_KEY"),
            0u)
      << text;
  EXPECT_EQ(Resolved("  - {id: s, type: SECRET, validator: '[a-z]+'}\n", R"({"s": "X"})"),
            "Invalid value for input `s`. Cause: it must match the pattern `[a-z]+`\n");
  const std::string hidden = R"({"s":{"type":"io.kestra.datatype:aes_encrypted","value":"v"}})";
  EXPECT_EQ(Resolved("  - {id: s, type: SECRET}\n", hidden), hidden);
}

TEST(KestraInputs, InputsOfAPauseAreResolvedAlike) {
  const auto built = BuildFlow(
      "id: f\nnamespace: n\ntasks:\n  - id: p\n    type: io.kestra.plugin.core.flow.Pause\n    onResume:\n"
      "      - {id: asked, type: STRING, defaults: MISSING}\n      - {id: n, type: INT}\n",
      "f.yaml", SampleCatalog());
  ASSERT_TRUE(built) << built.error().ToString();
  const model::Task& pause = built->flow->arena.front();
  ASSERT_EQ(pause.on_resume.size(), 2u);
  EXPECT_FALSE(pause.properties.contains("onResume"));
  expr::BasicEnvironment environment(FromMicros(0), 1);
  const auto resolved = ResolveInputs(pause.on_resume, {{"n", "5"}}, environment);
  ASSERT_TRUE(resolved);
  EXPECT_EQ(ToJson(resolved->inputs), R"({"asked":"MISSING","n":5})");
}

TEST(KestraOutputs, AreTypedLikeInputs) {
  const auto typed = [](const char* type, const Value& value) {
    const Result<Value> result = TypeOutput({.id = "o", .type = type}, value, Seams());
    return result ? ToJson(*result) : result.error().message;
  };
  EXPECT_EQ(typed("ARRAY", Array{"1rstValue", "2ndValue"}), R"(["1rstValue","2ndValue"])");
  EXPECT_EQ(typed("JSON", R"({"a":1})"), R"({"a":1})");
  EXPECT_EQ(typed("BOOLEAN", "true"), "true");
  EXPECT_EQ(typed("URI", "kestra:///x"), R"("kestra:///x")");
  EXPECT_EQ(typed("FILE", "kestra:///x"), R"("kestra:///x")");
  EXPECT_EQ(typed("SECRET", "x"), R"({"type":"io.kestra.datatype:aes_encrypted","value":"hidden x"})");
  EXPECT_EQ(typed("DATE", "x"), "Invalid value for output `o`: 'x' is not a date such as 2026-11-22");
}

}  // namespace
}  // namespace headrace::flow
