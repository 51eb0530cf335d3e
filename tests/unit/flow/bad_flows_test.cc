// Every file of tests/data/bad-flows: what the builder says about it is the file of the same name with `.expected`.
// HEADRACE_REWRITE_GOLDEN=1 rewrites them; read the difference before committing it.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "common/flow/builder.h"
#include "tests/unit/flow/sample_catalog.h"

namespace headrace::flow {
namespace {

namespace fs = std::filesystem;

const fs::path kFolder = "tests/data/bad-flows";

std::string ReadFile(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

std::string Verdict(const fs::path& path) {
  const auto built = BuildFlows(ReadFile(path), path.filename().string(), SampleCatalog());
  if (!built) return std::string(CodeName(built.error().code)) + ' ' + built.error().ToString() + '\n';
  std::string text = "valid\n";
  for (const BuiltFlow& one : *built) {
    for (const Violation& warning : one.warnings) text += "warning: " + ToString(warning) + '\n';
  }
  return text;
}

std::vector<fs::path> Files() {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(kFolder)) {
    if (entry.path().extension() == ".yaml") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

TEST(BadFlows, AreExplainedAsExpected) {
  const bool update = std::getenv("HEADRACE_REWRITE_GOLDEN") != nullptr;
  const std::vector<fs::path> files = Files();
  ASSERT_GE(files.size(), 95u);
  for (const fs::path& file : files) {
    const fs::path golden = fs::path(file).replace_extension(".expected");
    const std::string verdict = Verdict(file);
    if (update) std::ofstream(golden, std::ios::binary) << verdict;
    EXPECT_EQ(verdict, ReadFile(golden)) << file;
  }
}

TEST(BadFlows, EveryViolationNamesItsFileAndLine) {
  for (const fs::path& file : Files()) {
    const auto built = BuildFlows(ReadFile(file), "some/file.yaml", SampleCatalog());
    if (built) continue;
    EXPECT_FALSE(built.error().violations.empty()) << file;
    for (const Violation& violation : built.error().violations) {
      EXPECT_EQ(violation.file, "some/file.yaml") << file;
      EXPECT_GT(violation.line, 0) << file << violation.message;
      EXPECT_GT(violation.column, 0) << file << violation.message;
    }
  }
}

}  // namespace
}  // namespace headrace::flow
