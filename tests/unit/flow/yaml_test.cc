// The YAML reader: what it accepts, where it says things stand, and what it refuses.
#include "common/flow/yaml.h"

#include <gtest/gtest.h>

namespace headrace::flow {
namespace {

std::string Json(std::string_view yaml) {
  const Result<Value> value = ParseYamlValue(yaml);
  return value ? ToJson(*value) : value.error().ToString();
}

// "line:column message" of every violation.
std::vector<std::string> Faults(std::string_view yaml, const YamlLimits& limits = {}) {
  std::vector<std::string> faults;
  const auto node = ParseYaml(yaml, "f.yaml", limits);
  if (node) return faults;
  for (const Violation& violation : node.error().violations) {
    faults.push_back(std::to_string(violation.line) + ":" + std::to_string(violation.column) + " " + violation.message);
    EXPECT_EQ(violation.file, "f.yaml");
  }
  if (faults.empty()) faults.push_back(node.error().message);
  return faults;
}

using Lines = std::vector<std::string>;

TEST(YamlValues, ReadsPlainScalarsAsKestraDoes) {
  EXPECT_EQ(Json("[true, True, yes, on, ON]"), "[true,true,true,true,true]");
  EXPECT_EQ(Json("[false, no, Off, FALSE]"), "[false,false,false,false]");
  EXPECT_EQ(Json("[y, n, tRue, yEs]"), R"(["y","n","tRue","yEs"])");
  EXPECT_EQ(Json("[~, null, Null, NULL, ]"), "[null,null,null,null]");
  EXPECT_EQ(Json("[1, -17, +5, 1_000, 0x1F, 0b101, 010, 0o7, 08]"), R"([1,-17,5,1000,31,5,8,"0o7","08"])");
  EXPECT_EQ(Json("[1.5, -.5, 1e3, 1.5E-3, 6., 1_0.5]"), "[1.5,-0.5,1000.0,0.0015,6.0,10.5]");
  EXPECT_EQ(Json("[.inf, .nan, 12:30, 1:30:00, 2024-01-02, 1.2.3, 1e, e5, ., -]"),
            R"([".inf",".nan","12:30","1:30:00","2024-01-02","1.2.3","1e","e5",".","-"])");
}

TEST(YamlValues, KeepsNumbersExactOrAsText) {
  EXPECT_EQ(Json("9223372036854775807"), "9223372036854775807");
  EXPECT_EQ(Json("-9223372036854775808"), "-9223372036854775808");
  EXPECT_EQ(Json("18446744073709551615"), "18446744073709551615");
  EXPECT_EQ(Json("18446744073709551616"), R"("18446744073709551616")");
  EXPECT_EQ(Json("-9223372036854775809"), R"("-9223372036854775809")");
  EXPECT_EQ(Json("1e400"), R"("1e400")");
  EXPECT_EQ(Json("-0.0"), "-0.0");
}

TEST(YamlValues, QuotedAndTaggedStayText) {
  EXPECT_EQ(Json(R"(["1", 'yes', "null", !!str 5, !!str true, ! 7])"), R"(["1","yes","null","5","true","7"])");
  EXPECT_EQ(Json(R"([!!int "5", !!float "1.5", !!bool 'yes', !!null ''])"), "[5,1.5,true,null]");
  EXPECT_EQ(Json("a: |\n  1\nb: >-\n  x\n  y\n"), R"({"a":"1\n","b":"x y"})");
}

TEST(YamlValues, ExpandsAliasesAndMerges) {
  EXPECT_EQ(Json("a: &x {k: 1}\nb: *x\nc: [*x, *x]"), R"({"a":{"k":1},"b":{"k":1},"c":[{"k":1},{"k":1}]})");
  EXPECT_EQ(Json("base: &b {k: 1, l: 2}\nd:\n  <<: *b\n  l: 3"), R"({"base":{"k":1,"l":2},"d":{"l":3,"k":1}})");
  EXPECT_EQ(Json("d:\n  <<: [{a: 1}, {a: 2, b: 3}]\n  c: 4"), R"({"d":{"c":4,"a":1,"b":3}})");
  EXPECT_EQ(Json("'<<': 1"), R"({"<<":1})");
}

TEST(YamlValues, EmptyTextIsNull) {
  EXPECT_EQ(Json(""), "null");
  EXPECT_EQ(Json("# nothing\n"), "null");
  EXPECT_EQ(Json("---\n"), "null");
  EXPECT_EQ(Json("\xef\xbb\xbf"), "null");
}

TEST(YamlPlaces, CountCharactersFromOne) {
  const auto node = ParseYaml(
      "\xef\xbb\xbf"
      "a: 1\n\"ü\": {b: x}\nlist:\r\n  - q\r\n",
      "f");
  ASSERT_TRUE(node) << node.error().ToString();
  EXPECT_EQ(node->entries[0].value.column, 4);
  const YamlNode* map = node->Find("ü");
  ASSERT_NE(map, nullptr);
  EXPECT_EQ(map->line, 2);
  EXPECT_EQ(map->column, 6);
  EXPECT_EQ(map->entries[0].value.column, 10);
  EXPECT_EQ(node->Find("list")->items[0].line, 4);
  EXPECT_EQ(node->Find("list")->items[0].column, 5);
}

TEST(YamlPlaces, LocateFindsTheByteOfAText) {
  const std::string source =
      "plain: abc {{ x }}\n"
      "double: \"q \\\"é\\\" {{ y }}\"\n"
      "single: 'it''s {{ z }}'\n"
      "literal: |\n"
      "\n"
      "    first\n"
      "      {{ l }}\n"
      "folded: >-\n"
      "  one\n"
      "  two {{ f }}\n"
      "anchored: &a  !!str  \"{{ t }}\"\n"
      "multi: one\n"
      "  two {{ m }}\n";
  const auto node = ParseYaml(source, "f");
  ASSERT_TRUE(node) << node.error().ToString();
  const auto place = [&](std::string_view key) {
    const YamlNode& scalar = *node->Find(key);
    const YamlPlace at = Locate(source, scalar, scalar.text.find("{{"));
    return std::to_string(at.line) + ":" + std::to_string(at.column);
  };
  EXPECT_EQ(place("plain"), "1:12");
  EXPECT_EQ(place("double"), "2:18");
  EXPECT_EQ(place("single"), "3:16");
  EXPECT_EQ(place("literal"), "7:7");
  EXPECT_EQ(place("folded"), "10:7");
  EXPECT_EQ(place("anchored"), "11:23");
  EXPECT_EQ(place("multi"), "13:7");
}

TEST(YamlFaults, NamesEveryDuplicateKey) {
  EXPECT_EQ(
      Faults("a: 1\nb: 2\na: 3\nc: {d: 1, d: 2}\n"),
      (Lines{"3:1 duplicate key `a`; it stands first in line 1", "4:11 duplicate key `d`; it stands first in line 4"}));
  std::string large;
  for (int i = 0; i < 40; ++i) large += "k" + std::to_string(i) + ": 1\n";
  EXPECT_EQ(Faults(large + "k3: 1\n"), Lines{"41:1 duplicate key `k3`; it stands first in line 4"});
}

TEST(YamlFaults, RefusesAliasBombsByTheNodeBudget) {
  std::string bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n";
  for (char c = 'b'; c <= 'i'; ++c) {
    bomb += std::string(1, c) + ": &" + c + " [";
    for (int i = 0; i < 9; ++i) bomb += std::string(i == 0 ? "*" : ",*") + static_cast<char>(c - 1);
    bomb += "]\n";
  }
  const auto faults = Faults(bomb);
  ASSERT_EQ(faults.size(), 1u);
  EXPECT_NE(faults[0].find("more than 200000 nodes once its aliases are expanded"), std::string::npos) << faults[0];
  EXPECT_EQ(ParseYaml(bomb, "f").error().code, Code::kResourceExhausted);
}

TEST(YamlFaults, RefusesTextBombsByTheByteBudget) {
  std::string bomb = "a: &a " + std::string(1 << 20, 'x') + "\nb: [";
  for (int i = 0; i < 100; ++i) bomb += "*a,";
  EXPECT_NE(Faults(bomb + "]\n").at(0).find("bytes of text once its aliases are expanded"), std::string::npos);
}

TEST(YamlFaults, RefusesCycles) {
  EXPECT_EQ(Faults("&x {a: *x}"), Lines{"1:8 this alias stands inside the node it refers to: a cycle"});
  EXPECT_EQ(Faults("a: &x\n  - b\n  - *x\n"), Lines{"3:5 this alias stands inside the node it refers to: a cycle"});
}

TEST(YamlFaults, RefusesDepth) {
  EXPECT_NE(Faults(std::string(100'000, '[')).at(0).find("nested deeper than 64 levels"), std::string::npos);
  EXPECT_EQ(Faults(std::string(64, '[') + std::string(64, ']')), Lines{});
  EXPECT_EQ(Faults(std::string(65, '[') + std::string(65, ']')),
            Lines{"1:65 the document is nested deeper than 64 levels"});
  std::string maps;
  for (int i = 0; i < 3000; ++i) maps += std::string(static_cast<std::size_t>(i), ' ') + "a:\n";
  EXPECT_EQ(Faults(maps), Lines{"65:65 the document is nested deeper than 64 levels"});
  std::string dashes;
  for (int i = 0; i < 3000; ++i) dashes += "- ";
  EXPECT_EQ(Faults(dashes).size(), 1u);
  std::string keys;
  for (int i = 0; i < 3000; ++i) keys += "? ";
  EXPECT_GE(Faults(keys).size(), 1u);
  // Depth by aliases: each list holds the one before, thirty deep.
  std::string chain = "- &a0 x\n";
  for (int i = 1; i < 5; ++i) {
    chain += "- &a" + std::to_string(i) + " " + std::string(30, '[') + "*a" + std::to_string(i - 1) + " " +
             std::string(30, ']') + "\n";
  }
  EXPECT_NE(Faults(chain).at(0).find("nested deeper than 64 levels"), std::string::npos);
}

TEST(YamlFaults, RefusesBytesThatAreNoText) {
  EXPECT_EQ(Faults("a: b\nc: \xff\xfe\n"), Lines{"2:4 the text is not valid UTF-8: byte 0xFF"});
  EXPECT_EQ(Faults("a: \xc3(\n"), Lines{"1:4 the text is not valid UTF-8: byte 0xC3"});
  EXPECT_EQ(Faults("a: ü\xed\xa0\x80\n"), Lines{"1:5 the text is not valid UTF-8: byte 0xED"});
  EXPECT_EQ(Faults(std::string_view("a: b\0c\n", 7)), Lines{"1:5 the control character 0x00 is not allowed in YAML"});
  EXPECT_EQ(Faults("a: \x1b[0m\n"), Lines{"1:4 the control character 0x1B is not allowed in YAML"});
  EXPECT_EQ(Faults(std::string_view("\xff\xfe"
                                    "a\0",
                                    4))
                .at(0),
            "1:1 the text is not valid UTF-8: byte 0xFF");
}

TEST(YamlFaults, RefusesTags) {
  EXPECT_EQ(Faults("a: !!python/object:os.system x\n"),
            Lines{"1:4 the tag `!!python/object:os.system` is not supported; leave it out"});
  EXPECT_EQ(Faults("a: !custom {b: 1}\n"), Lines{"1:4 the tag `!custom` is not supported; leave it out"});
  EXPECT_EQ(Faults("a: !!binary aGk=\nb: !!map [1]\n").size(), 2u);
}

TEST(YamlFaults, ExplainsAnUnquotedExpression) {
  EXPECT_EQ(Faults("a: {{ inputs.x }}\n"), Lines{"1:4 an expression must stand in quotes: \"{{ … }}\""});
  EXPECT_EQ(Faults("? [a, b]\n: c\n").at(0), "1:3 a map or list cannot be a key; keys are texts");
}

TEST(YamlFaults, SaysWhereTheSyntaxIsWrong) {
  EXPECT_EQ(Faults("a: b: c\n"), Lines{"1:5 unexpected `:`; a text that holds \": \" must stand in quotes"});
  EXPECT_EQ(Faults("a:\n\tb: c\n").at(0), "2:1 tabs cannot indent YAML; use spaces");
  EXPECT_EQ(Faults("a: *nope\n").size(), 1u);
  EXPECT_EQ(Faults("a: [1, 2\n").size(), 1u);
  EXPECT_EQ(Faults("a: \"open\n"), Lines{"1:4 this quote is never closed"});
  EXPECT_EQ(Faults("a: 'it''s\nb: 1\n"), Lines{"1:4 this quote is never closed"});
  EXPECT_EQ(Faults("a: {b: 1\n").size(), 1u);
  EXPECT_EQ(Faults("a: ]\n").size(), 1u);
  EXPECT_EQ(Faults("- a\nb: c\n").size(), 1u);
  EXPECT_EQ(Faults("a: |\n  x\n y\n").size(), 1u);
  EXPECT_EQ(Faults("a: \"\\q\"\n").size(), 1u);
  EXPECT_EQ(Faults("a: @b\n").size(), 1u);
  EXPECT_EQ(Faults("a: 1\n}\n").size(), 1u);
  EXPECT_EQ(Faults("}").size(), 1u);
  EXPECT_EQ(Faults("a: 1\n  b: 2\n").size(), 1u);
}

TEST(YamlFaults, OneDocumentMeansOne) {
  EXPECT_EQ(Faults("a: 1\n---\nb: 2\n").at(0), "2:1 one document is expected here; another one begins with `---`");
  const auto documents = ParseYamlDocuments("a: 1\n---\nb: 2\n--- \nc: 3\n", "f");
  ASSERT_TRUE(documents) << documents.error().ToString();
  ASSERT_EQ(documents->size(), 3u);
  EXPECT_EQ(documents->at(2).entries[0].key.line, 5);
  EXPECT_FALSE(ParseYamlDocuments("a: 1\n}\n", "f"));
}

TEST(YamlFaults, TheSizeLimitIsNamed) {
  const auto node = ParseYaml("a: " + std::string(100, 'x'), "big.yaml", {.bytes = 50});
  ASSERT_FALSE(node);
  EXPECT_EQ(node.error().message, "big.yaml has 103 bytes; the limit is 50");
  EXPECT_EQ(node.error().code, Code::kResourceExhausted);
}

TEST(YamlFaults, StopsTellingAtTheLimit) {
  std::string many;
  for (int i = 0; i < 500; ++i) many += "a: 1\n";
  EXPECT_EQ(Faults(many).size(), 100u);
}

TEST(YamlDocuments, AreCutAtTheirMarkers) {
  const auto slices = SplitDocuments("# head\n---\na: |\n  ---x\n  y\n---\n# nothing\n---\nb: 1\n");
  ASSERT_EQ(slices.size(), 2u);
  EXPECT_EQ(slices[0].text, "a: |\n  ---x\n  y\n");
  EXPECT_EQ(slices[0].first_line, 3);
  EXPECT_EQ(slices[1].text, "b: 1\n");
  EXPECT_EQ(slices[1].first_line, 9);
  EXPECT_TRUE(SplitDocuments("# only a remark\n---\n").empty());
}

TEST(YamlWriter, WritesWhatReadsBackTheSame) {
  const std::vector<std::string> documents = {
      R"({"a":1,"b":[1,"x",null,true,1.5],"c":{"d":[],"e":{}},"f":"yes","g":"","h":"1e3"})",
      R"([[1,[2]],{"a":[{"b":1,"c":[2]}]},"- x","a: b","x #y","'q'","\"","|","~","null"])",
      R"({"t":"line\nline","u":"line\n","v":"\nx","w":" x\ny","z":"x \ny\n\n","tab":"\tx\ny","nul":"a\u0001b"})",
      R"({"k: v":1,"":2,"1":3,"true":4,"deep":{"text":"a\n  b\nc"},"-":"-","-5":"-5","- ":"--- x"})",
      R"("ünïcode ✓")",
      R"("012")",
      "null",
      "-0.0",
      "18446744073709551615",
      R"([["a\nb"]])",
      R"(["a\nb\n"])",
      R"("a\nb")",
      R"({"mark":"\ufeffb","marks":"a\n\ufeffb"})",
      R"({"x":"trailing:","y":"@at","z":"%p","q":"?","r":"? x","s":"a\u007fb"})"};
  for (const std::string& document : documents) {
    const Value value = *ParseJson(document);
    const std::string yaml = ToYaml(value);
    const auto back = ParseYamlValue(yaml);
    ASSERT_TRUE(back) << yaml << back.error().ToString();
    EXPECT_EQ(ToJson(*back), ToJson(value)) << yaml;
  }
  EXPECT_EQ(ToYaml(*ParseJson(R"({"a":{"b":[1,{"c":2,"d":"x\ny\n"}]},"e":"no"})")),
            "a:\n  b:\n   - 1\n   - c: 2\n     d: |\n       x\n       y\ne: \"no\"\n");
}

}  // namespace
}  // namespace headrace::flow
