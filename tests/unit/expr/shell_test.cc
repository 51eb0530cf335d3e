// Values in texts that a shell runs: `shq`, and where a template writes what.
#include <algorithm>

#include "common/base/random.h"
#include "common/expr/prints.h"
#include "tests/unit/expr/expr_fixture.h"

namespace headrace::expr {
namespace {

TEST(Shq, MakesOneWordOfAText) {
  ExpectAll({
      {"{{ 'v1.2' | shq }}", "'v1.2'"},
      {"{{ 'a b' | shq }}", "'a b'"},
      {"{{ '' | shq }}", "''"},
      {"{{ null | shq }}", "''"},
      {"{{ \"it's\" | shq }}", R"('it'\''s')"},
      {R"({{ '$(rm -rf /); `id` \ "x"' | shq }})", R"('$(rm -rf /); `id` \ "x"')"},
      {"{{ 5 | shq }} {{ true | shq }} {{ -1.5 | shq }}", "'5' 'true' '-1.5'"},
      {"--tag={{ inputs.name | shq }}", "--tag='Ada'"},
  });
}

TEST(Shq, MakesAWordOfEveryElementAndOneOfAMap) {
  ExpectAll({
      {"{{ ['a b', \"c'd\", 1] | shq }}", R"('a b' 'c'\''d' '1')"},
      {"{{ [] | shq }}", ""},
      {"{{ [[1, 2], null] | shq }}", "'[1,2]' ''"},
      {"{{ {'a': \"x'y\"} | shq }}", R"('{"a":"x'\''y"}')"},
  });
}

TEST(Shq, RefusesWhatNoWordCanHold) {
  ExpectErrors({{R"({{ fromJson('"a\u0000b"') | shq }})", "`shq`: no word of a shell can hold a NUL"}});
}

// "paths quoting" of each place.
std::string PrintsOf(std::string_view text) {
  const auto prints = FindPrints(text);
  if (!prints) return "ERROR " + prints.error().message;
  std::string out;
  for (const Print& print : *prints) {
    for (const auto& path : print.paths) {
      for (const std::string& step : path) out += step + (&step == &path.back() ? " " : ".");
    }
    out += print.quoting == ShellQuoting::kNone ? "bare; " : print.quoting == ShellQuoting::kWord ? "word; " : "inside; ";
  }
  return out;
}

TEST(Prints, NameWhatIsWritten) {
  EXPECT_EQ(PrintsOf("plain"), "");
  EXPECT_EQ(PrintsOf("{{ inputs.a }}"), "inputs.a bare; ");
  EXPECT_EQ(PrintsOf("{{ inputs['a-b'].c }} {{ trigger.body }}"), "inputs.a-b.c bare; trigger.body bare; ");
  EXPECT_EQ(PrintsOf("{{ inputs.a[0].b }}{{ inputs[x] }}"), "inputs.a bare; inputs bare; ");
  EXPECT_EQ(PrintsOf("{{ inputs.a ~ '-' ~ vars.b }}"), "inputs.a vars.b bare; ");
  EXPECT_EQ(PrintsOf("{{ \"x #{inputs.a}\" }}"), "inputs.a bare; ");
  EXPECT_EQ(PrintsOf("{{ inputs.a | upper | replace({'x': inputs.b}) }}"), "inputs.a inputs.b bare; ");
  EXPECT_EQ(PrintsOf("{{ [inputs.a, {'k': inputs.b}] }}"), "inputs.a inputs.b bare; ");
  EXPECT_EQ(PrintsOf("{{ inputs.a ?? inputs.b | default(inputs.c) }}"), "inputs.a inputs.b inputs.c bare; ");
  EXPECT_EQ(PrintsOf("{{ printContext() }}{{ render(vars.x) }}"), "inputs trigger bare; vars.x bare; ");
  EXPECT_EQ(PrintsOf("{{ secret('A') }}{{ http(inputs.url) }}"), "");
}

TEST(Prints, LeaveOutWhatOnlySteersOrCannotHarm) {
  EXPECT_EQ(PrintsOf("{{ inputs.ee ? 'kestra-ee' : 'kestra' }}"), "");
  EXPECT_EQ(PrintsOf("{{ inputs.ee ? inputs.a : 'b' }}"), "inputs.a bare; ");
  EXPECT_EQ(PrintsOf("{% if inputs.a == 'x' %}yes{% endif %}"), "");
  EXPECT_EQ(PrintsOf("{{ inputs.a == 'x' }}{{ inputs.a is defined }}{{ not inputs.a }}{{ inputs.a contains 'x' }}"), "");
  EXPECT_EQ(PrintsOf("{{ inputs.a | length }}{{ inputs.a | sha256 }}{{ inputs.a | base64encode }}{{ inputs.a | slugify }}"), "");
  EXPECT_EQ(PrintsOf("{{ inputs.a | date('yyyy') }}{{ inputs.a | number + 1 }}{{ inputs.a * 2 }}"), "");
  EXPECT_EQ(PrintsOf("{{ inputs.a | date(inputs.format) }}"), "inputs.format bare; ");
}

TEST(Prints, FollowVariables) {
  EXPECT_EQ(PrintsOf("{% set t = inputs.a %}v{{ t }}"), "inputs.a bare; ");
  EXPECT_EQ(PrintsOf("{% set t = inputs.a | shq %}v{{ t }}"), "inputs.a word; ");
  EXPECT_EQ(PrintsOf("{% for f in inputs.files %}{{ f }} {{ f | shq }} {{ loop.index }}{% endfor %}"), "inputs.files bare; inputs.files word; ");
  EXPECT_EQ(PrintsOf("{% if x %}{% set t = inputs.a %}{% else %}{% set t = 'b' %}{% endif %}{{ t }}"), "inputs.a bare; ");
  EXPECT_EQ(PrintsOf("{% macro m(x) %}{{ x }}{{ inputs.b }}{% endmacro %}{{ m(inputs.a) }}"), "inputs.b bare; inputs.a bare; ");
}

TEST(Prints, KnowHowAValueIsQuoted) {
  EXPECT_EQ(PrintsOf("{{ inputs.a | shq }}"), "inputs.a word; ");
  EXPECT_EQ(PrintsOf("{{ inputs.a | escapeChar('shell') }}{{ inputs.a | escapeChar('double') }}"), "inputs.a inside; inputs.a bare; ");
  EXPECT_EQ(PrintsOf("{{ (inputs.a | shq) ~ ' ' ~ (inputs.b | shq) }}"), "inputs.a inputs.b word; ");
  EXPECT_EQ(PrintsOf("{{ (inputs.a | shq) ~ inputs.b }}"), "inputs.a inputs.b bare; ");
  EXPECT_EQ(PrintsOf("{{ inputs.a | shq | upper }}"), "inputs.a bare; ") << "what comes behind may undo the quotes";
  EXPECT_EQ(PrintsOf("{% filter shq %}{{ inputs.a }}{% endfilter %}"), "inputs.a word; ");
  EXPECT_EQ(PrintsOf("{% filter md5 %}{{ inputs.a }}{% endfilter %}"), "");
}

TEST(Prints, SayWhereTheyStand) {
  const auto prints = FindPrints("echo {{ inputs.a }}\nls {{ inputs.b }}");
  ASSERT_TRUE(prints);
  ASSERT_EQ(prints->size(), 2U);
  EXPECT_EQ(prints->at(0).offset, 5U);
  EXPECT_EQ(prints->at(1).offset, 23U);
}

// Templates by chance, out of everything that hands a value on.
class AnyTemplate {
 public:
  explicit AnyTemplate(std::uint64_t seed) : random_(seed) {}
  std::string Make() {
    std::string text = "{% macro m(p, q=" + Value(2) + ") %}{{ p }}" + Statement(1) + "{% endmacro %}{% set v = 'w' %}";
    for (int i = 0; i < 3; ++i) text += Statement(3);
    return text;
  }

