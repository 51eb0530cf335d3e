// What Kestra's tests ask of texts, dates, coalescing, rendering and functions of the context.
#include "tests/unit/expr/expr_fixture.h"

namespace headrace::expr {
namespace {

TEST(KestraText, Substrings) {
  ExpectAll({
      {"{{ 'a.b.c' | substringBefore('.') }}{{ 'a.b.c' | substringBeforeLast('.') }}", "aa.b"}, {"{{ 'a.b.c' | substringAfter('.') }}{{ 'a.b.c' | substringAfterLast('.') }}", "b.cc"},
      {"{{ null | substringBefore('.') }}{{ '' | substringAfter('.') }}", ""}, {"{{ 'a' | startsWith('a') }}{{ 'ab' | endsWith(value='b') }}", "truetrue"},
      {"{{ 'https://x' | startsWith('http') ? 'url' : 'no' }}", "url"},
  });
  ExpectErrors({{"{{ 'a' | substringBefore }}", "the filter `substringBefore` needs the argument `separator`"}, {"{{ 'a' | startsWith }}", "the filter `startsWith` needs"}});
}

TEST(KestraText, Indents) {
  ExpectAll({
      {"{{ null | indent(2) }}{{ null | nindent(2) }}", ""}, {"{{ '' | indent(2) }}", ""}, {"{{ 'first line' | indent(2) }}", "first line"}, {"{{ 'first line' | nindent(2) }}", "\n  first line"},
      {"{{ \"a\nb\" | indent(2) }}", "a\n  b"}, {"{{ \"a\r\nb\" | indent(2) }}", "a\r\n  b"}, {"{{ \"a\r\nb\" | nindent(2) }}", "\r\n  a\r\n  b"}, {"{{ \"a\rb\" | nindent(1) }}", "\r a\r b"},
      {"{{ \"\n\n\" | indent(2) }}", "\n  \n  "}, {"{{ \"a\nb\" | indent(2, \"\t\") }}", "a\n\t\tb"}, {"{{ \"a\nb\" | indent(amount=1, prefix='--') }}", "a\n--b"}, {"{{ 13 | nindent(0) }}", "\n13"},
  });
  ExpectErrors({{"{{ 'a' | indent }}", "the filter `indent` needs the argument `amount`"}, {"{{ 'a' | nindent(-1) }}", "`nindent`: the amount"}});
}

TEST(KestraText, EscapesSlugsAndUrls) {
  ExpectAll({
      {"{{ \"L'eau c'est la vie\" | escapeChar('single') }}", "L\\'eau c\\'est la vie"}, {"{{ 'a \"b\"' | escapeChar(type='double') }}", "a \\\"b\\\""}, {"{{ \"it's\" | escapeChar('shell') }}", "it'\\''s"},
      {"{{ 'Hello World' | slugify }}{{ ' A  b ' | slugify }}", "hello-worlda-b"}, {"{{ 'https://x/?a=b c' | urlencode }}", "https%3A%2F%2Fx%2F%3Fa%3Db+c"}, {"{{ 'a%20b' | urldecode }}", "a b"},
      {"{{ 'aa1bb2' | replace({'[0-9]': '-'}, regexp=true) }}", "aa-bb-"}, {R"({{ 'a.b' | replace({'(\w)\.(\w)': '$2.$1'}, regexp=true) }})", "b.a"}, {"{{ null | replace({'a': 'b'}) }}", ""},
      {"{{ {'a': ['x1', {'b': 'x2'}], 'c': null} | replace({'x': 'y'}) }}", R"({"a":["y1",{"b":"y2"}],"c":null})"},
  });
}

TEST(KestraText, Coalescing) {
  ExpectAll({
      {"{{ q ?? 'd' }}{{ q.w ?? 'd' }}{{ inputs.q ?? 'd' }}{{ inputs[q] ?? 'd' }}{{ inputs.none ?? 'd' }}", "ddddd"}, {"{{ q ?? r ?? 'd' }}", "d"}, {"{{ inputs.empty ?? 'd' }}", ""},
      {"{{ q ??? 'd' }}{{ inputs.none ??? 'd' }}|{{ inputs.q ??? r ??? 'e' }}", "d|e"}, {"{{ inputs.name ?? q }}", "Ada"}, {"{{ inputs.none.deep ?? 'd' }}", "d"}, {"{{ (inputs.q ?? {}) | length }}", "0"},
      {"{{ q ?? null }}", ""}, {"{{ inputs.list[7] ?? 'd' }}", "d"}, {"{{ inputs.q ?? false ? 'a' : 'b' }}", "b"},
  });
  ExpectErrors({{"{{ q ?? r }}", "Unable to find `r`"}, {"{{ inputs.none.deep }}", "Unable to find `deep`"}, {"{{ fromJson('{') ?? 'd' }}", "Invalid json"}, {"{{ (1 / 0) ?? 'd' }}", "division by zero"}});
}

TEST(KestraText, IsIn) {
  ExpectAll({
      {"{{ 'a' isIn ['a', 'b'] }}{{ 'c' isIn ['a'] }}", "truefalse"}, {"{{ 1 isIn ['1'] }}{{ inputs.count isIn inputs.list }}", "truetrue"}, {"{{ 'k' isIn inputs.map }}{{ 'v' isIn inputs.map }}", "truetrue"},
      {"{{ 'a' isIn [] }}{{ 'a' isIn null }}", "falsefalse"}, {"{{ not ('a' isIn ['b']) }}", "true"}, {"{% if inputs.name isIn ['Ada'] and inputs.yes %}y{% endif %}", "y"},
  });
  ExpectErrors({{"{{ 'a' isIn 5 }}", "`isIn` cannot be applied to a text and a number"}});
}

TEST(KestraText, DatesOfEveryForm) {
  ExpectAll({
      {"{{ '2013-09-08T16:19:12.123456+01:00' | date('iso', timeZone='Europe/Paris') }}", "2013-09-08T17:19:12.123456+02:00"}, {"{{ '2013-09-08T16:19:00+02' | date }}", "2013-09-08T14:19:00.000000Z"},
      {"{{ '2013-09-08T16:19:12+02:00[Europe/Paris]' | date('iso_sec') }}", "2013-09-08T14:19:12Z"}, {"{{ '2013-09-08' | date('sql_sec') }}{{ '2013-09-08T16:19' | date('HH:mm') }}", "2013-09-08 00:00:0016:19"},
      {"{{ 1378653552 | date('sql_sec') }} {{ 1378653552123 | date('sql_milli') }} {{ 1378653552123456789 | date('sql') }}", "2013-09-08 15:19:12 2013-09-08 15:19:12.123 2013-09-08 15:19:12.123456"},
      {"{{ '1378653552' | date('sql_sec') }} {{ '1378653552123' | date('sql_milli') }}", "2013-09-08 15:19:12 2013-09-08 15:19:12.123"}, {"{{ '20130908' | date('yyyy-MM-dd', existingFormat='yyyyMMdd') }}", "2013-09-08"},
      {"{{ '08/09/2013 05:07 PM' | date('sql_sec', existingFormat='dd/MM/yyyy hh:mm a') }}", "2013-09-08 17:07:00"}, {"{{ '2013-09-08T16:19:12' | timestamp(timeZone='Europe/Paris') }}", "1378649952"},
      {"{{ '2013-09-08T16:19:12.123456Z' | timestampMilli }} {{ '2013-09-08T16:19:12.123456Z' | timestampMicro }} {{ '2013-09-08T16:19:12.123456Z' | timestampNano }}", "1378657152123 1378657152123456 1378657152123456000"},
      {"{{ '2013-09-08T16:19:12Z' | dateAdd(1, 'DAYS') | date('sql_sec') }} {{ '2013-01-31' | dateAdd(1, 'MONTHS', 'yyyy-MM-dd') }} {{ '2013-09-08' | dateAdd(-1, 'years', 'yyyy') }}", "2013-09-09 16:19:12 2013-02-28 2012"},
      {"{{ '2013-09-08T16:19:12Z' | dateAdd(amount=-90, unit='MINUTES', format='HH:mm') }}", "14:49"}, {"{{ null | date }}{{ null | timestamp }}{{ null | dateAdd(1, 'DAYS') }}", ""},
      {"{{ now('yyyy-MM-dd') }} {{ now(format='HH', timeZone='Asia/Tokyo') }} {{ now() }}", "2023-11-14 07 2023-11-14T22:13:20.123456Z"}, {"{{ now() | dateAdd(-1, 'HOURS') | date('HH') | number + 1 }}", "22"},
      {"{{ '2013-09-08T16:19:12Z' | date('full') }}", "Sunday, September 8, 2013 at 4:19:12 PM Coordinated Universal Time"}, {"{{ '2013-09-08T16:19:12Z' | date('short') }}", "9/8/13, 4:19 PM"},
      {"{{ '2013-09-08T16:19:12Z' | date('rfc_1123_date_time') }} {{ '2013-09-08' | date('iso_week_date') }}", "Sun, 8 Sep 2013 16:19:12 GMT 2013-W36-7Z"},
  });
  ExpectErrors({{"{{ 'x' | date }}", "`date`: 'x' is no date"}, {"{{ '2013-09-08' | dateAdd(1, 'FORTNIGHTS') }}", "`dateAdd`: 'FORTNIGHTS' is no unit"}, {"{{ '2013-09-08' | date('iso', 'Mars/Base') }}", "`date`: "},
                {"{{ '2013-09-08' | dateAdd(1) }}", "the filter `dateAdd` needs the argument `unit`"}, {"{{ [1] | date }}", "`date`: needs a date, not a list"}});
}

TEST(KestraText, RenderingOfRenderings) {
  ExpectAll({
      {"{{ vars.template }}", "{{ inputs.name }}"}, {"{{ render(vars.template) }}{{ render('plain') }}{{ render(5) }}{{ render(true) }}{{ render(null) }}", "Adaplain5true"},
      {"{{ render(vars.twice) }}|{{ renderOnce(vars.twice) }}|{{ render(vars.twice, recursive=false) }}", "Ada|{{ inputs.name }}|{{ inputs.name }}"},
      {"{{ render({'{{ inputs.name }}': ['{{ inputs.count }}', 1]}) }}", R"({"Ada":["3",1]})"}, {"{{ render(\"{{ render(vars.template) }}\") }}", "Ada"},
  });
  ExpectErrors({{"{{ render(vars.grow) }}", ""}, {"{{ render(vars.self) }}", "Maximum render() nesting depth (16) exceeded"}, {"{{ render('{{ nothing }}') }}", "Unable to find `nothing`"},
                {"{{ render('{{ 1 +') }}", "`{{` is not closed"}});
}

TEST(KestraText, TypedRenderingKeepsOnePiece) {
  const std::vector<Case> cases = {
      {"{{ 1 }}", "1"}, {"{{ 1.5 }}", "1.5"}, {"{{ true }}", "true"}, {"{{ null }}", "null"}, {"{{ [1, 'a'] }}", R"([1,"a"])"}, {"{{ {'a': 1} }}", R"({"a":1})"}, {"a{{ 1 }}", R"("a1")"}, {"{{ 1 }}{{ 2 }}", R"("12")"},
      {" {{ 1 }}", R"(" 1")"}, {"[{{ [1] }}, {{ {'a': 1} }}]", R"([[1],{"a":1}])"}, {"{{ [1] }} x", R"("[1] x")"}, {"{{ '1' }}", R"("1")"}, {"{{ inputs.list | length }}", "3"}, {"{% if true %}{{ 5 }}{% endif %}", "5"},
      {"{{ inputs.none }}{{ 1 }}", R"("1")"}, {"plain", R"("plain")"}, {"{{ '[1]' }}", R"("[1]")"}, {"{{ inputs.list | jq('.') | first }}", "[3,1,2]"}, {"{% set a = 4 %}{{ a }}", "4"},
  };
  for (const Case& one : cases) EXPECT_EQ(RenderJson(one.source), one.expected) << one.source;
}

TEST(KestraText, FunctionsOfTheContext) {
  ExpectAll({
      {"{{ currentEachOutput(outputs.each).value }}", "xy"}, {"{{ tasksWithState('FAILED') }}", R"([{"taskId":"a","state":"FAILED"},{"taskId":"c","state":"FAILED","value":"v1"}])"},
      {"{{ tasksWithState(state='KILLED') }}", "[]"}, {"{{ printContext().inputs.name }}{{ fetchContext().inputs.name }}", "AdaAda"}, {"{{ printContext() | length > 5 }}", "true"},
      {"{{ uuid() | length }}{{ id() | length }}{{ ksuid() | length }}{{ nanoId() | length }}{{ nanoId(length=7, alphabet='a') }}", "36222721aaaaaaa"}, {"{{ randomInt(lower=3, upper=4) }}", "3"},
      {"{{ randomPort() >= 49152 and randomPort() <= 65535 }}", "true"}, {"{{ uuid() == uuid() }}", "false"},
  });
  ExpectErrors({{"{{ randomInt(5, 5) }}", "`randomInt`: `lower` must be less"}, {"{{ nanoId(-1) }}", "`nanoId`: the length"}, {"{{ nanoId(length='x') }}", "`nanoId`: argument 1 must be a whole number"}, {"{{ tasksWithState() }}", "the function `tasksWithState` needs"},
                {"{{ currentEachOutput(5) }}", "`currentEachOutput`: needs the outputs"}});
}

TEST(KestraText, ArgumentsOfOutsideFunctionsAreChecked) {
  ExpectErrors({
      {"{{ secret() }}", "the function `secret` needs the argument `key` at line 1, column 4"}, {"{{ secret('a', sbkey='b') }}", "the function `secret` has no argument `sbkey`; did you mean `subkey`?"},
      {"{{ kv('a', 'b', true, 1) }}", "the function `kv` takes at most 3 arguments"}, {"{{ http(method='GET') }}", "the function `http` needs the argument `uri`"}, {"{{ errorLogs(1) }}", "the function `errorLogs` takes at most 0"},
      {"{{ subflow('n') }}", "the function `subflow` needs the argument `id`"}, {"{{ secret('a') }}", "function `secret` is not available here"}, {"{{ read(path='a') }}", "function `read` is not available here"},
  });
}

}  // namespace
}  // namespace headrace::expr
