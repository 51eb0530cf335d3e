#include "tests/unit/expr/expr_fixture.h"

namespace headrace::expr {
namespace {

TEST(ExprLanguage, TextWithoutExpressionsIsItself) {
  ExpectAll({{"", ""}, {"plain", "plain"}, {"{ not } one", "{ not } one"}, {"a } b {", "a } b {"}, {"${x}", "${x}"}});
}

TEST(ExprLanguage, Literals) {
  ExpectAll({
      {"{{ 1 }}", "1"}, {"{{ 1.50 }}", "1.5"}, {"{{ 10L }}", "10"}, {"{{ 'a' }}", "a"}, {"{{ \"a\" }}", "a"},
      {"{{ true }}{{ false }}", "truefalse"}, {"{{ null }}{{ none }}", ""}, {"{{ [1, 'a', [2]] }}", "[1,\"a\",[2]]"},
      {"{{ {'a': 1, 'b': {'c': 2}} }}", "{\"a\":1,\"b\":{\"c\":2}}"}, {"{{ [] }}", "[]"}, {"{{ {} }}", "{}"},
      {"{{ {'a': {'b': {}}}}}", "{\"a\":{\"b\":{}}}"}, {"{{ [1, 2,] }}", "[1,2]"},
      {R"({{ 'it\'s' }})", "it's"}, {R"({{ "say \"x\"" }})", "say \"x\""}, {R"({{ 'a\.b\n' }})", R"(a\.b\n)"},
      {"{{ '}}' }}", "}}"}, {"{{ '%}{{' }}", "%}{{"}, {"{{ 9223372036854775807 }}", "9223372036854775807"},
      {"{{'é'}}", "é"},
  });
}

TEST(ExprLanguage, Interpolation) {
  ExpectAll({
      {"{{ \"Hi #{inputs.name}!\" }}", "Hi Ada!"}, {"{{ \"#{1 + 2}\" }}", "3"},
      {"{{ \"a#{'b' ~ \"#{'c'}\"}d\" }}", "abcd"}, {"{{ \"#{ {'a': 1}.a }\" }}", "1"},
      {"{{ '#{inputs.name}' }}", "#{inputs.name}"}, {"{{ \"#{inputs.name}\" ~ '!' }}", "Ada!"},
  });
}

TEST(ExprLanguage, Access) {
  ExpectAll({
      {"{{ inputs.name }}", "Ada"}, {"{{ inputs['name'] }}", "Ada"}, {"{{ inputs[\"na\" ~ \"me\"] }}", "Ada"},
      {"{{ inputs.list[0] }}", "3"}, {"{{ inputs.list['1'] }}", "1"}, {"{{ inputs.map.n.deep }}", "7"},
      {"{{ outputs['my-task'].value }}", "dash"}, {"{{ [1, 2][1] }}", "2"}, {"{{ {'a': [5]}.a[0] }}", "5"},
      {"{{ (inputs.map).k }}", "v"}, {"{{ inputs.map }}", R"({"k":"v","n":{"deep":7}})"}, {"{{ inputs.none }}", ""},
      {"{{ {'or': 1}.or }}", "1"}, {"{{ {'1': 'one'}[1] }}", "one"}, {"{{ fetchContext().flow.id }}", "f"},
      {"{{ inputs.map[inputs.map.n.deep == 7 ? 'k' : 'x'] }}", "v"},
  });
}

TEST(ExprLanguage, Arithmetic) {
  ExpectAll({
      {"{{ 1 + 2 * 3 }}", "7"}, {"{{ (1 + 2) * 3 }}", "9"}, {"{{ 7 / 2 }}", "3"}, {"{{ 7.0 / 2 }}", "3.5"},
      {"{{ 7 % 3 }}", "1"}, {"{{ -7 / 2 }}", "-3"}, {"{{ 5 - 2 - 1 }}", "2"}, {"{{ -3 + 1 }}", "-2"},
      {"{{ 1 + 0.5 }}", "1.5"}, {"{{ 1.5 + 1.5 }}", "3.0"}, {"{{ +4 }}", "4"}, {"{{ 2 - -2 }}", "4"},
      {"{{ inputs.count*2 }}", "6"}, {"{{ [1] + 2 }}", "[1,2]"}, {"{{ [1] + [2] }}", "[1,2]"},
      {"{{ 10000000.0 * 10 }}", "1.0E8"}, {"{{ -9223372036854775807 - 1 }}", "-9223372036854775808"},
  });
  ExpectErrors({
      {"{{ 1 / 0 }}", "division by zero"}, {"{{ 1 % 0 }}", "division by zero"},
      {"{{ 9223372036854775807 + 1 }}", "the result of `+` does not fit 64 bits"},
      {"{{ (-9223372036854775807 - 1) / -1 }}", "the result of `/` does not fit"},
      {"{{ {} * 2 }}", "`*` cannot be applied to a map and a number"}, {"{{ -'a' }}", "a sign needs a number"},
      {"{{ 1 - 'a' }}", "`-` cannot be applied to a number and a text"},
      {"{{ 'a' - 'b' }}", "`-` cannot be applied to a text and a text"},
  });
}

