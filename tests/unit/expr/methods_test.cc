// Methods of Java's String, List, Map and Number that flows call.
#include "tests/unit/expr/expr_fixture.h"

namespace headrace::expr {
namespace {

TEST(ExprMethods, OfTexts) {
  ExpectAll({
      {"{{ inputs.name.length() }}{{ 'é'.size() }}{{ ''.isEmpty() }}{{ ' '.isBlank() }}", "31truetrue"}, {"{{ inputs.name.toUpperCase() }}{{ 'É'.toLowerCase() }}", "ADAé"},
      {"{{ ' a '.trim() }}{{ ' b '.strip() }}", "ab"}, {"{{ 'abc'.contains('b') }}{{ 'abc'.startsWith('b') }}{{ 'abc'.endsWith('bc') }}", "truefalsetrue"},
      {"{{ 'abcabc'.indexOf('c') }}{{ 'abcabc'.lastIndexOf('c') }}{{ 'a'.indexOf('z') }}{{ 'éa'.indexOf('a') }}", "25-11"},
      {"{{ 'abcdef'.substring(2) }}|{{ 'abcdef'.substring(1, 3) }}", "cdef|bc"}, {"{{ 'abc'.charAt(1) }}", "b"}, {"{{ 'a.b.c'.replace('.', '/') }}", "a/b/c"},
      {"{{ 'a1b22'.replaceAll('[0-9]+', '#') }}", "a#b#"}, {"{{ 'a,b'.split(',')[1] }}", "b"}, {"{{ 'abc'.matches('[a-c]+') }}{{ 'abcd'.matches('[a-c]+') }}", "truefalse"},
      {"{{ 'a'.concat('b') }}{{ 'ab'.repeat(3) }}{{ ''.repeat(999999999) }}", "abababab"}, {"{{ 'a'.equals('a') }}{{ 'a'.equals(1) }}{{ 'A'.equalsIgnoreCase('a') }}", "truefalsetrue"},
      {"{{ 5.toString() }}", "5"}, {"{{ (1 + 1).toString() ~ 'x' }}", "2x"}, {"{{ inputs.name.toLowerCase().substring(1) | upper }}", "DA"},
  });
  ExpectErrors({
      {"{{ inputs.list.toUpperCase() }}", "`toUpperCase`: needs a text, not a list"}, {"{{ 'a'.charAt(3) }}", "`charAt`: 3 lies outside"},
      {"{{ 'a'.substring(5) }}", "`substring`: 5 to 1 lies outside"}, {"{{ 'a'.toUperCase() }}", "there is no method `toUperCase()`; did you mean `toUpperCase`?"},
      {"{{ now().getHour() }}", "there is no method `getHour()`"}, {"{{ 'a'.concat() }}", "the method `concat` needs the argument `text`"},
      {"{{ inputs.map.length }}", "Unable to find `length`"}, {"{{ inputs.q.length() }}", "Unable to find `q`"}, {"{{ inputs.none.length() }}", "`length`: needs a text, list or map, not a null"},
      {"{{ 'a'.repeat(999999999) }}", "the expression makes a text of more than"}, {"{{ 'a'.matches('(?=x)') }}", "'(?=x)' is not a supported"},
  });
}

TEST(ExprMethods, OfListsMapsAndNumbers) {
  ExpectAll({
      {"{{ inputs.list.size() }}{{ inputs.nolist.isEmpty() }}{{ inputs.list.contains(3) }}{{ [[1]].contains([1]) }}", "3truetruetrue"},
      {"{{ inputs.list.get(0) }}{{ inputs.list.getFirst() }}{{ inputs.list.getLast() }}{{ inputs.list.indexOf(2) }}", "3322"}, {"{{ inputs.list.subList(0, 2) }}", "[3,1]"},
      {"{{ inputs.map.size() }}{{ inputs.map.containsKey('k') }}{{ inputs.map.containsValue('v') }}{{ inputs.map.containsKey('z') }}", "2truetruefalse"},
      {"{{ inputs.map.get('k') }}{{ inputs.map.get('z') ?? 'd' }}{{ inputs.map.getOrDefault('z', 'e') }}", "vde"}, {"{{ inputs.map.keySet() }}{{ inputs.map.values()[0] }}", R"(["k","n"]v)"},
      {"{% for e in inputs.map.entrySet() %}{{ e.key }}{% endfor %}", "kn"}, {"{{ 1.5.intValue() }}{{ 3.doubleValue() }}{{ inputs.count.longValue() }}", "13.03"},
      {"{{ inputs.q.size() ?? 0 }}", "0"}, {"{{ inputs.list.size() > 2 ? 'many' : 'few' }}", "many"},
  });
  ExpectErrors({{"{{ inputs.list.get(9) }}", "`get`: 9 lies outside of the list"}, {"{{ 1.size() }}", "`size`: needs a text, list or map"},
                {"{{ inputs.name.keySet() }}", "`keySet`: needs a map"}, {"{{ inputs.name.intValue() }}", "`intValue`: needs a number"}});
}

TEST(ExprMethods, GettersNeedNoBrackets) {
  ExpectAll({
      {"{{ inputs.list.size }}{{ inputs.map.size }}{{ inputs.name.length }}{{ 'abc'['length'] }}", "3233"}, {"{{ inputs.list.empty }}{{ inputs.list.isEmpty }}{{ ''.empty }}{{ ' '.blank }}", "falsefalsetruetrue"},
      {"{{ ' a '.trim }}{{ 'a'.toUpperCase }}{{ inputs.map.keySet }}{{ {'a': 1}.values }}", R"(aA["k","n"][1])"}, {"{{ inputs.list.first }}{{ inputs.list.last }}{{ inputs.list.first() }}{{ inputs.list.reversed }}", "323[2,1,3]"},
      {"{{ {'size': 'own'}.size }}{{ inputs.name.size ?? 'none' }}{{ inputs.list.size + 1 }}", "ownnone4"}, {"{{ inputs.count.doubleValue }}{{ 2.7.intValue }}", "3.02"},
  });
  // What is read of the context is the list.
  EXPECT_EQ((*Template::Compile("{{ inputs.list.size }}"))->references().paths, (std::vector<std::vector<std::string>>{{"inputs", "list"}}));
}

TEST(ExprMethods, MoreOfTexts) {
  ExpectAll({
      {"{{ 'a1b2'.replaceFirst('[0-9]', '#') }}", "a#b2"}, {"{{ 'hello'.compareTo('a') }} {{ 'a'.compareTo('abc') }} {{ 'B'.compareToIgnoreCase('a') }} {{ 'a'.compareTo('a') }}", "7 -2 1 0"}, {"{{ 'a\nb\r\nc'.lines() }}", R"(["a","b","c"])"},
      {"[{{ ' a '.stripLeading() }}][{{ ' a '.stripTrailing() }}]", "[a ][ a]"}, {"{{ 'a'.contentEquals('a') }}{{ 'a'.intern }}", "truea"}, {"{{ inputs.list.containsAll([1, 2]) }}{{ inputs.list.containsAll([9]) }}", "truefalse"},
      {"{{ 'a😀'.length() }}{{ 'a😀b'.indexOf('b') }}", "33"}, {"{{ 1.compareTo(2) }}{{ 2.5.compareTo(2) }}{{ 1.floatValue() }}{{ true.booleanValue() }}{{ 1.5.isNaN() }}", "-111.0truefalse"},
  });
  ExpectErrors({{"{{ 'a'.compareTo(1) }}", "`compareTo`: needs a text to compare with"}, {"{{ 'a'.replaceFirst('(', '') }}", "'(' is not a supported"}, {"{{ true.floatValue() }}", "`floatValue`: needs a number"}, {"{{ inputs.list.containsAll(1) }}", "`containsAll`"}});
}

TEST(ExprMethods, APartOfATextNamesTheRemedy) {
  const std::string error = Render("{{ now().hour }}");
  EXPECT_TRUE(error.starts_with("ERROR Unable to find `hour` used in the expression `{{ now().hour }}` at line 1")) << error;
  EXPECT_NE(error.find("| date('HH')"), std::string::npos) << error;
}

}  // namespace
}  // namespace headrace::expr