 private:
  std::string Value(int depth) {
    const auto more = [&] { return Value(depth - 1); };
    switch (random_.Below(depth > 0 ? 18 : 6)) {
      case 0: return "inputs.a";
      case 1: return "inputs['a']";
      case 2: return "inputs.l[0]";
      case 3: return "v";
      case 4: return "'w'";
      case 5: return "5";
      case 6: return "(" + more() + " ~ " + more() + ")";
      case 7: return "(" + more() + " ? " + more() + " : " + more() + ")";
      case 8: return "(inputs.gone ?? " + more() + ")";
      case 9: return "(" + more() + " | string | upper)";
      case 10: return "(" + more() + " | default(" + more() + "))";
      case 11: return "([" + more() + ", " + more() + "] | last)";
      case 12: return "{'k': " + more() + "}.k";
      case 13: return "(" + more() + " | shq)";
      case 14: return "(" + more() + " | length)";
      case 15: return "\"x #{" + more() + "}\"";
      case 16: return "m(" + more() + ")";
      default: return "('z' | replace({'z': " + more() + " ~ ''}))";
    }
  }
  std::string Statement(int depth) {
    const auto more = [&] { return Statement(depth - 1); };
    switch (random_.Below(depth > 0 ? 8 : 4)) {
      case 0: return "{% set v = " + Value(depth) + " %}";
      case 1: return " w ";
      case 2:
      case 3: return "{{ " + Value(2) + " }}";
      case 4: return "{% if " + Value(1) + " %}" + more() + "{% else %}" + more() + "{% endif %}";
      case 5: return "{% for v in [" + Value(1) + ", " + Value(1) + "] %}" + more() + "{{ v }}{% endfor %}";
      case 6: return "{% filter trim %}" + more() + "{% endfilter %}";
      default: return more() + more();
    }
  }
  Random random_;
};

bool StandsBare(std::string_view text, std::string_view value) {
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\'') quoted = !quoted;
    else if (!quoted && text[i] == '\\') ++i;
    else if (!quoted && text.substr(i).starts_with(value)) return true;
  }
  return false;
}