TEST(ExprLanguage, Comparison) {
  ExpectAll({
      {"{{ 1 == 1.0 }}", "true"}, {"{{ 1 == '1' }}", "false"}, {"{{ 'a' == 'a' }}", "true"}, {"{{ 1 equals 1 }}", "true"},
      {"{{ 1 != 2 }}", "true"}, {"{{ 1 < 2 }}", "true"}, {"{{ 2 <= 2 }}", "true"}, {"{{ 3 > 2.5 }}", "true"},
      {"{{ 1 >= 2 }}", "false"}, {"{{ null == null }}", "true"}, {"{{ null == 0 }}", "false"},
      {"{{ [1, 2] == [1, 2] }}", "true"}, {"{{ {'a': 1} == {'a': 1} }}", "true"}, {"{{ null < 1 }}", "false"},
      {"{{ outputs.check.exitCode == 0 }}", "true"}, {"{{ true == true }}", "true"},
  });
  ExpectErrors({{"{{ 'a' < 1 }}", "`<` cannot be applied to a text and a number"}});
}

TEST(ExprLanguage, Logic) {
  ExpectAll({
      {"{{ true and false }}", "false"}, {"{{ true or false }}", "true"}, {"{{ not true }}", "false"},
      {"{{ not false and true }}", "true"}, {"{{ true or false and false }}", "true"},
      {"{{ (true or false) and false }}", "false"}, {"{{ inputs.yes and inputs.count }}", "true"},
      {"{{ 0 or '' }}", "false"},
      {"{{ true or nothing.here }}", "true"}, {"{{ false and nothing.here }}", "false"},
      {"{{ true ? 'a' : nothing }}", "a"}, {"{{ false ? nothing : 'b' }}", "b"},
      {"{{ true ? false ? 1 : 2 : 3 }}", "2"}, {"{{ false ? 1 : true ? 2 : 3 }}", "2"},
      {"{{ 1 == 1 ? 'y' : 'n' }}", "y"}, {"{{ inputs.none ? 'y' : 'n' }}", "n"},
  });
  ExpectErrors({{"{{ [] and true }}", "a condition needs a boolean"}, {"{{ not {} }}", "a condition needs a boolean"}});
}

TEST(ExprLanguage, Precedence) {
  ExpectAll({
      {"{{ 'a' ~ 'b' | upper }}", "AB"}, {"{{ 'a' ~ ('b' | upper) }}", "aB"}, {"{{ -1 | abs }}", "1"},
      {"{{ inputs.x ?? 'x' == 'x' }}", "true"}, {"{{ inputs.x ?? 'a' ~ 'b' }}", "ab"},
      {"{{ inputs.x ?? 'a' | upper }}", "A"}, {"{{ 1 ~ 2 == '12' }}", "true"}, {"{{ 1..3 ~ '' }}", "[1, 2, 3]"},
      {"{{ not 1 == 2 }}", "false"}, {"{{ 1 + 1 == 2 and 2 * 2 == 4 }}", "true"},
      {"{{ [1] contains 1 == true }}", "false"}, {"{{ 2 * '3' | number }}", "6"},
      {"{{ 2 + 3 is odd }}", "true"}, {"{{ 1 == 1 is null }}", "false"}, {"{{ 5 - 1 | string ~ 1 | number }}", "-6"},
  });
}

