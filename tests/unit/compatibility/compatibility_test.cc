// docs/kestra-compatibility.md is what the whole catalog says. HEADRACE_REWRITE_GOLDEN=1 rewrites it.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "common/flow/builder.h"
#include "common/flow/kestra_types.h"
#include "common/flow/schema.h"
#include "executor/program.h"
#include "worker/registry.h"

namespace headrace {
namespace {

const flow::Catalog& Whole() {
  static const flow::Catalog kCatalog = [] {
    flow::Catalog catalog;
    catalog.AddAll(executor::TaskTypeSpecs());
    catalog.AddAll(worker::TaskTypeSpecs());
    return catalog;
  }();
  return kCatalog;
}

TEST(Compatibility, ThePageIsWhatTheCatalogSays) {
  const std::string path = "docs/kestra-compatibility.md";
  const std::string page = flow::CompatibilityTable(Whole());
  if (std::getenv("HEADRACE_REWRITE_GOLDEN") != nullptr) std::ofstream(path) << page;
  std::ostringstream written;
  written << std::ifstream(path).rdbuf();
  EXPECT_EQ(written.str(), page) << "HEADRACE_REWRITE_GOLDEN=1 with this test rewrites the page";
}

// What Kestra calls a type is known here too, wherever the type is.
TEST(Compatibility, TypesHaveAllTheirOldNames) {
  for (const flow::KestraType& type : flow::KestraTypes()) {
    const model::TaskTypeSpec* ours = Whole().Find(type.name);
    if (ours == nullptr) continue;
    for (const std::string& alias : type.aliases) EXPECT_EQ(Whole().Find(alias), ours) << type.name << " " << alias;
  }
}

// Examples name inputs and tasks of the flow around them, which is not there.
TEST(Compatibility, EveryExampleIsAValidTask) {
  for (const std::string& type : Whole().TypeNames()) {
    const std::string example = Whole().Find(type)->example;
    if (example.empty()) continue;
    std::string source = "id: f\nnamespace: n\ntasks:\n  - ";
    for (const char c : example) source += c == '\n' ? std::string("\n    ") : std::string(1, c);
    const auto built = flow::BuildFlow(source, type, Whole());
    if (built) continue;
    EXPECT_FALSE(built.error().violations.empty()) << built.error().ToString();
    for (const Violation& violation : built.error().violations) {
      const std::string& said = violation.message;
      EXPECT_TRUE(said.starts_with("the flow has no ") || said.starts_with("templates are switched off")) << ToString(violation);
    }
  }
}

TEST(Compatibility, TheReleaseFlowsAreValidWithoutAWarning) {
  std::size_t flows = 0;
  for (const auto& entry : std::filesystem::directory_iterator("tests/data/release-flows")) {
    if (entry.path().extension() != ".yaml") continue;
    const auto built = flow::LoadFlowFile(entry.path().string(), Whole());
    ASSERT_TRUE(built) << built.error().ToString();
    for (const flow::BuiltFlow& one : *built) {
      ++flows;
      for (const Violation& warning : one.warnings) ADD_FAILURE() << ToString(warning);
    }
  }
  EXPECT_GE(flows, 4u);
}

// The team's own flows put the version into their commands: one advice for each such task, and none for anything else.
TEST(Compatibility, TheReleaseFlowsGetOneAdviceAScript) {
  for (const char* name : {"release-oss", "release-ee", "docker-publish", "release-oss-and-ee"}) {
    const auto built = flow::LoadFlowFile("tests/data/release-flows/" + std::string(name) + ".yaml", Whole());
    ASSERT_TRUE(built) << built.error().ToString();
    const std::vector<Violation>& advice = built->at(0).advice;
    EXPECT_EQ(advice.size(), std::string_view(name) == "release-oss-and-ee" ? 0u : 2u) << name;
    for (const Violation& one : advice) {
      EXPECT_NE(one.message.find("whoever chooses `inputs.VERSION_TO_RELEASE` chooses what this script runs"), std::string::npos) << one.message;
    }
  }
}

// What newcomers copy does as `flow validate` says.
TEST(Compatibility, TheExamplesNeedNoAdvice) {
  std::size_t flows = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator("examples")) {
    if (entry.path().extension() != ".yaml") continue;
    const auto built = flow::LoadFlowFile(entry.path().string(), Whole());
    ASSERT_TRUE(built) << built.error().ToString();
    for (const flow::BuiltFlow& one : *built) {
      ++flows;
      for (const Violation& warning : one.warnings) ADD_FAILURE() << ToString(warning);
      for (const Violation& advice : one.advice) ADD_FAILURE() << ToString(advice);
    }
  }
  EXPECT_GE(flows, 5u);
}

}  // namespace
}  // namespace headrace
