#include <thread>

#include "tests/unit/expr/expr_fixture.h"

namespace headrace::expr {
namespace {

using Paths = std::vector<std::vector<std::string>>;

const References& ReferencesOf(std::string_view source) {
  static std::vector<std::shared_ptr<const Template>> kept;
  kept.push_back(*Template::Compile(source));
  return kept.back()->references();
}
Paths PathsOf(std::string_view source) { return ReferencesOf(source).paths; }

TEST(ExprTyped, SingleExpressionsKeepTheirType) {
  const std::vector<Case> cases = {
      {"{{ inputs.count }}", "3"}, {"{{ inputs.yes }}", "true"}, {"{{ inputs.list }}", "[3,1,2]"}, {"{{ inputs.none }}", "null"},
      {"{{ inputs.name }}", "\"Ada\""}, {"plain", "\"plain\""}, {"", "\"\""}, {"{{ 1 }}{{ 2 }}", "\"12\""}, {" {{ 1 }}", "\" 1\""},
      {"{{ inputs.list }}\n", "[3,1,2]"}, {"[{{ inputs.list }}, 4]", "[[3,1,2],4]"}, {"see {{ inputs.list }}", "\"see [3,1,2]\""},
      {"{% set a = 5 %}{{ a }}", "5"}, {"{% if true %}{{ 1.5 }}{% endif %}", "1.5"}, {"{% if false %}x{% endif %}", "null"},
      {"{{ null }}x", "\"x\""},
  };
  for (const Case& one : cases) EXPECT_EQ(RenderJson(one.source), one.expected) << one.source;
}

TEST(ExprDeep, RendersKeysAndValuesAndLeavesTheRest) {
  BasicEnvironment environment = TestEnvironment();
  const Value value = *ParseJson(R"({"{{ inputs.name }}": ["{{ inputs.count }}", 5, null, {"x": "{{ inputs.list }}"}], "plain": true})");
  EXPECT_EQ(ToJson(*RenderDeep(value, TestContext(), environment, false)),
            R"({"Ada":["3",5,null,{"x":"[3,1,2]"}],"plain":true})");
  EXPECT_EQ(ToJson(*RenderDeep(value, TestContext(), environment, true)), R"({"Ada":[3,5,null,{"x":[3,1,2]}],"plain":true})");
  const auto failed = RenderDeep(Value("{{ gone }}"), TestContext(), environment, true);
  EXPECT_EQ(failed.error().code, Code::kNotFound);
}

std::string LoopValue(int further_out) { return kOwnLoopValue + std::to_string(further_out); }

TEST(ExprReferences, PathsAreCutAtTheFirstDynamicStep) {
  EXPECT_EQ(PathsOf("{{ outputs.a.b ~ inputs[x] }}"), (Paths{{"inputs"}, {"outputs", "a", "b"}, {"x"}}));
  EXPECT_EQ(PathsOf("{{ outputs['my-task'].value }}"), (Paths{{"outputs", "my-task", "value"}}));
  EXPECT_EQ(PathsOf("{{ outputs.a[taskrun.value].b }}"), (Paths{{"outputs", "a", LoopValue(0)}, {"taskrun", "value"}}));
  EXPECT_EQ(PathsOf("{{ outputs.a[parents[1].taskrun.value].b }}"),
            (Paths{{"outputs", "a", LoopValue(2)}, {"parents"}}));
  EXPECT_EQ(PathsOf("{{ outputs.a[parent.taskrun.value][taskrun.value].b }}"),
            (Paths{{"outputs", "a", LoopValue(1), LoopValue(0)}, {"parent", "taskrun", "value"}, {"taskrun", "value"}}));
  EXPECT_EQ(PathsOf("{{ outputs.a[parent.taskrun.value]['x'][taskrun.value].b }}"),
            (Paths{{"outputs", "a", LoopValue(1)}, {"parent", "taskrun", "value"}, {"taskrun", "value"}}));
  EXPECT_EQ(PathsOf("{{ outputs.a[inputs.x].b }}"), (Paths{{"inputs", "x"}, {"outputs", "a"}}));
  EXPECT_EQ(PathsOf("{{ inputs.list[0].x }}"), (Paths{{"inputs", "list"}}));
  EXPECT_EQ(PathsOf("{{ a ?? b | default(c) is defined ? d : \"#{e}\" }}"), (Paths{{"a"}, {"b"}, {"c"}, {"d"}, {"e"}}));
  EXPECT_EQ(PathsOf("{{ {k: v}.x }}{{ [l][i] }}"), (Paths{{"i"}, {"k"}, {"l"}, {"v"}}));
  EXPECT_EQ(PathsOf("no expression"), Paths{});
  EXPECT_EQ(PathsOf("{# {{ a }} #}{% raw %}{{ b }}{% endraw %}"), Paths{});
}

TEST(ExprReferences, LocalNamesAreLeftOut) {
  EXPECT_EQ(PathsOf("{% for x in outputs.a %}{{ x.b ~ y ~ loop.index }}{% endfor %}"), (Paths{{"outputs", "a"}, {"y"}}));
  EXPECT_EQ(PathsOf("{% set v = inputs.a %}{{ v.b[w] }}"), (Paths{{"inputs", "a"}, {"w"}}));
  EXPECT_EQ(PathsOf("{% macro m(p) %}{{ p ~ q }}{% endmacro %}{{ m(inputs.a) }}"), (Paths{{"inputs", "a"}, {"q"}}));
  EXPECT_EQ(PathsOf("{{ v }}{% set v = 1 %}{{ v }}"), (Paths{{"v"}}));
  EXPECT_EQ(PathsOf("{% if a %}{% set v = 1 %}{% endif %}{{ v }}"), (Paths{{"a"}, {"v"}}));
  EXPECT_EQ(PathsOf("{% if a %}{% set v = 1 %}{% else %}{% set v = 2 %}{% endif %}{{ v }}"), (Paths{{"a"}}));
  EXPECT_EQ(PathsOf("{% for x in [1] %}{% endfor %}{{ x }}"), (Paths{{"x"}}));
}

TEST(ExprReferences, FunctionsAndWhatTheyRead) {
  const References& found = ReferencesOf("{{ secret('A') ~ kv(inputs.key) ~ now() }}");
  EXPECT_EQ(found.functions, (std::vector<std::string>{"kv", "now", "secret"}));
  EXPECT_EQ(found.paths, (Paths{{"inputs", "key"}}));
  EXPECT_FALSE(found.whole_context);
  EXPECT_TRUE(ReferencesOf("{{ render(vars.a) }}").whole_context);
  EXPECT_TRUE(ReferencesOf("{{ printContext() }}").whole_context);
  EXPECT_EQ(PathsOf("{{ tasksWithState('FAILED') }}"), (Paths{{"tasks"}}));
  EXPECT_EQ(PathsOf("{{ currentEachOutput(outputs.a) }}"), (Paths{{"outputs", "a"}, {"parents"}, {"taskrun"}}));
}

TEST(ExprReferences, DeepOnesAreMergedAndBrokenTextsSkipped) {
  const References found = ReferencesDeep(*ParseJson(R"({"{{ a }}": ["{{ b.c }}", "{{ a }}", "{{ broken", 1], "x": "{{ now() }}"})"));
  EXPECT_EQ(found.paths, (Paths{{"a"}, {"b", "c"}}));
  EXPECT_EQ(found.functions, (std::vector<std::string>{"now"}));
}

Code CodeOf(std::string_view source, const Limits& limits) {
  BasicEnvironment environment = TestEnvironment();
  const auto result = (*Template::Compile(source))->RenderText(TestContext(), environment, limits);
  return result ? Code::kOk : result.error().code;
}

TEST(ExprBudget, WhatGrowsWithoutBoundIsStopped) {
  const Limits limits;
  for (const std::string_view source : {
           "{{ range(1, 999999999) }}", "{{ 0..9223372036854775807 }}", "{{ 'a' | indent(999999999) }}",
           "{{ 'a\n' | indent(9223372036854775807, 'xxxxxxxx') }}",
           "{% set x = 'aaaaaaaa' %}{% for i in 1..60 %}{% set x = x ~ x %}{% endfor %}",
           "{% set x = [1, 2] %}{% for i in 1..60 %}{% set x = [x, x] %}{% endfor %}",
           "{% set x = [1, 2] %}{% for i in 1..60 %}{% set x = x + x %}{% endfor %}",
           "{% set x = {'a': 1} %}{% for i in 1..60 %}{% set x = {'a': x, 'b': x} %}{% endfor %}",
           "{% set x = 'ab' %}{% for i in 1..60 %}{% set x = x | replace({'a': 'aaaa', 'b': 'bbbb'}) %}{% endfor %}",
           "{% set x = 'ab' %}{% for i in 1..60 %}{% set x = x | replace({'.': '$0$0$0$0'}, true) %}{% endfor %}",
           "{% for i in 1..1000 %}{% for j in 1..1000 %}{% for k in 1..1000 %}{% endfor %}{% endfor %}{% endfor %}",
           "{% for i in 1..100000 %}{{ printContext() }}{% endfor %}", "{{ 1 | jq('[range(2000000)]') }}",
           "{% for i in 1..90000 %}{% set x = [x ?? 1] %}{% endfor %}", "{% set x = [1] %}{% for i in 1..60 %}{% set x = x | merge(x) %}{% endfor %}",
       }) {
    EXPECT_EQ(CodeOf(source, limits), Code::kResourceExhausted) << source;
  }
}

TEST(ExprBudget, LimitsAreTheCallers) {
  EXPECT_EQ(CodeOf("{{ 1 + 1 }}", {.steps = 2}), Code::kResourceExhausted);
  EXPECT_EQ(CodeOf("{{ 1 + 1 }}", {.steps = 100}), Code::kOk);
  EXPECT_EQ(CodeOf("0123456789{{ 1 }}", {.output_bytes = 10}), Code::kResourceExhausted);
  EXPECT_EQ(CodeOf("0123456789{{ 1 }}", {.output_bytes = 11}), Code::kOk);
  EXPECT_EQ(CodeOf("{{ render(vars.template) }}", {.depth = 0}), Code::kResourceExhausted);
  EXPECT_EQ(CodeOf("{{ range(1, 999) ?? 1 }}", {.steps = 100}), Code::kResourceExhausted);
  EXPECT_EQ(Render("{{ 1 + 1 }}", {.steps = 2}), "ERROR the expression needs more than 2 steps ({{ 1 + 1 }}:1)");
}

class SecretEnvironment final : public BasicEnvironment {
 public:
  SecretEnvironment() : BasicEnvironment(FromMicros(0), 1) {}
  Result<Value> Call(std::string_view function, const Array& positional, const Object& named,
                     const Value& context) override {
    if (function == "secret" && positional.at(0) == "TOKEN") return Value("s3cret");
    if (function == "secret") return NotFound("Cannot find secret for key '" + ToText(positional.at(0)) + "'.");
    if (function == "kv") return Value(Object({{"key", positional.at(0)}, {"named", named}, {"ns", context.at("flow").at("namespace")}}));
    return Environment::Call(function, positional, named, context);
  }
};

TEST(ExprEnvironment, AnswersWhatTheEngineDoesNotKnow) {
  SecretEnvironment environment;
  const auto render = [&](std::string_view source) {
    const auto text = (*Template::Compile(source))->RenderText(TestContext(), environment);
    return text ? *text : "ERROR " + text.error().message;
  };
  EXPECT_EQ(render("{{secret(\"TOKEN\")}}"), "s3cret");
  EXPECT_EQ(render("Bearer {{ secret('TO' ~ 'KEN') | upper }}"), "Bearer S3CRET");
  EXPECT_EQ(render("{{ kv('a', namespace=flow.id) }}"), R"({"key":"a","named":{"namespace":"f"},"ns":"company.team"})");
  EXPECT_EQ(render("{{ kv('a').key }}"), "a");
  EXPECT_EQ(render("{{ secret('X') ?? 'd' }}"), "ERROR Cannot find secret for key 'X'. ({{ secret('X') ?? 'd' }}:1)");
  EXPECT_EQ(render("{{ http('http://x') }}"), "ERROR function `http` is not available here ({{ http('http://x') }}:1)");
  EXPECT_TRUE(environment.KnowsFunction("secret"));
  EXPECT_FALSE(environment.KnowsFunction("now"));
}

TEST(ExprNames, AreSortedAndKnown) {
  for (const auto& names : {FunctionNames(), FilterNames(), TestNames()}) EXPECT_TRUE(std::is_sorted(names.begin(), names.end()));
  const auto contains = [](const std::vector<std::string>& names, std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  EXPECT_TRUE(contains(FunctionNames(), "secret") && contains(FunctionNames(), "now"));
  EXPECT_TRUE(contains(FilterNames(), "jq") && contains(TestNames(), "defined"));
}

// FLOWS 2.5 and 2.6.
TEST(ExprNames, CoverTheLanguage) {
  const auto missing = [](const std::vector<std::string>& names, std::initializer_list<std::string> wanted) {
    std::string out;
    for (const std::string& name : wanted) {
      if (std::find(names.begin(), names.end(), name) == names.end()) out += name + " ";
    }
    return out;
  };
  EXPECT_EQ(missing(FunctionNames(), {"now", "max", "min", "range", "block", "parent", "render", "renderOnce", "json", "fromJson",
                                      "yaml", "fromIon", "secret", "kv", "read", "fileURI", "fileSize", "fileExists", "isFileEmpty",
                                      "encrypt", "decrypt", "currentEachOutput", "printContext", "fetchContext", "errorLogs",
                                      "tasksWithState", "uuid", "id", "ksuid", "nanoId", "randomInt", "randomPort", "http", "subflow"}), "");
  EXPECT_EQ(missing(FilterNames(), {"abbreviate", "abs", "capitalize", "default", "first", "last", "join", "length", "lower", "upper",
                                    "title", "trim", "slice", "sort", "rsort", "reverse", "merge", "split", "urlencode",
                                    "base64encode", "base64decode", "sha256", "nl2br", "date", "dateAdd", "timestamp",
                                    "timestampMilli", "timestampMicro", "timestampNano", "json", "toJson", "yaml", "toIon", "jq",
                                    "keys", "values", "chunk", "flatten", "distinct", "number", "string", "className",
                                    "numberFormat", "replace", "substringBefore", "substringAfter", "substringBeforeLast",
                                    "substringAfterLast", "startsWith", "endsWith", "slugify", "escapeChar", "indent", "nindent",
                                    "urldecode", "md5", "sha1", "sha512"}), "");
}

TEST(ExprCache, GivesTheSameTemplateToAllThreads) {
  const auto first = *CompileCached("{{ inputs.name }} cached");
  EXPECT_EQ(first, *CompileCached("{{ inputs.name }} cached"));
  EXPECT_FALSE(CompileCached("{{ broken").has_value());
  std::vector<std::string> results(8);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < results.size(); ++i) {
    threads.emplace_back([&, i] {
      BasicEnvironment environment = TestEnvironment();
      for (int round = 0; round < 500; ++round) {
        const auto text = "{{ inputs.name }} " + std::to_string(round % 50);
        results[i] = *(*CompileCached(text))->RenderText(TestContext(), environment);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::string& result : results) EXPECT_EQ(result, "Ada 49");
}

TEST(ExprTemplate, LiteralsAreNotParsed) {
  EXPECT_TRUE((*Template::Compile("a { b } c"))->is_literal());
  EXPECT_FALSE((*Template::Compile("a {{ b }}"))->is_literal());
  EXPECT_EQ((*Template::Compile("a {{ b }}"))->source(), "a {{ b }}");
}

}  // namespace
}  // namespace headrace::expr
