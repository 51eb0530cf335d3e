// What Kestra's tests ask of data: JSON, YAML, Ion, jq, numbers and their classes, encryption.
#include "common/expr/yaml_reader.h"
#include "tests/unit/expr/expr_fixture.h"

namespace headrace::expr {
namespace {

TEST(KestraData, JsonBothWays) {
  ExpectAll({
      {"{{ fromJson('{\"foo\": [666, 1, 2]}').foo[0] }}", "666"}, {"{{ fromJson(null) }}{{ json(null) }}", ""}, {"{{ fromJson('[1, 2.50, 1e3, true, null]') }}", "[1,2.5,1000.0,true,null]"},
      {"{{ fromJson('\"a\"') }}{{ fromJson('5') + 1 }}", "a6"}, {"{{ {'a': [1, {'b': null}]} | toJson }}", R"({"a":[1,{"b":null}]})"},
      {"{{ null | json }} {{ 'a' | json }} {{ 1 | json }} {{ true | toJson }}", "null \"a\" 1 true"}, {"{{ 'é/\"' | json }}", R"("é/\"")"},
      {"{{ fromJson(inputs.map | toJson).n.deep }}", "7"}, {"{{ inputs.map }}", R"({"k":"v","n":{"deep":7}})"},
  });
  ExpectErrors({{"{{ fromJson('{not: json}') }}", "Invalid json:"}, {"{{ json('') }}", "Invalid json:"}, {"{{ fromJson() }}", "the function `fromJson` needs the argument `json`"},
                {"{{ fromJson('1', '2') }}", "the function `fromJson` takes at most 1"}});
}

TEST(KestraData, YamlIsWrittenAsJacksonWritesIt) {
  ExpectAll({
      {"{{ fromJson('{\"string\": \"string\", \"int\": 1, \"float\": 1.123, \"bool\": true}') | yaml }}", "string: string\nint: 1\nfloat: 1.123\nbool: true\n"},
      {"{{ {'list': ['string', 1, 1.123], 'map': {'a': {'b': 'c'}}} | yaml }}", "list:\n - string\n - 1\n - 1.123\nmap:\n  a:\n    b: c\n"},
      {"{{ {'d': '2013-09-08T16:19:00+02:00', 't': '2013-09-08'} | yaml }}", "d: 2013-09-08T16:19:00+02:00\nt: 2013-09-08\n"},
      {"{{ ['a, b', '[x', 'c: d', 'e #f', 'g:'] | yaml }}", " - \"a, b\"\n - \"[x\"\n - \"c: d\"\n - \"e #f\"\n - \"g:\"\n"},
      {"{{ ['*x', '&y', '- z', ' s', '@a', \"'q'\", '!t'] | yaml }}", " - '*x'\n - '&y'\n - '- z'\n - ' s'\n - '@a'\n - '''q'''\n - '!t'\n"},
      {"{{ ['true', 'No', 'null', '~', 'y', 'tRue', '1', '-2.5', '0x1f', '12:30', '.5', '5.', '=', '.inf', '010', '01.5', '#a', ':a'] | yaml }}",
       " - \"true\"\n - \"No\"\n - \"null\"\n - \"~\"\n - \"y\"\n - tRue\n - 1\n - -2.5\n - 0x1f\n - 12:30\n - .5\n - 5.\n - =\n - .inf\n - '010'\n - 01.5\n - \"#a\"\n - :a\n"},
      {"{{ {'1': 'a'} | yaml }}{{ {'yes': 1} | yaml }}{{ {'a: b': 1} | yaml }}{{ {'': [1]} | yaml }}{{ {'a,b': 1} | yaml }}", "\"1\": a\n\"yes\": 1\n'a: b': 1\n? \"\"\n:\n - 1\na,b: 1\n"},
      {"{{ {'a': [{'b': [1, {'c': 2}]}, [[3]]]} | yaml }}", "a:\n -\n  b:\n   - 1\n   -\n    c: 2\n -\n   -\n     - 3\n"}, {"{{ ['x\ny', ' l\nx', 'x \ny'] | yaml }}", " - |-\n  x\n  y\n - |2-\n   l\n  x\n - \"x \\ny\"\n"},
      {"{{ ['1.2.3', '3 apples', '-v', 'a-b', 'http://x', 'v1', '10.0.0.1'] | yaml }}", " - 1.2.3\n - 3 apples\n - -v\n - a-b\n - http://x\n - v1\n - 10.0.0.1\n"},
      {"{{ null | yaml }}{{ 1 | yaml }}{{ 'x' | yaml }}", "null\n1\nx\n"}, {"{{ {'a': {'b': [1]}} | yaml | indent(2) }}", "a:\n    b:\n     - 1\n  "},
  });
}

TEST(KestraData, YamlIsReadThroughTheSeam) {
  SetYamlReader(nullptr);
  EXPECT_TRUE(Render("{{ yaml('a') }}").starts_with("ERROR function `yaml` is not available here"));
  SetYamlReader([](std::string_view text) { return ParseJson(text); });  // JSON is YAML
  ExpectAll({{"{{ yaml('{\"foo\": [666, 1]}').foo[0] }}", "666"}, {"{{ yaml(null) }}", ""}});
  ExpectErrors({{"{{ yaml('{') }}", "Invalid yaml: "}, {"{{ yaml(1) }}", "`yaml`: needs a text"}});
  SetYamlReader(nullptr);
}

TEST(KestraData, IonBothWays) {
  ExpectAll({
      {"{{ {'a': 1, 'b key': \"it's\", 'n': null} | toIon }}", R"({'b key':"it's",a:1,n:null})"}, {"{{ [1.5, ['x', true]] | toIon }}", R"([1.5e0,["x",true]])"},
      {"{{ {\"it's\": 1} | toIon }}", R"({'it\'s':1})"}, {"{{ null | toIon }}", "null"},
      {"{{ fromIon('{a:1}').a }}{{ fromIon(null) }}{{ fromIon('') }}", "1"}, {"{{ fromIon('{a:1}\n{a:2}') }}", R"({"a":1})"},
      {"{{ fromIon('{a:1}\n{a:2}', allRows=true) }}", R"([{"a":1},{"a":2}])"}, {"{{ fromIon('', true) }}", "[]"},
      {R"({{ fromIon("{'a b': \"x\ny\", \"c\": sym, d: null.string, e: 2007-02-23T12:14:33Z}") }})", R"({"a b":"x\ny","c":"sym","d":null,"e":"2007-02-23T12:14:33Z"})"},
      {"{{ fromIon('[1, -2, 1_000, 0x1F, 0b101, 1.5, 2d1, 1.5e0, -0.5, 5.]') }}", "[1,-2,1000,31,5,1.5,20.0,1.5,-0.5,5.0]"},
      {"{{ fromIon('note::{a: unit::5}') }}", R"({"a":5})"}, {"{{ fromIon('(a 1 (b))') }}", R"(["a",1,["b"]])"}, {"{{ fromIon('/* c */ [1, // d\n 2]') }}", "[1,2]"},
      {"{{ fromIon(\"'''a''' '''b'''\") }}", "ab"}, {"{{ fromIon('{{aGVsbG8=}}') | base64decode }}", "hello"}, {"{{ fromIon('$ion_1_0 true') }}", "true"},
      {R"({{ fromIon('"\u00e9\x41\ud83d\ude00"') }})", "éA😀"}, {"{{ fromIon(inputs.map | toIon) }}", R"({"k":"v","n":{"deep":7}})"},
  });
  ExpectErrors({{"{{ fromIon('{a:') }}", "Invalid ion: a value is missing at line 1"}, {"{{ fromIon('[1 2]') }}", "Invalid ion: expected `,` or `]`"}, {"{{ fromIon('\"a') }}", "Invalid ion: a text is not closed"},
                {"{{ fromIon('{a 1}') }}", "Invalid ion: expected `:`"}, {"{{ fromIon('12q') }}", "Invalid ion: '12q' is not a number"}, {R"({{ fromIon('"\q"') }})", "Invalid ion: unknown escape"},
                {"{{ fromIon(5) }}", "`fromIon`: needs a text"}, {R"({{ fromIon('"\ud83d"') }})", "Invalid ion: an escape names half"}});
  // Nested without end: refused before the stack ends.
  EXPECT_TRUE(Render("{{ fromIon('['.repeat(100000)) }}").starts_with("ERROR Invalid ion: values are nested too deeply"));
}

TEST(KestraData, JqIsAlwaysAList) {
  ExpectAll({
      {"{{ {'a': {'b': 1}} | jq('.a.b') }}", "[1]"}, {"{{ [1, 2] | jq('.[]') }}", "[1,2]"}, {"{{ '{\"a\": 3}' | jq('.a') | first }}", "3"}, {"{{ {'a': 1} | jq('.z') }}", "[null]"}, {"{{ [3, 1] | jq('sort') | first }}", "[1,3]"},
      {"{{ inputs.map | jq('.n | keys') | first | first }}", "deep"}, {"{{ [1, 2, 3] | jq('map(. * 2) | add') | first }}", "12"}, {"{{ {'a': 'x'} | jq('.a') | first ~ '!' }}", "x!"},
      {"{{ fromJson('{\"a\":[{\"n\":1},{\"n\":2}]}') | jq('[.a[] | select(.n > 1)]') }}", R"([[{"n":2}]])"}, {"{{ null | jq('.') }}", ""},
  });
  ExpectErrors({{"{{ {} | jq }}", "the filter `jq` needs the argument `expression`"}, {"{{ 'a' | jq('.a.b') }}", "the jq expression '.a.b' failed"}});
}

TEST(KestraData, WhatJqOnlyPicksStaysAsItIs) {
  ExpectAll({
      {"{{ {'a': 9007199254740993, 'b': 1.0} | jq('.a, .b') }}", "[9007199254740993,1.0]"}, {"{{ [1, [2.0, {'k': 3}]] | jq('.[1][-1].k') }}{{ [[1, 2], [3]] | jq('.[] | .[]') }}", "[3][1,2,3]"},
      {R"({{ {'a b': {'c': null}} | jq('.["a b"].c') }}{{ {'a': 1} | jq('.b.c') }}{{ [1] | jq('.[7]') }})", "[null][null][null]"}, {"{{ [] | jq('.[]') }}{{ '{\"a\": [10000000000000001]}' | jq('.a') }}", "[][[10000000000000001]]"},
      {"{{ {'a': 1} | jq('.a | . + 1') }}{{ [[1]] | jq('..|numbers') }}{{ [1, 2] | jq('.[1:]') }}{{ 1 | jq('.a?') }}", "[2][1][[2]][]"},
  });
  ExpectErrors({{"{{ 1 | jq('.a') }}", "the jq expression '.a' failed: Cannot index number"}, {"{{ 1 | jq('.a b') }}", "the jq expression '.a b' does not compile"}, {"{{ [] | jq('.[] | nonsense') }}", "the jq expression '.[] | nonsense' does not compile"}});
}

TEST(KestraData, NumbersAreJavas) {
  ExpectAll({
      {"{{ ('0.1' | number('FLOAT')) + ('0.2' | number('FLOAT')) }} {{ ('1' | number('FLOAT')) / 3 }} {{ ('1.1' | number) * 3 }}", "0.3 0.33333334 3.3000002"}, {"{{ ('1.1' | number) + 1.0 }} {{ ('1.1' | number) == 1.1 }}{{ ('1.1' | number) > 1.1 }}", "2.100000023841858 falsetrue"},
      {"{{ '010' | number }} {{ '-010' | number }} {{ '#1F' | number }} {{ '-0x1F' | number }} {{ '00.5' | number }} {{ '1f' | number }} {{ '1.5d' | number }}", "8 -8 31 -31 0.5 1.0 1.5"},
      {"{{ '0xFFFFFFFF' | number | className }} {{ '0xFFFFFFFFFFFFFFFFF' | number }} {{ '1e500' | number }} {{ '1e50' | number | className }}", "java.lang.Long 295147905179352825855 1E+500 java.lang.Double"},
      {"{{ (1 + 1) | className }} {{ (inputs.count + 1) | className }} {{ -inputs.count | className }} {{ (inputs.count | abs) | className }} {{ (now() | timestamp) | className }}", "java.lang.Long java.lang.Long java.lang.Long java.lang.Integer java.lang.Long"},
      {"{{ (('1.5' | number('FLOAT')) + 1) | className }} {{ (('1.5' | number('FLOAT')) + 1.5) | className }} {% set n = '2' | number('FLOAT') %}{{ n | className }}", "java.lang.Float java.lang.Double java.lang.Float"},
      {"{{ '1.10' | number('BIGDECIMAL') }} {{ '0.1' | number('BIGDECIMAL') + ('0.2' | number('BIGDECIMAL')) }} {{ ('1.10' | number('BIGDECIMAL')) / 3 }}", "1.10 0.3 0.3666666666666666666666666666666667"},
      {"{{ -('1.50' | number('BIGDECIMAL')) }} {{ ('-1.50' | number('BIGDECIMAL')) | abs }} {{ ('7.5' | number('BIGDECIMAL')) % 2 }} {{ '0.0000001' | number('BIGDECIMAL') }} {{ ('1.5' | number('BIGDECIMAL')) > 1 }}", "-1.50 1.50 1.5 1E-7 true"},
      {"{{ '12345678901234567890.123456789' | number('BIGDECIMAL') }} {{ '123456789012345678901234567890' | number('BIGINTEGER') }}", "12345678901234567890.123456789 123456789012345678901234567890"},
  });
  EXPECT_EQ(RenderJson("{{ '1.50' | number('BIGDECIMAL') }}"), "1.5");
  EXPECT_EQ(RenderJson("{{ ['12345678901234567890.5' | number('BIGDECIMAL')] }}"), R"(["12345678901234567890.5"])");
  ExpectErrors({{"{{ ' 1' | number }}", "`number`: ' 1' is not a number"}, {"{{ '1 ' | number }}", "`number`: "}, {"{{ '08' | number }}", "`number`: "}, {"{{ '1.5L' | number }}", "`number`: "}, {"{{ '1_000' | number }}", "`number`: "},
                {"{{ ('1' | number('BIGDECIMAL')) / 0 }}", "division by zero"}, {"{{ ('123456789012345678901' | number) + 1 }}", "a number does not fit 64 bits"}, {"{{ 'x' | number('BIGDECIMAL') }}", "`number`: 'x' is not"}});
}

TEST(KestraData, NumbersAndTheirClasses) {
  ExpectAll({
      {"{{ '12.3' | number }} {{ '2' | number }} {{ '-7' | number }} {{ '0x10' | number }} {{ '1e3' | number }}", "12.3 2 -7 16 1000.0"},
      {"{{ '2' | number | className }}", "java.lang.Integer"}, {"{{ '2147483648' | number | className }}", "java.lang.Long"}, {"{{ '2L' | number | className }}", "java.lang.Long"},
      {"{{ '9223372036854775808' | number | className }}", "java.math.BigInteger"}, {"{{ '9223372036854775807000' | number }}", "9223372036854775807000"},
      {"{{ '12.3' | number | className }}", "java.lang.Float"}, {"{{ '12.3456789012' | number | className }}", "java.lang.Double"},
      {"{{ '3.14159265358979323846264' | number | className }}", "java.math.BigDecimal"}, {"{{ '2' | number('INT') | className }}", "java.lang.Integer"},
      {"{{ '2' | number('LONG') | className }}", "java.lang.Long"}, {"{{ '2' | number('FLOAT') | className }}", "java.lang.Float"}, {"{{ '2' | number('DOUBLE') | className }}", "java.lang.Double"},
      {"{{ '2' | number('BIGDECIMAL') | className }}", "java.math.BigDecimal"}, {"{{ '2' | number(type='BIGINTEGER') | className }}", "java.math.BigInteger"},
      {"{{ '2' | number('FLOAT') }} {{ '2.7' | number('DOUBLE') }} {{ 2.7 | number('INT') }}", "2.0 2.7 2"},
      {"{{ 1 | className }} {{ 'a' | className }} {{ true | className }} {{ 1.5 | className }} {{ null | className }}", "java.lang.Long java.lang.String java.lang.Boolean java.lang.Double "},
      {"{{ inputs.count | className }} {{ inputs.map | className }}", "java.lang.Integer java.util.LinkedHashMap"}, {"{{ 1 | string | className }}", "java.lang.String"},
  });
  ExpectErrors({{"{{ 'not a number' | number }}", "`number`: 'not a number' is not a number"}, {"{{ '1.5' | number('INT') }}", "`number`: '1.5' is not a number"},
                {"{{ 'x' | number | className }}", "`number`: 'x' is not a number"}, {"{{ '3000000000' | number('INT') }}", "`number`: 3000000000 does not fit"}});
}

// From NIST's test vectors for AES-GCM: a key, a nonce and a text of zeros.
TEST(KestraData, EncryptionIsAesGcmWithItsNonceInFront) {
  ExpectAll({
      {"{{ decrypt('AAAAAAAAAAAAAAAAAAAAAA==', 'AAAAAAAAAAAAAAAAA4jazmC2o5LzKMK5cbL+eKtuR9Qs7BO99TpnshJXvd8=') | base64encode }}", "AAAAAAAAAAAAAAAAAAAAAA=="},
      {"{{ decrypt('NxTdLLkgzCTLkOHCYrDPkQ==', encrypt('NxTdLLkgzCTLkOHCYrDPkQ==', 'toto é')) }}", "toto é"},
      {"{{ decrypt(key=k, encrypted=encrypt(key=k, plaintext='')) }}", "ERROR Unable to find `k` used in the expression `{{ decrypt(key=k, encrypted=encrypt(key=k, plaintext='')) }}` at line 1"},
      {"{% set k = '0123456789abcdef0123456789abcdef' | base64encode %}{{ decrypt(key=k, encrypted=encrypt(key=k, plaintext='')) ~ decrypt(k, encrypt(k, 5)) }}", "5"},
      {"{{ encrypt('AAAAAAAAAAAAAAAAAAAAAA==', 'a') | length }}", "40"}, {"{{ encrypt('AAAAAAAAAAAAAAAAAAAAAA==', null) }}", ""},
      {"{{ encrypt('AAAAAAAAAAAAAAAAAAAAAA==', 'a') == encrypt('AAAAAAAAAAAAAAAAAAAAAA==', 'a') }}", "false"},
  });
  ExpectErrors({{"{{ encrypt('AAA=', 'a') }}", "`encrypt`: Invalid AES key length: 2 bytes"}, {"{{ encrypt('?', 'a') }}", "`encrypt`: the key is not base64"},
                {"{{ decrypt('AAAAAAAAAAAAAAAAAAAAAA==', 'AAAA') }}", "`decrypt`: the text is not what encrypt() makes"},
                {"{{ decrypt('AAAAAAAAAAAAAAAAAAAAAQ==', encrypt('AAAAAAAAAAAAAAAAAAAAAA==', 'a')) }}", "`decrypt`: the key does not fit"},
                {"{{ encrypt('AAAAAAAAAAAAAAAAAAAAAA==') }}", "the function `encrypt` needs the argument `plaintext`"}});
}

// A render that is repeated draws the same chance; another text must still get another nonce.
TEST(KestraData, TheNonceDependsOnTheText) {
  const std::string first = Render("{{ encrypt('AAAAAAAAAAAAAAAAAAAAAA==', 'a') }}");
  EXPECT_EQ(first, Render("{{ encrypt('AAAAAAAAAAAAAAAAAAAAAA==', 'a') }}"));
  EXPECT_NE(first.substr(0, 16), Render("{{ encrypt('AAAAAAAAAAAAAAAAAAAAAA==', 'b') }}").substr(0, 16));
}

}  // namespace
}  // namespace headrace::expr
