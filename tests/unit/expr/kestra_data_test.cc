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
      {"{{ {'string': 'string', 'int': 1, 'float': 1.123, 'bool': true} | yaml }}", "string: string\nint: 1\nfloat: 1.123\nbool: true\n"},
      {"{{ {'list': ['string', 1, 1.123], 'map': {'a': {'b': 'c'}}} | yaml }}", "list:\n - string\n - 1\n - 1.123\nmap:\n  a:\n    b: c\n"},
      {"{{ {'d': '2013-09-08T16:19:00+02:00', 't': '2013-09-08'} | yaml }}", "d: 2013-09-08T16:19:00+02:00\nt: 2013-09-08\n"},
      {"{{ ['a, b', '[x', 'c: d', 'e #f', 'g:'] | yaml }}", " - \"a, b\"\n - \"[x\"\n - \"c: d\"\n - \"e #f\"\n - \"g:\"\n"},
      {"{{ ['*x', '&y', '- z', ' s', '@a', \"'q'\", '!t'] | yaml }}", " - '*x'\n - '&y'\n - '- z'\n - ' s'\n - '@a'\n - '''q'''\n - '!t'\n"},
      {"{{ ['true', 'No', 'null', '~', '1', '-2.5', '0x1f', '12:30', '1_000', '.5', '5.', '=', '.inf'] | yaml }}",
       " - \"true\"\n - \"No\"\n - \"null\"\n - \"~\"\n - \"1\"\n - \"-2.5\"\n - \"0x1f\"\n - \"12:30\"\n - \"1_000\"\n - \".5\"\n - \"5.\"\n - \"=\"\n - \".inf\"\n"},
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
      {"{{ {'a': 1, 'my key': \"it's\", 'n': null, 'f': 1.5, 'l': ['x', true]} | toIon }}", R"({a:1,'my key':"it's",n:null,f:1.5e0,l:["x",true]})"},
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
                {"{{ 'x' | number | className }}", "`className`: 'x' is not a number"}, {"{{ '3000000000' | number('INT') }}", "`number`: 3000000000 does not fit"}});
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