TEST(ExprLanguage, ConcatenationRangeAndMembership) {
  ExpectAll({
      {"{{ 'a' ~ 1 ~ null ~ true ~ 1.5 }}", "a1true1.5"}, {"{{ 'm' ~ {'a': 1} }}", "m{a=1}"},
      {"{{ 1..3 }}", "[1,2,3]"}, {"{{ 'a'..'d' }}", "[\"a\",\"b\",\"c\",\"d\"]"}, {"{{ 3..1 }}", "[]"},
      {"{{ [1, 2] contains 2 }}", "true"}, {"{{ [1, 2] contains [2, 1] }}", "true"}, {"{{ [1] contains '1' }}", "false"},
      {"{{ {'a': 1} contains 'a' }}", "true"}, {"{{ 'abc' contains 'b' }}", "true"}, {"{{ null contains 1 }}", "false"},
      {"{{ {'a': 1, 'b': 2} contains ['a', 'b'] }}", "false"},
      {"{{ '1' isIn [1, 2] }}", "true"}, {"{{ 3 isIn [1, 2] }}", "false"}, {"{{ 'a' isIn {'a': 1} }}", "true"},
      {"{{ 1 isIn {'a': 1} }}", "true"}, {"{{ inputs.name isIn ['Ada', 'Bob'] ? 1 : 2 }}", "1"},
  });
  ExpectErrors({{"{{ 1 contains 1 }}", "`contains` cannot be applied"}, {"{{ 1..'a' }}", "a range needs two numbers"}});
}

TEST(ExprLanguage, UndefinedIsAnErrorThatNamesTheExpression) {
  ExpectErrors({
      {"{{ nothing }}", "Unable to find `nothing` used in the expression `{{ nothing }}` at line 1"},
      {"{{ inputs.x }}", "Unable to find `x` used in the expression `{{ inputs.x }}` at line 1"},
      {"a\nb {{ inputs.x.y }} c", "Unable to find `x` used in the expression `{{ inputs.x.y }}` at line 2"},
      {"{{ inputs.none.y }}", "Unable to find `y` used"}, {"{{ inputs.list[9] }}", "Unable to find `9` used"},
      {"{{ inputs.list[-1] }}", "Unable to find `-1` used"}, {"{{ inputs['q'] }}", "Unable to find `q` used"},
      {"{{ inputs.name.lengh }}", "Unable to find `lengh` used"},
      {"{% if inputs.x == 1 %}a{% endif %}", "Unable to find `x` used in the expression `{% if inputs.x == 1 %}` at line 1"},
      {"{{ inputs.x | upper }}", "Unable to find `x`"}, {"{{ inputs.x is null }}", "Unable to find `x`"},
      {"{{ inputs.x is empty }}", "Unable to find `x`"},
  });
  BasicEnvironment environment = TestEnvironment();
  const auto error = (*Template::Compile("one\n{{ inputs.gone }}"))->RenderText(TestContext(), environment).error();
  EXPECT_EQ(error.code, Code::kNotFound);
  ASSERT_EQ(error.violations.size(), 1U);
  EXPECT_EQ(error.violations[0].line, 2);
  EXPECT_EQ(error.violations[0].column, 11);
}

TEST(ExprLanguage, UndefinedCanBeGuarded) {
  ExpectAll({
      {"{{ inputs.x is defined }}", "false"}, {"{{ inputs.x is not defined }}", "true"}, {"{{ a.b.c is defined }}", "false"},
      {"{{ inputs.name is defined }}", "true"}, {"{{ inputs.none is defined }}", "false"},
      {"{{ inputs.x ?? 'd' }}", "d"}, {"{{ inputs.none ?? 'd' }}", "d"}, {"{{ inputs.empty ?? 'd' }}", ""},
      {"{{ inputs.x ??? 'd' }}", "d"}, {"{{ inputs.none ??? 'd' }}", ""}, {"{{ a.b ?? c.d ?? 'e' }}", "e"},
      {"{{ (inputs.x | upper) ?? 'd' }}", "d"}, {"{{ inputs.x | default('d') }}", "d"},
      {"{{ inputs.none | default('d') }}", "d"}, {"{{ inputs.empty | default('d') }}", "d"},
      {"{{ inputs.nolist | default('d') }}", "d"}, {"{{ inputs.name | default('d') }}", "Ada"},
      {"{{ inputs.no | default('d') }}", "false"}, {"{{ inputs.none.x ?? 'd' }}", "d"},
      {"{{ inputs.list[7] ?? 'd' }}", "d"}, {"{{ inputs.x ?? inputs.name | upper }}", "ADA"},
      {"{% macro m() %}{{ gone }}{% endmacro %}{{ m() ?? 'd' }}", "d"},
      {"{{ inputs.x is defined ? inputs.x : 'd' }}", "d"},
  });
  ExpectErrors({{"{{ inputs.x ?? inputs.y }}", "Unable to find `y`"}, {"{{ (1 / 0) ?? 2 }}", "division by zero"}});
}

