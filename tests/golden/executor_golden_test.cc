// Every *.txt here: words, a flow, and a script of events with what each of them brings about. HEADRACE_REWRITE_GOLDEN=1
// (make golden) rewrites what stands below the events; read the difference.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "common/flow/builder.h"
#include "executor/program.h"
#include "tests/unit/executor/machine.h"

namespace headrace::executor_test {
namespace {

constexpr std::string_view kFolder = "tests/golden";

std::string Read(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

// The runnable types that the scripts' flows name; what their properties are is the worker's affair.
flow::Catalog CatalogForTests() {
  flow::Catalog catalog;
  catalog.AddAll(executor::TaskTypeSpecs());
  for (const auto& [type, properties] : std::map<std::string, std::vector<std::string>>{
           {"io.kestra.plugin.core.log.Log", {"message", "level"}},
           {"io.kestra.plugin.scripts.shell.Script", {"script"}},
           {"io.kestra.plugin.scripts.node.Commands", {"commands"}}}) {
    model::TaskTypeSpec spec{.type = type};
    for (const std::string& name : properties) {
      spec.properties.push_back({.name = name, .kind = model::PropertyKind::kAny});
    }
    catalog.Add(std::move(spec));
  }
  return catalog;
}

// The file with what the events bring about now.
std::string Replay(const std::string& text) {
  const std::size_t flow_at = text.find("--- flow\n");
  const std::size_t script_at = text.find("--- script\n");
  const bool has_both = flow_at != std::string::npos && script_at != std::string::npos;
  EXPECT_TRUE(has_both) << "no flow or no script";
  if (!has_both) return {};
  const std::string yaml = text.substr(flow_at + 9, script_at - flow_at - 9);
  const Result<flow::BuiltFlow> built = flow::BuildFlow(yaml, "flow", CatalogForTests());
  EXPECT_TRUE(built) << built.error().ToString();
  if (!built) return {};
  Machine machine(built->flow);
  std::string out = text.substr(0, script_at + 11);
  std::istringstream lines(text.substr(script_at + 11));
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("> ")) {
      out += line + "\n" + machine.Do(line.substr(2));
    } else if (line.starts_with("#")) {
      out += line + "\n";
    }
  }
  EXPECT_EQ(machine.faults(), "");
  return out;
}

std::vector<std::string> Names() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(kFolder)) {
    if (entry.path().extension() == ".txt" && entry.path().stem() != "CMakeLists") names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

class Golden : public testing::TestWithParam<std::string> {};

TEST_P(Golden, BringsAboutWhatItDid) {
  const std::filesystem::path path = std::filesystem::path(kFolder) / (GetParam() + ".txt");
  const std::string text = Read(path);
  const std::string now = Replay(text);
  if (std::getenv("HEADRACE_REWRITE_GOLDEN") != nullptr && now != text && !now.empty()) std::ofstream(path) << now;
  EXPECT_EQ(Read(path), now) << path << ": make golden, and read the difference";
}

INSTANTIATE_TEST_SUITE_P(Executor, Golden, testing::ValuesIn(Names()),
                         [](const auto& test) { return test.param; });

}  // namespace
}  // namespace headrace::executor_test
