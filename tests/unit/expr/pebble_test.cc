// What Pebble's own tests ask of operators, tags, tests and filters, in the dialect that Kestra configures.
#include "tests/unit/expr/expr_fixture.h"

namespace headrace::expr {
namespace {

TEST(Pebble, Arithmetic) {
  ExpectAll({
      {"{{ 1 + 1 + 1 }}", "3"}, {"{{ 5 - 3 }}", "2"}, {"{{ 5 * 3 }}", "15"}, {"{{ 10 / 3 }}", "3"}, {"{{ 10 / 4.0 }}", "2.5"},
      {"{{ 10.0 / 4 }}", "2.5"}, {"{{ 5 % 2 }}", "1"}, {"{{ -5 % 3 }}", "-2"}, {"{{ 5.5 % 2 }}", "1.5"}, {"{{ 2 + 3 * 4 - 1 }}", "13"},
      {"{{ (2 + 3) * (4 - 1) }}", "15"}, {"{{ 8 / 2 / 2 }}", "2"}, {"{{ 8 - 2 - 2 }}", "4"}, {"{{ -(-3) }}", "3"}, {"{{ - 3 + 5 }}", "2"},
      {"{{ 0.1 + 0.2 }}", "0.30000000000000004"}, {"{{ 1.0 }}", "1.0"}, {"{{ 3.0 * 2 }}", "6.0"}, {"{{ 2147483647 + 1 }}", "2147483648"},
      {"{{ inputs.count + 1 }}", "4"}, {"{{ inputs.ratio * 2 }}", "3.0"}, {"{{ inputs.count / 2 }}", "1"}, {"{{ inputs.count - inputs.ratio }}", "1.5"},
      {"{{ 1.0 / 0 }}", "Infinity"}, {"{{ '4' | number + 1 }}", "5"}, {"{{ 12345678.9 }}", "1.23456789E7"}, {"{{ 0.0001 }}", "1.0E-4"},
  });
  ExpectErrors({
      {"{{ 'a' * 1 }}", "`*` cannot be applied to a text and a number"}, {"{{ 1 - 'a' }}", "`-` cannot be applied to a number and a text"},
      {"{{ null + 1 }}", "`+` cannot be applied to a null and a number"}, {"{{ true * 2 }}", "`*` cannot be applied to a boolean"},
      {"{{ {} + 1 }}", "`+` cannot be applied to a map"}, {"{{ 'a' / 2 }}", "`/` cannot be applied"}, {"{{ 5 / 0 }}", "division by zero"},
  });
}

TEST(Pebble, ListsTakePlusAndMinus) {
  ExpectAll({
      {"{{ [1] + 2 }}", "[1,2]"}, {"{{ [1] + [2, 3] }}", "[1,2,3]"}, {"{{ [] + 'a' }}", "[]a"}, {"{{ [1] + [[2]] }}", "[1,[2]]"}, {"{{ [1] + null }}", "[1,null]"},
      {"{{ [1, 2, 1] - 1 }}", "[2,1]"}, {"{{ [1, 2, 1] - [1] }}", "[2]"}, {"{{ [1, 2] - 9 }}", "[1,2]"}, {"{{ inputs.list - [1, 2] }}", "[3]"},
  });
}

TEST(Pebble, Comparison) {
  ExpectAll({
      {"{{ 3 > 2 }}{{ 2 > 3 }}{{ 3 >= 3 }}{{ 3 < 3 }}{{ 3 <= 3 }}", "truefalsetruefalsetrue"}, {"{{ 1 == 1.0 }}{{ 1.5 == 1.5 }}", "truetrue"},
      {"{{ 2 equals 2 }}{{ 2 equals 3 }}", "truefalse"}, {"{{ 'a' == 'a' }}{{ 'a' == 'A' }}", "truefalse"}, {"{{ '1' == 1 }}", "false"},
      {"{{ 1 != 2 }}{{ 'a' != 'a' }}", "truefalse"}, {"{{ null == null }}{{ null != 'x' }}", "truetrue"}, {"{{ true == 'true' }}", "false"},
      {"{{ [1] == [1] }}{{ [1] == [2] }}", "truefalse"}, {"{{ {'a': 1} == {'a': 1} }}", "true"}, {"{{ null > 1 }}{{ 1 > null }}", "falsefalse"},
      {"{{ inputs.ratio > inputs.count }}", "false"}, {"{{ 9007199254740993 == 9007199254740992 }}", "false"}, {"{{ outputs.check.exitCode == 0 }}", "true"},
  });
  ExpectErrors({{"{{ [1] > 1 }}", "`>` cannot be applied to a list and a number"}, {"{{ true < 1 }}", "`<` cannot be applied"}});
}

TEST(Pebble, LogicAndNot) {
  ExpectAll({
      {"{{ true and not true }}", "false"}, {"{{ not false }}", "true"}, {"{{ not (1 == 2) }}", "true"}, {"{{ not inputs.no }}", "true"},
      {"{{ not true or true }}", "true"}, {"{{ not missing is defined }}", "false"}, {"{{ not inputs.name is empty }}", "false"}, {"{{ not (inputs.name is empty) and inputs.yes }}", "true"},
      {"{{ not (inputs.list contains 9) and inputs.yes }}", "true"}, {"{{ false and inputs.none }}{{ true or inputs.none }}", "falsetrue"},
      {"{% if inputs.count and 'x' %}y{% endif %}", "y"}, {"{% if inputs.empty or 0 %}y{% else %}n{% endif %}", "n"},
      {"{{ inputs.none ? 'y' : 'n' }}", "n"}, {"{{ (true ? 'a' : 'b') ~ 'c' }}", "ac"}, {"{{ 3 > 2 ? 'more' : 'less' }}", "more"},
  });
}

TEST(Pebble, NullHasNoTruth) {
  ExpectErrors({{"{% if inputs.none %}{% endif %}", "a condition needs a boolean, a number or a text, not a null"}, {"{{ not inputs.none }}", "a condition needs"},
                {"{{ inputs.none or true }}", "a condition needs"}, {"{{ true and inputs.none }}", "a condition needs"}, {"{{ not inputs.list contains 3 }}", "a condition needs"}});
}

TEST(Pebble, TextsAndBooleansHaveNoOrder) {
  ExpectErrors({{"{{ 'a' < 'b' }}", "`<` cannot be applied to a text and a text"}, {"{{ true > false }}", "`>` cannot be applied to a boolean"}, {"{{ '2' >= 1 }}", "`>=` cannot be applied"}});
}

TEST(Pebble, JoinedListsAndMapsAreJavas) {
  ExpectAll({
      {"{{ [null, true, 1.5, 'x', {'k': [null]}] ~ '' }}", "[null, true, 1.5, x, {k=[null]}]"}, {"{{ 'a' + inputs.list }}{{ \"#{inputs.words}!\" }}", "a[3, 1, 2][b, a]!"},
      {"{{ [[1, 2], [3]] | join(';') }}", "[1, 2];[3]"}, {"{{ inputs.list | upper }}{{ inputs.list | string }}", "[3, 1, 2][3, 1, 2]"}, {"{{ inputs.list ~ inputs.none }}{{ inputs.list }}", "[3, 1, 2][3,1,2]"},
  });
}

TEST(Pebble, InnerTextsAreJavasToo) {
  ExpectAll({
      {"{% macro m(x) %}{{ x }}{% endmacro %}{{ m({'k': 1}) }}{{ m([1, null]) }}{{ m(null) }}{{ m(1.5) }}", "{k=1}[1, null]1.5"}, {"{% filter upper %}{{ ['a', 'b'] }}{% endfilter %}", "[A, B]"},
      {"{% block b %}{{ ['a'] }}{% endblock %}{{ block('b') }}", R"(["a"][a])"}, {"{% macro m(x) %}{{ x | json }}{% endmacro %}{{ m(['a']) }}", R"(["a"])"},
  });
}

TEST(Pebble, LiteralMapsHaveTheOrderOfAHashMap) {
  ExpectAll({{"{{ {'foo': 1, 'bar': 2} }}", R"({"bar":2,"foo":1})"}, {"{{ {'b': 1, 'e': 2} | keys }}", R"(["e","b"])"}, {"{{ {'x': 1} | merge({'name': 2, 'foo': 3}) }}", R"({"foo":3,"x":1,"name":2})"}});
}

TEST(Pebble, EntriesOfMaps) {
  ExpectAll({
      {"{% for e in inputs.map %}{{ e }};{{ e.key }}{{ e.getKey() }}{{ e.value }};{% endfor %}", "k=v;kkv;n={deep=7};nn{\"deep\":7};"}, {"{% for e in {'a': 1} %}{{ e | json }}{{ e ~ '!' }}{{ [e] }}{{ e is map }}{% endfor %}", R"({"a":1}a=1![{"a":1}]false)"},
      {"{% for e in {'a': 1} %}{% set f = e %}{{ f }}{{ f.getValue() }}{% endfor %}", "a=11"}, {"{{ {'a': 1}.entrySet() }}", R"([{"a":1}])"}, {"{% for e in {'a': 1}.entrySet %}{{ e }}{% endfor %}", "a=1"},
  });
  EXPECT_EQ(RenderJson("{% for e in {'a': 1} %}{{ e }}{% endfor %}"), R"({"a":1})");
  ExpectErrors({{"{{ {'a': 1}.getKey() }}", "`getKey`: needs an entry"}});
}

TEST(Pebble, WordsOfOtherLanguagesGetARemedy) {
  ExpectErrors({
      {"{{ true && false }}", "unexpected character `&`; write `and`"}, {"{{ !true }}", "unexpected character `!`; write `not`"}, {"{{ true || false }}", "expected the name of a filter but found `|`; write `or`"},
      {"{{ 1 in [1] }}", "expected `}}` but found `in`; write `isIn` or `contains`"}, {"{{ 1 = 1 }}", "expected `}}` but found `=`; two values are compared by `==`"},
  });
}

TEST(Pebble, ContainsAndRange) {
  ExpectAll({
      {"{{ inputs.list contains 3 }}", "true"}, {"{{ inputs.list contains '3' }}", "false"}, {"{{ inputs.list contains [1, 3] }}", "true"},
      {"{{ inputs.list contains [1, 9] }}", "false"}, {"{{ inputs.map contains 'k' }}", "true"}, {"{{ inputs.map contains 'v' }}", "false"},
      {"{{ inputs.name contains 'd' }}", "true"}, {"{{ inputs.name contains inputs.none }}", "false"}, {"{{ inputs.none contains 'a' }}", "false"},
      {"{{ 0..2 }}", "[0,1,2]"}, {"{% for i in 1..inputs.count %}{{ i }}{% endfor %}", "123"}, {"{{ 'x'..'z' }}", R"(["x","y","z"])"},
      {"{{ range(0, 10, 5) }}", "[0,5,10]"}, {"{{ range(5, 0, -2) }}", "[5,3,1]"}, {"{{ range('c', 'a', -1) }}", R"(["c","b","a"])"},
  });
}

TEST(Pebble, Tests) {
  ExpectAll({
      {"{{ 2 is even }}{{ 3 is odd }}{{ 3 is not even }}", "truetruetrue"}, {"{{ '' is empty }}{{ '  ' is empty }}{{ [] is empty }}{{ {} is empty }}", "truetruetruetrue"},
      {"{{ null is empty }}{{ 0 is empty }}{{ 'a' is not empty }}", "truefalsetrue"}, {"{{ null is null }}{{ 1 is not null }}", "truetrue"},
      {"{{ [] is iterable }}{{ {} is iterable }}{{ 'a' is iterable }}", "truefalsefalse"}, {"{{ {} is map }}{{ [] is map }}", "truefalse"},
      {"{{ inputs.name is defined }}{{ inputs.q is defined }}{{ inputs.none is defined }}", "truefalsefalse"},
      {"{{ q.w.e is not defined }}", "true"}, {"{{ '{}' is json }}{{ '[1' is json }}{{ 'a' is not json }}", "truefalsetrue"},
      {"{{ vars.json is json }}", "true"}, {"{% if inputs.q is defined and inputs.q == 1 %}a{% else %}b{% endif %}", "b"},
  });
  ExpectErrors({{"{{ null is even }}", "`even` and `odd` need a whole number"}, {"{{ 'a' is odd }}", "`even` and `odd`"},
                {"{{ inputs.q is empty }}", "Unable to find `q`"}, {"{{ 1 is evn }}", "there is no test `evn`; did you mean `even`?"}});
}

TEST(Pebble, Loops) {
  ExpectAll({
      {"{% for x in inputs.list %}{{ loop.index }}{{ x }}{{ loop.last ? '' : ',' }}{% endfor %}", "03,11,22"},
      {"{% for x in inputs.list %}{{ loop.length }}{{ loop.revindex }}{{ loop.first }} {% endfor %}", "32true 31false 30false "},
      {"{% for x in inputs.nolist %}a{% else %}none{% endfor %}", "none"}, {"{% for x in inputs.none %}a{% else %}none{% endfor %}", ""},
      {"{% for e in inputs.nomap %}a{% else %}none{% endfor %}", "none"}, {"{% for e in {'a': 1, 'b': 2} %}{{ e.key }}={{ e.value }};{% endfor %}", "a=1;b=2;"},
      {"{% for a in [1, 2] %}{% for b in [3, 4] %}{{ a * b }}{{ loop.index }} {% endfor %}{{ loop.index }}|{% endfor %}", "30 41 0|60 81 1|"},
      {"{% set n = 0 %}{% for x in inputs.list %}{% set n = n + x %}{% endfor %}{{ n }}", "6"}, {"{% for x in inputs.map | keys %}{{ x }}{% endfor %}", "kn"},
      {"{% for x in 'a,b' | split(',') %}<{{ x }}>{% endfor %}", "<a><b>"},
  });
  ExpectErrors({{"{% for x in 5 %}a{% endfor %}", "`for` needs a list or a map, not a number"}, {"{% for x inputs.list %}{% endfor %}", "expected `in`"},
                {"{% for x in inputs.list %}{% endfor %}{{ x }}", "Unable to find `x`"}});
}

TEST(Pebble, MacrosBlocksAndFilterTags) {
  ExpectAll({
      {"{% macro m(a, b='x') %}{{ a }}{{ b }}{% endmacro %}{{ m('1') }}{{ m('1', '2') }}{{ m(b='3', a='4') }}", "1x1243"},
      {"{% macro input(type='text', name) %}<{{ type }}:{{ name }}>{% endmacro %}{{ input(name='country') }}", "<text:country>"},
      {"{% macro f(n) %}{{ n }}{% if n > 0 %}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(3) }}", "3210"},
      {"{{ m('a') }}{% macro m(x) %}[{{ x }}]{% endmacro %}", "[a]"}, {"{{ m('a') | upper }}{% macro m(x) %}[{{ x }}]{% endmacro %}", "[A]"},
      {"{% block 'b' %}x{{ inputs.count }}{% endblock %}{{ block('b') }}", "x3x3"}, {"{% filter upper %}a{{ inputs.name }}{% endfilter %}", "AADA"},
      {"{% filter upper | lower | capitalize %}aBc{% endfilter %}", "Abc"}, {"{% set a = 'x' %}{% set b = a ~ 'y' %}{{ b }}", "xy"},
  });
  ExpectErrors({{"{% macro m(a) %}{% endmacro %}{{ m(1, 2) }}", "the macro `m` takes 1 arguments"}, {"{% macro m(a) %}{% endmacro %}{{ m(z=2) }}", "the macro `m` has no argument `z`"},
                {"{% include 'x' %}", "the tag `include` is not supported"}, {"{{ 'a' | escape }}", "the filter `escape` is not part"}});
}

TEST(Pebble, WhitespaceAndVerbatim) {
  ExpectAll({
      {"a {{- 1 -}} b", "a1b"}, {"a\n{%- if true %} b {% endif -%}\n c", "a b c"}, {"a {#- c -#} b", "ab"}, {"{% verbatim %}{{ a }}{% if %}{% endverbatim %}", "{{ a }}{% if %}"},
      {"{% raw %}{{ i.am.not }}{% endraw %}", "{{ i.am.not }}"}, {"{{ inputs.name }}{% raw %} {{ x }} {% endraw %}{{ inputs.count }}", "Ada {{ x }} 3"},
      {"{%- raw -%}{{ x }}{%- endraw -%}", "{{ x }}"}, {"{% raw %}{% raw2 %}{% endraw %}a{% raw %}b{% endraw %}", "{% raw2 %}ab"}, {"{# {{ nothing }} #}", ""},
  });
}

TEST(Pebble, Filters) {
  ExpectAll({
      {"{{ 'This is a test of the abbreviate filter' | abbreviate(16) }}", "This is a tes..."}, {"{{ 'abc' | abbreviate(0) }}", ""}, {"{{ -5 | abs }}{{ -5.5 | abs }}", "55.5"},
      {"{{ ' hello' | capitalize }}", " Hello"}, {"{{ inputs.q | default('d') }}{{ '' | default('e') }}{{ 'x' | default('y') }}{{ null | default(3) }}", "dex3"},
      {"{{ inputs.q.w | default('d') | upper }}", "D"}, {"{{ [1, null, 'a'] | join(', ') }}", "1, null, a"}, {"{{ 'one two' | title }}", "One Two"},
      {"{{ [1, 2] | merge([2]) }}", "[1,2,2]"}, {"{{ {'a': 1} | merge(['x']) }}", R"({"a":1,"x":"x"})"}, {"{{ [1] | merge({'a': 1}) }}", R"([1,{"a":1}])"}, {"{{ {'a': 1} | merge }}{{ 'b' | default }}", R"({"a":1}b)"},
      {"{{ null | merge([1]) }}{{ [1] | merge(null) }}", "[1][1]"}, {"{{ 'abcdef' | slice(2, 4) }}{{ 'abc' | slice }}", "cdabc"}, {"{{ [3, 1] | sort | first }}", "1"},
      {"{{ 'b,a' | split(',') | rsort | last }}", "a"}, {"{{ 'aGk=' | base64decode | base64encode }}", "aGk="}, {"{{ 1234.5 | numberFormat('#,##0.00') }}", "1,234.50"},
      {"{{ '1234.5' | numberFormat('0') }}", "1234"}, {"{{ 'hello world' | replace({'world': 'you', 'hello': 'bye'}) }}", "bye you"},
      {"{{ 'a' | upper | lower | title | trim | length }}", "1"}, {"{{ null | length }}{{ null | upper }}{{ null | trim }}{{ null | reverse }}", "0"},
      {"{{ max(3, 1, 2) }}{{ min(3, 1, 2) }}{{ max(1.5, 1) }}", "311.5"}, {"{{ \"a#{inputs.name | upper}b\" }}", "aADAb"},
  });
  ExpectErrors({{"{{ 5 | join(',') }}", "`join`: needs a list"}, {"{{ {} | sort }}", "`sort`: needs a list"}, {"{{ 5 | merge([1]) }}", "`merge`: needs a map or list"},
                {"{{ {} | merge(1) }}", "`merge`: a map takes in"}, {"{{ 'a' | abbreviate }}", "the filter `abbreviate` needs the argument `length`"},
                {"{{ 'a' | slice(-1) }}", "`slice`: -1 to 1 lies outside"}, {"{{ 'a' | uper }}", "there is no filter `uper`; did you mean `upper`?"}});
}

}  // namespace
}  // namespace headrace::expr
