// Laws of what is printed and of what is read from the command line.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "cli/commands/arguments.h"
#include "cli/exit_code.h"
#include "cli/output/table.h"

namespace headrace::cli {
namespace {

class Output : public ::testing::Test {
 protected:
  std::istringstream in;
  std::ostringstream out;
  std::ostringstream err;
  Context context{.in = in, .out = out, .err = err};
  Listing listing{{{"ID"}, {"STATE"}, {"WHERE", true}},
                  {{"a", {{"a"}, StateCell("FAILED"), {"here"}}, {{"id", "a"}, {"size", 1}}},
                   {"größer", {{"größer"}, StateCell("SUCCESS"), {"a,b\"c"}}, {{"id", "größer"}}}}};

  std::string Print(const std::string& format) {
    context.output = format;
    out.str("");
    PrintListing(context, listing);
    return out.str();
  }
};

TEST_F(Output, EveryFormHasItsShape) {
  EXPECT_EQ(Print("table"), "ID      STATE\na       FAILED\ngrößer  SUCCESS\n");
  EXPECT_EQ(Print("wide"), "ID      STATE    WHERE\na       FAILED   here\ngrößer  SUCCESS  a,b\"c\n");
  EXPECT_EQ(Print("name"), "a\ngrößer\n");
  EXPECT_EQ(Print("jsonl"), "{\"id\":\"a\",\"size\":1}\n{\"id\":\"größer\"}\n");
  EXPECT_EQ(Print("csv"), "ID,STATE,WHERE\r\na,FAILED,here\r\ngrößer,SUCCESS,\"a,b\"\"c\"\r\n");
  EXPECT_EQ(Print("json"), "[\n  {\n    \"id\": \"a\",\n    \"size\": 1\n  },\n  {\n    \"id\": \"größer\"\n  }\n]\n");
  EXPECT_EQ(Print("yaml"), "- id: a\n  size: 1\n- id: größer\n");
}

TEST_F(Output, LinesEndWhereTheirTextEnds) {
  listing.rows[0].cells[1].text.clear();
  EXPECT_EQ(Print("table"), "ID      STATE\na\ngrößer  SUCCESS\n");
}

TEST_F(Output, ColoursOnlyWhereTheScreenHasThem) {
  EXPECT_EQ(Print("table").find('\x1b'), std::string::npos);
  context.out_screen.color = true;
  EXPECT_NE(Print("table").find("\x1b["), std::string::npos);
  EXPECT_EQ(Print("json").find('\x1b'), std::string::npos);
}

TEST_F(Output, TextsOfOthersCannotSteerTheTerminal) {
  listing.rows[0].cells[0].text = "x\x1b[2J\ny";
  EXPECT_EQ(Print("table"), "ID      STATE\nx y     FAILED\ngrößer  SUCCESS\n");
  PrintError(context, Error{Code::kNotFound, "no \x1b]0;evil\x07" "flow\nat all", {}});
  EXPECT_EQ(err.str(), "error: no flow\n  at all\n");
}

TEST_F(Output, ErrorsNameTheirPlacesAndBecomeExitCodes) {
  const int code = PrintError(context, Error{Code::kInvalidArgument, "no valid flow", {{"id", "is missing", 3, 1, "a.yaml"}}});
  EXPECT_EQ(code, kExitInvalid);
  EXPECT_EQ(err.str(), "error: no valid flow\n  a.yaml:3:1: id: is missing\n");
  EXPECT_EQ(out.str(), "");
}

TEST_F(Output, TipsAreForTerminalsOnly) {
  PrintTip(context, "next");
  EXPECT_EQ(err.str(), "");
  context.err_screen.is_terminal = true;
  PrintTip(context, "next");
  EXPECT_EQ(err.str(), "next\n");
  context.quiet = true;
  PrintTip(context, "next");
  EXPECT_EQ(err.str(), "next\n");
}

TEST(PrettyJson, KeepsEmptyOnesShort) {
  EXPECT_EQ(PrettyJson(*ParseJson(R"({"a":[],"b":{},"c":[1,{"d":null}]})")),
            "{\n  \"a\": [],\n  \"b\": {},\n  \"c\": [\n    1,\n    {\n      \"d\": null\n    }\n  ]\n}");
}

TEST(Arguments, FlowNamesPairsAndSpans) {
  EXPECT_EQ(ParseFlowName("a.b/c")->ns, "a.b");
  EXPECT_EQ(ParseFlowName("a.b/c")->id, "c");
  for (const char* wrong : {"", "a", "/a", "a/"}) EXPECT_FALSE(ParseFlowName(wrong)) << wrong;
  EXPECT_EQ(ParsePair("a=b=c", "label")->second, "b=c");
  EXPECT_FALSE(ParsePair("=b", "label"));
  EXPECT_EQ(ParseSpan("90s").value(), std::chrono::seconds(90));
  EXPECT_EQ(ParseSpan("7d").value(), std::chrono::hours(168));
  EXPECT_EQ(ParseSpan("PT1H30M").value(), std::chrono::minutes(90));
  for (const char* wrong : {"", "h", "5", "-5s", "5w", "99999999999999999999h"}) EXPECT_FALSE(ParseSpan(wrong)) << wrong;
}

class Files : public ::testing::Test {
 protected:
  Files() : dir(std::filesystem::temp_directory_path() / ("headrace-files-" + std::to_string(getpid()))) {
    std::filesystem::create_directories(dir / "sub");
  }
  ~Files() override { std::filesystem::remove_all(dir); }
  std::string Write(const std::string& name, const std::string& text) {
    std::ofstream(dir / name) << text;
    return (dir / name).string();
  }
  std::filesystem::path dir;
  std::istringstream in{"version: from-stdin\n"};
};

TEST_F(Files, InputsComeFromFlagsFilesAndStandardInputTheLaterWin) {
  const std::string file = Write("inputs.yml", "version: 1\nnested:\n  a: [1]\n");
  const Object inputs = ParseInputs({file, "x=y=z", "-"}, in).value();
  EXPECT_EQ(ToJson(inputs), R"({"version":"from-stdin","nested":{"a":[1]},"x":"y=z"})");
  EXPECT_EQ(ToJson(ParseInputs({Write("inputs.json", R"( {"smile": "\ud83d\ude00", "n": 1e400})")}, in).value()), R"({"smile":"😀","n":"1e400"})");
  EXPECT_EQ(ToJson(ParseInputs({Write("flow.yml", "{a: 1, b: [x]}")}, in).value()), R"({"a":1,"b":["x"]})");
  EXPECT_EQ(ParseInputs({"missing.yml"}, in).error().code, Code::kNotFound);
  EXPECT_EQ(ParseInputs({Write("list.yml", "- 1\n")}, in).error().code, Code::kInvalidArgument);
}

TEST_F(Files, FoldersAreReadInOrderAndDocumentsApart) {
  Write("sub/b.yml", "id: b1\n---\nid: b2\n");
  Write("a.yaml", "id: a\n");
  Write("notes.txt", "not a flow");
  const std::vector<FlowText> texts = ReadFlowTexts({dir.string()}, in).value();
  ASSERT_EQ(texts.size(), 3u);
  EXPECT_TRUE(texts[0].file.ends_with("a.yaml"));
  EXPECT_EQ(texts[2].first_line, 3);
  EXPECT_EQ(ReadFlowTexts({(dir / "nothing").string()}, in).error().code, Code::kNotFound);
}

// A ConfigMap is mounted as links to the files of a folder whose name begins with dots.
TEST_F(Files, WhatBeginsWithADotIsLeftOut) {
  std::filesystem::create_directories(dir / "..2026_11_23");
  Write("..2026_11_23/a.yaml", "id: a\n");
  std::filesystem::create_directory_symlink("..2026_11_23", dir / "..data");
  std::filesystem::create_symlink("..data/a.yaml", dir / "a.yaml");
  Write(".draft.yaml", "id: draft\n");
  const std::vector<FlowText> texts = ReadFlowTexts({dir.string()}, in).value();
  ASSERT_EQ(texts.size(), 1u);
  EXPECT_TRUE(texts[0].file.ends_with("/a.yaml"));
  EXPECT_EQ(texts[0].text, "id: a\n");
}

}  // namespace
}  // namespace headrace::cli
