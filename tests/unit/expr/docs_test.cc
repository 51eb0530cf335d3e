// docs/expressions.md names everything the language has.
#include <fstream>
#include <iterator>

#include "tests/unit/expr/expr_fixture.h"

namespace headrace::expr {
namespace {

std::string Page() {
  std::ifstream file("docs/expressions.md", std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// The text from a heading to the next one.
std::string Section(const std::string& page, const std::string& heading) {
  const std::size_t begin = page.find("\n## " + heading);
  if (begin == std::string::npos) return "";
  return page.substr(begin, page.find("\n## ", begin + 1) - begin);
}

void ExpectNamed(const std::string& heading, const std::vector<std::string>& names) {
  const std::string section = Section(Page(), heading);
  ASSERT_FALSE(section.empty()) << heading;
  for (const std::string& name : names) {
    const bool named = section.find("`" + name + "`") != std::string::npos || section.find("`" + name + "(") != std::string::npos;
    EXPECT_TRUE(named) << "docs/expressions.md, " << heading << ", lacks `" << name << "`";
  }
}

TEST(ExprDocs, NameEveryWord) {
  ExpectNamed("Filters", FilterNames());
  ExpectNamed("Functions", FunctionNames());
  ExpectNamed("Tests", TestNames());
  ExpectNamed("Methods", MethodNames());
  ExpectNamed("Operators", {"or", "and", "is", "contains", "==", "equals", "!=", "+", "-", "*", "/", "%", "~", "..", "??", "???", "isIn", "not"});
  ExpectNamed("Tags", {"if", "for", "set", "macro", "block", "filter", "verbatim", "raw"});
}

}  // namespace
}  // namespace headrace::expr
