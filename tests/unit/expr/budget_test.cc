// A hostile template ends within its bounds, each by the bound that is meant for it.
#include "tests/unit/expr/expr_fixture.h"

namespace headrace::expr {
namespace {

constexpr std::string_view kSteps = "ERROR the expression needs more than";
constexpr std::string_view kText = "ERROR the expression makes a text of more than";

void ExpectBound(const std::string& source, std::string_view bound, const Limits& limits = {}) {
  const std::string out = Render(source, limits);
  EXPECT_TRUE(out.starts_with(bound)) << source.substr(0, 200) << "\n  gives " << out.substr(0, 200);
}

TEST(ExprBudget, StepsBoundLoops) {
  ExpectBound("{% for a in 1..100000 %}{% for b in 1..100000 %}{{ a }}{% endfor %}{% endfor %}", kSteps);
  ExpectBound("{{ 1..9223372036854775807 }}", kSteps);
  ExpectBound("{{ range(0, 9223372036854775807, 1) | length }}", kSteps);
  ExpectBound("{% set l = [1] %}{% for i in 1..100 %}{% set l = l + l %}{% endfor %}", kSteps);
  ExpectBound("{% for i in 1..50 %}x{% endfor %}", kSteps, {.steps = 40});
}

// What is paid grows with the text, not with its square.
TEST(ExprBudget, ManyReplacementsInOneTextAreAffordable) {
  EXPECT_EQ(Render("{{ 'ab'.repeat(100000) | replace({'a': 'x'}) | length }}"), "200000");
}

TEST(ExprBudget, TextIsBounded) {
  ExpectBound("{% set s = 'xxxxxxxx' %}{% for i in 1..100 %}{% set s = s ~ s %}{% endfor %}", kText);
  ExpectBound("{{ 'ab'.repeat(99999999999) }}", kText);
  ExpectBound("{{ 'a\nb' | indent(99999999999) }}", kText);
  ExpectBound("{% for i in 1..10 %}0123456789{% endfor %}", kText, {.output_bytes = 50});
  ExpectBound("{{ 'aaaa'.repeat(1000) | replace({'a': 'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb'.repeat(100)}) }}", kText);
  ExpectBound("{{ (1..1000) | join('0123456789'.repeat(10000)) }}", kText);
}

// Each of these looks through something large again and again without making anything.
TEST(ExprBudget, LookingIsPaid) {
  const std::string big_list = "{% set l = 1..50000 %}{% for i in 1..50000 %}";
  const std::string big_text = "{% set t = 'x'.repeat(1000000) %}{% for i in 1..100000 %}";
  for (const char* body : {"{% if l contains -1 %}{% endif %}", "{% if -1 isIn l %}{% endif %}", "{% if l == l %}{% endif %}", "{{ l.indexOf(-1) }}"}) {
    ExpectBound(big_list + body + "{% endfor %}", kSteps, {.steps = 250'000});
  }
  for (const char* body : {"{% if t contains 'y' %}{% endif %}", "{{ t | length }}", "{{ t | first }}", "{{ t | slice(0, 1) }}", "{% if t == t %}{% endif %}", "{{ t | startsWith('y') }}",
                           "{{ t.indexOf('y') }}", "{{ t.isBlank() }}", "{{ (t | split('y')) | length }}", "{{ t | md5 }}"}) {
    ExpectBound(big_text + body + "{% endfor %}", kSteps, {.steps = 250'000});
  }
}

TEST(ExprBudget, PatternsAreLinearAndPaid) {
  EXPECT_EQ(Render("{{ 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!' | replace({'(a+)+$': 'x'}, regexp=true) }}").back(), '!');
  ExpectBound("{{ 'a' | replace({'((a{1,99}){1,99}){1,99}': 'x'}, regexp=true) }}", "ERROR '((a{1,99}){1,99}){1,99}' is not a supported regular expression");
  ExpectBound("{% for i in 1..100000 %}{{ 'a' | replace({'b' ~ i: 'c'}, regexp=true) }}{% endfor %}", kSteps);
}

TEST(ExprBudget, DepthIsBounded) {
  ExpectBound("{% macro m(n) %}{{ m(n + 1) }}{% endmacro %}{{ m(0) }}", "ERROR the expression nests deeper than");
  ExpectBound("{{ render(vars.self) }}", "ERROR Maximum render() nesting depth (16) exceeded");
  ExpectBound("{{ " + std::string(5000, '(') + "1" + std::string(5000, ')') + " }}", "ERROR the expression is nested too deeply");
  ExpectBound("{{ 1" + [] { std::string sum; for (int i = 0; i < 5000; ++i) sum += " + 1"; return sum; }() + " }}", "ERROR the expression has too many parts");
  std::string tags;
  for (int i = 0; i < 500; ++i) tags += "{% if true %}";
  ExpectBound(tags, "ERROR tags are nested too deeply");
  ExpectBound("{{ fromJson('['.repeat(100000)) }}", "ERROR Invalid json");
}

// All runs of jq in one render share its time.
TEST(ExprBudget, JqSharesOneAllowanceOfTime) {
  const std::string out = Render("{% for i in 1..1000 %}{{ (i | jq('last(range(300000))')) | length }}{% endfor %}");
  EXPECT_TRUE(out.ends_with("takes too long ({{ (i | jq('last(range(300000))')) | length }}:1)") || out.find("takes too long") != std::string::npos) << out.substr(0, 200);
}

}  // namespace
}  // namespace headrace::expr