TEST(Prints, GettersOfEverythingWriteEverything) {
  const auto prints = FindPrints("{{ inputs.values }}");
  ASSERT_TRUE(prints && prints->size() == 1);
  EXPECT_EQ(prints->front().paths, (std::vector<std::vector<std::string>>{{"inputs"}, {"inputs", "values"}}));
}

TEST(Prints, NothingIsWrittenThatTheyDoNotName) {
  const headrace::Value context = *ParseJson(R"({"inputs": {"a": "$7;", "l": ["$7;"]}})");
  std::size_t written = 0;
  std::size_t words = 0;
  for (std::uint64_t seed = 0; seed < 20'000; ++seed) {
    const std::string source = AnyTemplate(seed).Make();
    const auto compiled = Template::Compile(source);
    ASSERT_TRUE(compiled) << source << compiled.error().message;
    BasicEnvironment environment = TestEnvironment();
    const auto text = (*compiled)->RenderText(context, environment, {.steps = 100'000});
    if (!text || text->find("$7;") == std::string::npos) continue;
    ++written;
    const auto prints = FindPrints(source);
    ASSERT_TRUE(prints && !prints->empty()) << source << "\n  gives " << *text;
    // If all of them are words of a shell, the value stands nowhere without its quotes.
    if (std::any_of(prints->begin(), prints->end(), [](const Print& print) { return print.quoting != ShellQuoting::kWord; })) continue;
    ++words;
    ASSERT_FALSE(StandsBare(*text, "$7;")) << source << "\n  gives " << *text;
  }
  EXPECT_GT(written, 5'000U);
  EXPECT_GT(words, 100U);
}

// What came to nothing that JSON knows is a text, so that no document breaks on it.
TEST(Numbers, WithoutAPlaceInJsonBecomeTexts) {
  EXPECT_EQ(RenderJson("{{ 1.0 / 0 }}"), R"("Infinity")");
  EXPECT_EQ(RenderJson("{{ 0.0 / 0 }}"), R"("NaN")");
  EXPECT_EQ(RenderJson("{{ [1, -1.0 / 0, {'a': 0.0 / 0}] }}"), R"([1,"-Infinity",{"a":"NaN"}])");
  EXPECT_EQ(RenderJson("{{ 2 | jq('[infinite, nan]') }}"), R"([["Infinity","NaN"]])");
  EXPECT_EQ(RenderJson("{{ fromJson('1e400') }}"), R"("1e400")");
  EXPECT_EQ(RenderJson("{{ fromJson('[18446744073709551616, 9007199254740993]') }}"), R"(["18446744073709551616",9007199254740993])");
}

// libjq's own engine goes back and forth; it counts how often.
TEST(Patterns, OfJqEndToo) {
  for (const char* pattern : {"(a+)+$", "(a|a)+$", "(a|aa)+$"}) {
    const std::string out = Render("{{ '" + std::string(60, 'a') + "!' | jq('test(\"" + pattern + "\")') }}");
    EXPECT_NE(out.find("ERROR the jq expression"), std::string::npos) << out;
  }
}

}  // namespace
}  // namespace headrace::expr