TEST(ExprLanguage, Tests) {
  ExpectAll({
      {"{{ '' is empty }}{{ ' ' is empty }}{{ [] is empty }}{{ {} is empty }}{{ null is empty }}", "truetruetruetruetrue"},
      {"{{ 'a' is empty }}{{ 0 is empty }}{{ [0] is not empty }}", "falsefalsetrue"},
      {"{{ 2 is even }}{{ 3 is even }}{{ 3 is odd }}{{ -3 is odd }}{{ 2 is not odd }}", "truefalsetruetruetrue"},
      {"{{ [] is iterable }}{{ 'a' is iterable }}", "truefalse"}, {"{{ {} is map }}{{ [] is map }}", "truefalse"},
      {"{{ null is null }}{{ 1 is null }}{{ 1 is not null }}", "truefalsetrue"},
      {"{{ '{\"a\":1}' is json }}{{ 'no' is json }}{{ '[1' is not json }}", "truefalsetrue"},
  });
  ExpectErrors({{"{{ 'a' is even }}", "`even` and `odd` need a whole number"}});
}

TEST(ExprLanguage, If) {
  ExpectAll({
      {"{% if true %}a{% endif %}", "a"}, {"{% if false %}a{% endif %}", ""}, {"{% if false %}a{% else %}b{% endif %}", "b"},
      {"{% if false %}a{% elseif true %}b{% else %}c{% endif %}", "b"}, {"{% if inputs.count > 2 %}x{% endif %}", "x"},
      {"{% if 1 %}a{% endif %}{% if 0 %}b{% endif %}{% if 'x' %}c{% endif %}{% if '' %}d{% endif %}", "ac"},
      {"{% if true %}{% if false %}a{% else %}b{% endif %}{% endif %}", "b"},
      {"{% if false %}{{ nothing }}{% endif %}ok", "ok"},
  });
}

TEST(ExprLanguage, For) {
  ExpectAll({
      {"{% for x in inputs.list %}{{ x }};{% endfor %}", "3;1;2;"}, {"{% for x in [] %}a{% else %}none{% endfor %}", "none"},
      {"{% for x in 1..3 %}{{ loop.index }}/{{ loop.length }} {% endfor %}", "0/3 1/3 2/3 "},
      {"{% for x in 1..3 %}{{ loop.first }}{{ loop.last }}{{ loop.revindex }} {% endfor %}", "truefalse2 falsefalse1 falsetrue0 "},
      {"{% for e in {'a': 1, 'b': 2} %}{{ e.key }}={{ e.value }};{% endfor %}", "a=1;b=2;"},
      {"{% for x in [1, 2] %}{% for y in ['a', 'b'] %}{{ x }}{{ y }}{{ loop.index }} {% endfor %}{{ loop.index }};{% endfor %}",
       "1a0 1b1 0;2a0 2b1 1;"},
      {"{% for x in null %}a{% else %}none{% endfor %}", ""}, {"{% for x in inputs.words %}{{ x | upper }}{% endfor %}", "BA"},
      {"{% set n = 0 %}{% for x in [1, 2, 3] %}{% set n = n + x %}{% endfor %}{{ n }}", "6"},
      {"{% set l = [1, 2] %}{% for x in l %}{% set l = [] %}{{ x }}{% endfor %}{{ l }}", "12[]"},
      {"{% for x in [[1, 2]] %}{% set l = x %}{{ l[1] }}{% endfor %}", "2"},
  });
  ExpectErrors({{"{% for x in 'abc' %}{% endfor %}", "`for` needs a list or a map"},
                {"{% for x in [1] %}{% endfor %}{{ x }}", "Unable to find `x`"}});
}

TEST(ExprLanguage, Set) {
  ExpectAll({
      {"{% set a = 1 %}{{ a }}", "1"}, {"{% set a = 1 %}{% set a = a + 1 %}{{ a }}", "2"},
      {"{% set inputs = {'name': 'Bob'} %}{{ inputs.name }}", "Bob"},
      {"{% set a = inputs.map %}{{ a.n.deep }}", "7"}, {"{% if true %}{% set a = 1 %}{% endif %}{{ a }}", "1"},
      {"{% set a = [1] %}{% set b = a %}{% set a = [2] %}{{ a }}{{ b }}", "[2][1]"},
      {"{% set x = {'a': [1, 2]} %}{% set x = x.a %}{{ x }}", "[1,2]"},
  });
}

