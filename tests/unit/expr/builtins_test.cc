#include <regex>

#include "tests/unit/expr/expr_fixture.h"

namespace headrace::expr {
namespace {

TEST(ExprFilters, TextShapes) {
  ExpectAll({
      {"{{ 'aé' | upper }}", "AÉ"}, {"{{ 'AÉΩЖ' | lower }}", "aéωж"}, {"{{ ' a b ' | trim }}", "a b"},
      {"{{ 'élan vital' | capitalize }}", "Élan vital"}, {"{{ 'the end of it' | title }}", "The End Of It"},
      {"{{ 'abcdefgh' | abbreviate(6) }}", "abc..."}, {"{{ 'hello' | abbreviate(5) }}{{ 'abc' | abbreviate(3) }}", "he...abc"}, {"{{ 'straße ŉ ﬁ ḃ' | upper }}{{ 'ΑΣ ΣΑ Ḃ' | lower }}", "STRASSE ʼN FI Ḃας σα ḃ"}, {"{{ 'abc' | abbreviate(6) }}", "abc"}, {"{{ 'abcd' | abbreviate(2) }}", "ab"},
      {"{{ 'a\nb\r\nc' | nl2br }}", "a<br />b<br />c"}, {"{{ 'Héllo  Wörld - Straße!' | slugify }}", "hello-world-strasse"},
      {"{{ \"it's\" | escapeChar('single') }}", "it\\'s"}, {"{{ 'a\"b' | escapeChar('double') }}", "a\\\"b"},
      {"{{ \"it's\" | escapeChar(type='shell') }}", "it'\\''s"}, {"{{ 'a\nb' | indent(2) }}", "a\n  b"},
      {"{{ 'a\nb' | nindent(2) }}", "\n  a\n  b"}, {"{{ 'a\nb' | indent(1, '\t') }}", "a\n\tb"},
      {"{{ 42 | string ~ 1 }}", "421"}, {"{{ inputs.none | upper }}", ""}, {"{{ 12 | upper }}", "12"},
  });
  ExpectErrors({{"{{ 'a' | escapeChar('x') }}", "`escapeChar`: the type must be"},
                {"{{ 'a' | indent(-1) }}", "`indent`: the amount"},
                {"{{ 'a' | indent('x') }}", "`indent`: argument 1 must be a whole number, not x"},
                {"{{ 'a' | abbreviate(-1) }}", "`abbreviate`: the length"}});
}

TEST(ExprFilters, ReplaceAndSplit) {
  ExpectAll({
      {"{{ 'aXbX' | replace({'X': '-'}) }}", "a-b-"}, {"{{ 'ab' | replace({'a': 'b', 'b': 'c'}) }}", "cc"},
      {"{{ 'a.b' | replace({'.': '$1'}) }}", "a$1b"}, {R"({{ 'a1b22' | replace({'[0-9]+': '#'}, regexp=true) }})", "a#b#"},
      {R"({{ 'john smith' | replace({'(\w+) (\w+)': '$2 $1'}, regexp=true) }})", "smith john"},
      {R"({{ 'a.b' | replace({'\.': '/'}, true) }})", "a/b"}, {"{{ ['ab', {'k': 'a'}] | replace({'a': 'x'}) }}", R"(["xb",{"k":"x"}])"},
      {R"({{ 'abc' | replace({'': '-'}, regexp=true) }})", "-a-b-c-"}, {"{{ 'abc' | replace({'': '-'}) }}", "abc"},
      {"{{ 'a,b,,c,,' | split(',') }}", R"(["a","b","","c"])"}, {"{{ ',,' | split(',') }}{{ 'a.b' | split('.') }}", "[][]"}, {R"({{ 'ab' | replace({'(?<x>a)(?<y>b)': '${y}${x}'}, true) }})", "ba"}, {R"({{ 'aB1 c' | replace({'[\p{Upper}\p{Digit}]+': '-', '\p{Blank}': '_'}, true) }})", "a-_c"}, {"{{ 'a,b,c' | split(',', 2) }}", R"(["a","b,c"])"},
      {"{{ 'a,b,,' | split(',', -1) }}", R"(["a","b","",""])"}, {R"({{ 'a1b22c' | split('[0-9]+') }})", R"(["a","b","c"])"},
      {"{{ 'abc' | split('') }}", R"(["a","b","c"])"}, {"{{ '' | split(',') }}", R"([""])"}, {R"({{ 'a|b' | split('\|') }})", R"(["a","b"])"},
      {"{{ 'a-b-c' | substringBefore('-') }} {{ 'a-b-c' | substringAfter('-') }}", "a b-c"},
      {"{{ 'a-b-c' | substringBeforeLast('-') }} {{ 'a-b-c' | substringAfterLast('-') }}", "a-b c"},
      {"{{ 'abc' | substringBefore('-') }}|{{ 'abc' | substringAfter('-') }}", "abc|"},
      {"{{ 'abc' | startsWith('ab') }}{{ 'abc' | endsWith('ab') }}", "truefalse"},
  });
  ExpectErrors({{"{{ 'a' | replace('b') }}", "`replace`: the first argument must be a map"},
                {"{{ 'a' | replace({'(': 'x'}, true) }}", "'(' is not a supported regular expression"},
                {"{{ 'a' | replace({'a': '$3'}, true) }}", "the pattern has no group 3"},
                {"{{ 'a' | split('(?=x)') }}", "'(?=x)' is not a supported regular expression"}});
}

TEST(ExprFilters, Encodings) {
  ExpectAll({
      {"{{ 'a b&é*' | urlencode }}", "a+b%26%C3%A9*"}, {"{{ 'a+b%26%C3%A9' | urldecode }}", "a b&é"},
      {"{{ 'hello' | base64encode }}", "aGVsbG8="}, {"{{ 'aGVsbG8=' | base64decode }}", "hello"},
      {"{{ '' | base64encode }}{{ '' | base64decode }}", ""}, {"{{ 'aGVsbG8' | base64decode }}", "hello"},
      {"{{ 'a' | md5 }}", "0cc175b9c0f1b6a831c399e269772661"}, {"{{ 'a' | sha1 }}", "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8"},
      {"{{ 'a' | sha256 }}", "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"},
      {"{{ ('a' | sha512) | slice(0, 8) }}", "1f40fc92"},
  });
  ExpectErrors({{"{{ '!!' | base64decode }}", "`base64decode`: the text is not base64"},
                {"{{ 'a' | base64decode }}", "`base64decode`: the text is not base64"},
                {"{{ '%zz' | urldecode }}", "`urldecode`: `%` must be followed"}, {"{{ '%4' | urldecode }}", "`urldecode`"}});
}

TEST(ExprFilters, Collections) {
  ExpectAll({
      {"{{ inputs.list | first }}{{ inputs.list | last }}", "32"}, {"{{ 'é1' | first }}{{ 'aé' | last }}", "éé"},
      {"{{ [] | first }}", ""}, {"{{ 'a😀b' | length }}{{ 'a😀b' | slice(1, 3) }}{{ 'a😀b' | slice(0, 2) }}{{ 'a😀bcdef' | abbreviate(6) }}", "4😀a?a😀..."}, {"{{ inputs.list | join('-') }}", "3-1-2"}, {"{{ inputs.list | join }}", "312"},
      {"{{ inputs.list | length }}{{ 'aé' | length }}{{ inputs.map | length }}{{ null | length }}", "3220"},
      {"{{ 'abcé' | slice(1, 3) }}{{ 'abcé' | slice(3) }}", "bcé"}, {"{{ inputs.list | slice(1, 3) }}", "[1,2]"},
      {"{{ inputs.list | sort }}{{ inputs.list | rsort }}", "[1,2,3][3,2,1]"}, {"{{ inputs.words | sort }}", R"(["a","b"])"},
      {"{{ inputs.list | reverse }}", "[2,1,3]"}, {"{{ [1] | merge([2]) }}", "[1,2]"},
      {"{{ {'a': 1, 'b': 1} | merge({'b': 2}) }}", R"({"a":1,"b":2})"}, {"{{ inputs.map | keys }}", R"(["k","n"])"},
      {"{{ inputs.list | keys }}", "[0,1,2]"}, {"{{ {'a': 1, 'b': [2]} | values }}", "[1,[2]]"},
      {"{{ [1, 2, 3] | chunk(2) }}", "[[1,2],[3]]"}, {"{{ [1, [2, [3]]] | flatten }}", "[1,2,[3]]"},
      {"{{ [1, 2, 1, 'a', 'a'] | distinct }}", R"([1,2,"a"])"}, {"{{ [2.5, 1, 2] | sort }}", "[1,2,2.5]"},
  });
  ExpectErrors({{"{{ 'a' | chunk(2) }}", "`chunk`: needs a list, not a text"}, {"{{ [1] | chunk(0) }}", "`chunk`: the size"},
                {"{{ {} | flatten }}", "`flatten`: needs a list"}, {"{{ 1 | distinct }}", "`distinct`: needs a list"},
                {"{{ [1, 'a'] | sort }}", "`sort`: the elements"}, {"{{ 'abc' | slice(2, 9) }}", "`slice`: 2 to 9 lies outside"},
                {"{{ 1 | first }}", "`first`: needs a list or text"}, {"{{ '' | first }}", "`first`: the text is empty"}, {"{{ '' | last }}", "`last`: the text is empty"}, {"{{ null | merge(null) }}", "`merge`: both are null"}, {"{{ [1] | merge(2) }}", "`merge`: a list takes in a list or a map, not a number"},
                {"{{ 'a' | keys }}", "`keys`: needs a map or list"}, {"{{ [1] | values }}", "`values`: needs a map"}});
}

TEST(ExprFilters, Numbers) {
  ExpectAll({
      {"{{ -3 | abs }}{{ -2.5 | abs }}", "32.5"}, {"{{ '12' | number }}{{ '1.50' | number }}", "121.5"},
      {"{{ '12' | number('INT') + 1 }}", "13"}, {"{{ '0x10' | number }}", "16"}, {"{{ '0.1' | number('FLOAT') }}", "0.1"},
      {"{{ '12' | number('DOUBLE') }}", "12.0"}, {"{{ '3000000000' | number('LONG') }}", "3000000000"},
      {"{{ '12' | number | className }} {{ '3000000000' | number | className }}", "java.lang.Integer java.lang.Long"},
      {"{{ 'a' | className }} {{ 1.5 | className }} {{ [] | className }}", "java.lang.String java.lang.Double java.util.ArrayList"},
      {"{{ 12345.678 | numberFormat('#,##0.00') }}", "12,345.68"}, {"{{ 0.125 | numberFormat('0.00') }}", "0.12"},
      {"{{ 0.256 | numberFormat('#.#%') }}", "25.6%"}, {"{{ 1234 | numberFormat('#,###') }}", "1,234"},
      {"{{ 1.5 | numberFormat('#.##') }}", "1.5"}, {"{{ 5 | numberFormat('000') }}", "005"}, {"{{ 0.5 | numberFormat('#.0') }}", ".5"},
      {"{{ -5 | numberFormat('0;(0)') }}", "(5)"}, {"{{ -5.5 | numberFormat('$0.00') }}", "-$5.50"},
      {"{{ 12345 | numberFormat('0.##E0') }}", "1.23E4"}, {"{{ 3.14159 | numberFormat(\"0.0 'pi'\") }}", "3.1 pi"},
      {"{{ 1e }}", "ERROR expected `}}` but found `e` at line 1, column 5"},
      {"{{ 999.999 | numberFormat('0.00') }}", "1000.00"}, {"{{ 2.5 | numberFormat('0') }}{{ 3.5 | numberFormat('0') }}", "24"},
  });
  ExpectErrors({{"{{ 'abc' | number }}", "`number`: 'abc' is not a number"}, {"{{ '3000000000' | number('INT') }}", "`number`: 3000000000 does not fit"},
                {"{{ '1' | number('BYTE') }}", "`number`: the type must be"}, {"{{ 'a' | abs }}", "`abs`: needs a number"}, {"{{ null | abs }}", "`abs`: needs a number, not a null"},
                {"{{ 1 | numberFormat('abc') }}", "'abc' has no digits"}, {"{{ '' | number }}", "`number`: '' is not a number"}});
}

TEST(ExprFilters, ExponentsOfNumbers) {
  ExpectAll({
      {"{{ 12 | numberFormat('##0.###E0') }} {{ 1234567 | numberFormat('##0.###E0') }} {{ 0.5 | numberFormat('##0.###E0') }} {{ 123456789012 | numberFormat('##0.###E0') }}", "12E0 1.23457E6 500E-3 123.457E9"},
      {"{{ 99.995 | numberFormat('0.00E00') }} {{ 99.995 | numberFormat('0E0') }} {{ 0 | numberFormat('0.0E0') }} {{ -1234 | numberFormat('0.##E0') }} {{ 0.00012 | numberFormat('00.0E0') }}", "1.00E02 1E2 0.0E0 -1.23E3 12.0E-5"},
      {"{{ '12345678901234567890.125' | number('BIGDECIMAL') | numberFormat('#,##0.00') }} {{ '12' | numberformat('0.0') }}", "12,345,678,901,234,567,890.12 12.0"},
  });
}

TEST(ExprFilters, Data) {
  ExpectAll({
      {"{{ inputs.map | toJson }}", R"({"k":"v","n":{"deep":7}})"}, {"{{ 'a\"b' | json }}", R"("a\"b")"}, {"{{ null | json }}", "null"},
      {"{{ inputs.list | jq('.[0]') }}", "[3]"}, {"{{ inputs.map | jq('.n.deep, .k') }}", R"([7,"v"])"},
      {"{{ inputs.list | jq('map(select(. > 1)) | add') | first }}", "5"}, {"{{ inputs.list | jq('empty') }}", "[]"},
      {"{{ {'a': 1.5, 'b': null, 'c': true} | jq('.') }}", R"([{"a":1.5,"b":null,"c":true}])"},
      {"{{ {'a': 1, 'b': [1, 'x'], 'c': {'d': null}} | yaml }}", "a: 1\nb:\n - 1\n - x\nc:\n  d: null\n"},
      {"{{ [{'a': 1, 'b': 2}, [3]] | yaml }}", " -\n  a: 1\n  b: 2\n -\n   - 3\n"}, {"{{ {'a': 'true', 'b': '1', 'c': ''} | yaml }}", "a: \"true\"\nb: 1\nc: \"\"\n"},
      {"{{ {'a': 'x\ny\n', 'b': {}, 'c': []} | yaml }}", "a: |\n  x\n  y\nb: {}\nc: []\n"}, {"{{ 'a: b' | yaml }}", "\"a: b\"\n"},
      {"{{ 1 | jq('env, $ENV') }}", "[{},{}]"}, {"{{ 1 | jq('def f: . + 1; f # note') }}", "[2]"},
      {"{{ {'a b': [1, 1.5, 'x']} | toIon }}", R"({'a b':[1,1.5e0,"x"]})"}, {"{{ {'a': null} | toIon }}", "{a:null}"},
  });
  ExpectErrors({{"{{ 1 | jq('.[') }}", "the jq expression '.[' does not compile"}, {"{{ 1 | jq('.a') }}", "the jq expression '.a' failed: Cannot index number"},
                {"{{ 1 | jq('error({a: 1})') }}", "the jq expression 'error({a: 1})' failed: {\"a\":1}"},
                {"{{ 1 | jq('repeat(1)') }}", "the jq expression 'repeat(1)' makes too much"},
                {"{{ 1 | jq('reduce range(300) as $i (0; [.])') }}", "the jq expression 'reduce range(300) as $i (0; [.])' makes too much"},
                {"{{ 1 | jq('last(repeat(1))') }}", "the jq expression 'last(repeat(1))' takes too long"}});
  // Freed by recursion: must not overflow the stack.
  EXPECT_EQ(Render("{{ 1 | jq('reduce range(200000) as $i (0; [.]) | length') }}"), "[1]");
}

TEST(ExprFunctions, Values) {
  ExpectAll({
      {"{{ max(1, 5, 3) }}{{ min(2, 1.5) }}", "51.5"}, {"{{ range(0, 6, 2) }}", "[0,2,4,6]"}, {"{{ range(3, 1, -1) }}", "[3,2,1]"}, {"{{ range(1.7, 3.2) }}{{ 1.5..2 }}", "[1,2,3][1,2]"}, {"{{ max() }}{{ max(null, 1) }}{{ max('a') }}", "1a"},
      {"{{ range('a', 'e', 2) }}", R"(["a","c","e"])"}, {"{{ json(vars.json).a[1] }}", "2"}, {"{{ fromJson('[1,2]') | length }}", "2"},
      {"{{ fromJson(null) }}", ""}, {"{{ fromJson('{\"a\":1}').a }}", "1"},
  });
  ExpectErrors({{"{{ fromJson('{') }}", "Invalid json:"}, {"{{ range(1, 2, 0) }}", "the step of a range"},
                {"{{ max(1, 'a') }}", "`max`: compares numbers, not a text"}, {"{{ min(true, false) }}", "`min`: compares numbers, not a boolean"},
                {"{{ fromJson([1]) }}", "`fromJson`: needs a text"}});
}

TEST(ExprFunctions, Context) {
  ExpectAll({
      {"{{ render(vars.template) }}", "Ada"}, {"{{ render(vars.twice) }}", "Ada"}, {"{{ renderOnce(vars.twice) }}", "{{ inputs.name }}"},
      {"{{ render(vars.twice, recursive=false) }}", "{{ inputs.name }}"}, {"{{ render({'a': [vars.template]}) }}", R"({"a":["Ada"]})"},
      {"{{ vars.template }}", "{{ inputs.name }}"}, {"{{ render(5) }}", "5"},
      {"{{ currentEachOutput(outputs.each).value }}", "xy"}, {"{{ printContext() contains 'flow' }}", "true"},
      {"{{ tasksWithState('FAILED') }}", R"([{"taskId":"a","state":"FAILED"},{"taskId":"c","state":"FAILED","value":"v1"}])"},
      {"{{ tasksWithState('KILLED') }}", "[]"},
  });
  ExpectErrors({{"{{ render(vars.self) }}", "Maximum render() nesting depth (16) exceeded"}, {"{{ render(vars.grow) }}", "Too many rendering attempts"},
                {"{{ secret('A') }}", "function `secret` is not available here"}, {"{{ kv('A', namespace='x') }}", "function `kv` is not available"}});
}

TEST(ExprFunctions, Ids) {
  EXPECT_TRUE(std::regex_match(Render("{{ uuid() }}"), std::regex("018bcfe5-687b-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")));
  EXPECT_TRUE(std::regex_match(Render("{{ id() }}"), std::regex("[0-9A-Za-z]{22}")));
  EXPECT_TRUE(std::regex_match(Render("{{ ksuid() }}"), std::regex("2YBX[0-9A-Za-z]{23}")));
  EXPECT_TRUE(std::regex_match(Render("{{ nanoId() }}"), std::regex("[-_0-9A-Za-z]{21}")));
  EXPECT_TRUE(std::regex_match(Render("{{ nanoId(5, 'ab') }}"), std::regex("[ab]{5}")));
  EXPECT_TRUE(std::regex_match(Render("{{ randomInt(-2, 3) }}"), std::regex("-?[0-2]")));
  EXPECT_EQ(Render("{{ randomInt(4, 5) }}"), "4");
  EXPECT_EQ(Render("{% set p = randomPort() %}{{ p > 49151 and p < 65536 }}"), "true");
  EXPECT_EQ(Render("{{ uuid() }}"), Render("{{ uuid() }}"));  // the environment's seed decides
  EXPECT_EQ(Render("{{ uuid() == uuid() }}"), "false");
  ExpectErrors({{"{{ randomInt(2, 2) }}", "`randomInt`: `lower` must be less"}, {"{{ nanoId(0) }}", "`nanoId`: the length"},
                {"{{ nanoId(3, '') }}", "`nanoId`: the alphabet"}});
}

}  // namespace
}  // namespace headrace::expr