TEST(ExprLanguage, Macros) {
  ExpectAll({
      {"{% macro m(a, b=\"x\") %}[{{ a }}|{{ b }}]{% endmacro %}{{ m(1) }}{{ m(1, 2) }}{{ m(b=3, a=4) }}", "[1|x][1|2][4|3]"},
      {"{{ m('later') }}{% macro m(a) %}<{{ a }}>{% endmacro %}", "<later>"},
      {"{% macro m(a) %}{{ a }}{% endmacro %}{{ m() }}", ""}, {"{% macro m() %}{{ inputs.name }}{% endmacro %}{{ m() | upper }}", "ADA"},
      {"{% macro f(n) %}{{ n }}{% if n > 0 %}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(3) }}", "3210"},
      {"{% set a = 1 %}{% macro m(a) %}{% set a = 9 %}{{ a }}{% endmacro %}{{ m(5) }}{{ a }}", "91"},
      {"{% macro m(a, b=a.x ?? 'd') %}{{ b }}{% endmacro %}{{ m({'x': 1}) }}", "d"},
  });
  ExpectErrors({
      {"{% set v = 1 %}{% macro m() %}{{ v }}{% endmacro %}{{ m() }}", "Unable to find `v`"},
      {"{% macro m() %}{% endmacro %}{{ m(1) }}", "the macro `m` takes 0 arguments"},
      {"{% macro m(a) %}{% endmacro %}{{ m(b=1) }}", "the macro `m` has no argument `b`"},
      {"{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "the expression nests deeper than 1000"},
      {"{% macro m() %}{% endmacro %}{% macro m() %}{% endmacro %}", "there are two macros `m` at line 1, column 39"},
  });
}

TEST(ExprLanguage, BlocksAndFilterTags) {
  ExpectAll({
      {"{% block \"b\" %}x{% endblock %}{{ block(\"b\") | upper }}", "xX"}, {"{% block b %}x{% endblock b %}", "x"}, {"{{ block('nope') }}", ""},
      {"{% block b %}1{% endblock %}{% block b %}2{% endblock %}{{ block('b') }}", "222"}, {"{% filter upper %}a{{ inputs.name }}{% endfilter %}", "AADA"},
      {"{% filter trim | upper | replace({'A': 'b'}) %} a {% endfilter %}", "b"},
      {"{% set x = {'a': 1} %}{{ x.a ~ block('b') ~ x.a }}{% block b %}{% set x = {'a': 2} %}{{ x.a }}{% endblock %}{{ x.a }}", "12122"},
  });
  ExpectErrors({{"{{ parent() }}", "`parent`: a template stands alone"}});
}

TEST(ExprLanguage, CommentsVerbatimAndRaw) {
  ExpectAll({
      {"a{# {{ nothing }} #}b", "ab"}, {"a {#- x -#} b", "ab"}, {"{% verbatim %}{{ x }}{% if %}{% endverbatim %}!", "{{ x }}{% if %}!"},
      {"{% raw %}{{ x }}{% endraw %}", "{{ x }}"}, {"{%- raw -%} {{ x }} {%- endraw -%}", " {{ x }} "},
      {"a {% raw %}\n{# c #}\n{% endraw %} b", "a \n{# c #}\n b"},
      {"{{ 1 }}{% raw %}{{ 2 }}{% endraw %}{{ 3 }}", "1{{ 2 }}3"},
  });
}

TEST(ExprLanguage, WhitespaceControl) {
  ExpectAll({
      {"a  {{- 1 -}}  b", "a1b"}, {"a  {{ 1 -}}  b", "a  1b"}, {"a \n {%- if true -%} \n x \n {%- endif -%} \n b", "axb"},
      {"a\n{% if true %}\nb\n{% endif %}\nc", "a\n\nb\n\nc"}, {"{{ 1 -}} {{- 2 }}", "12"}, {"{{ -1 }}", "-1"},
      {"{{- -1 -}}", "-1"}, {"x {{ 2 -1 }} y", "x 1 y"}, {"{{ 1 }}\n", "1\n"},
  });
}

TEST(ExprLanguage, SyntaxErrorsSayWhereAndWhat) {
  ExpectErrors({
      {"{{ 1", "`{{` is not closed by `}}` at line 1, column 1"}, {"{% if true", "`{%` is not closed by `%}`"},
      {"a\n  {{ (1 }}", "`(` is not closed at line 2, column 6"}, {"{{ [1) }}", "`[` is not closed at line 1, column 4"},
      {"{{ 1) }}", "`)` closes nothing"}, {"{{ 'a }}", "the string is not closed at line 1, column 4"},
      {"{# a", "the comment `{#` is not closed"}, {"{{ }}", "expected a value but found `}}` at line 1, column 4"},
      {"{{ a b }}", "expected `}}` but found `b` at line 1, column 6"}, {"{{ a. }}", "expected a name after `.`"},
      {"{{ 1 ? 2 }}", "expected `:` after the first branch"}, {"{{ a & b }}", "unexpected character `&`"},
      {"{{ now().hour() }}", "there is no method `hour()`"},
      {"{% if true %}a", "`if` is not closed by `{% endif %}` at line 1, column 4"},
      {"{% endif %}", "the tag `endif` does not belong here"}, {"{% for x inputs %}{% endfor %}", "expected `in`"},
      {"{% include 'x' %}", "the tag `include` is not supported"}, {"{% extends 'x' %}", "the tag `extends` is not supported"},
      {"{% fro x in y %}{% endfor %}", "there is no tag `fro`; did you mean `for`? at line 1, column 4"},
      {"{{ 'a' | escape }}", "the filter `escape` is not part of the language"}, {"{{ 'a' | raw }}", "the filter `raw`"},
      {"{{ 'a' |\n uppper }}", "there is no filter `uppper`; did you mean `upper`? at line 2, column 2"},
      {"{{ secrets('a') }}", "there is no function `secrets`; did you mean `secret`? at line 1, column 4"},
      {"{{ 1 is defind }}", "there is no test `defind`; did you mean `defined`?"},
      {"{{ 1 | date(formt='x') }}", "the filter `date` has no argument `formt`; did you mean `format`?"},
      {"{{ 'a' | replace }}", "the filter `replace` needs the argument `replace_pairs`"},
      {"{{ 'a' | upper(1) }}", "the filter `upper` takes at most 0 arguments"},
      {"{{ now(format='a', 'b') }}", "an argument without a name cannot follow"},
      {"{{ now('a', format='b') }}", "the argument `format` is given twice"},
      {"{{ 99999999999999999999 }}", "the number 99999999999999999999 does not fit 64 bits"},
      {"{{ \"#{1\" }}", "the string is not closed"}, {"{{ and }}", "expected a value but found `and`"},
  });
  const auto error = Template::Compile("x\ny {{ a | nope }}").error();
  EXPECT_EQ(error.code, Code::kInvalidArgument);
  ASSERT_EQ(error.violations.size(), 1U);
  EXPECT_EQ(error.violations[0].line, 2);
  EXPECT_EQ(error.violations[0].column, 10);
}

TEST(ExprLanguage, DeepInputIsRefusedNotOverflowed) {
  const auto repeat = [](std::string_view text, int times) {
    std::string out;
    for (int i = 0; i < times; ++i) out += text;
    return out;
  };
  const auto fails = [](const std::string& source) { return !Template::Compile(source).has_value(); };
  EXPECT_TRUE(fails("{{ " + repeat("(", 20'000) + "1" + repeat(")", 20'000) + " }}"));
  EXPECT_TRUE(fails("{{ " + repeat("not ", 20'000) + "true }}"));
  EXPECT_TRUE(fails("{{ " + repeat("[", 20'000) + repeat("]", 20'000) + " }}"));
  EXPECT_TRUE(fails("{{ a" + repeat(".b", 20'000) + " }}"));
  EXPECT_TRUE(fails("{{ 1" + repeat(" ~ 1", 20'000) + " }}"));
  EXPECT_TRUE(fails("{{ 1" + repeat(" | string", 20'000) + " }}"));
  EXPECT_TRUE(fails("{{ true " + repeat("? true : true ", 20'000) + " }}"));
  EXPECT_TRUE(fails(repeat("{% if true %}", 20'000)));
  EXPECT_TRUE(fails("{{ " + repeat("\"#{", 10'000) + " }}"));
  EXPECT_EQ(Render("{{ 1" + repeat(" ~ 1", 300) + " }}").size(), 301U);
}

}  // namespace
}  // namespace headrace::expr
