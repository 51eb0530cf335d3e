// docs/states.md is made from the transition tables.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "executor/transitions.h"

namespace headrace::executor {
namespace {

TEST(States, TheDocumentIsThatOfTheTables) {
  const char* path = "docs/states.md";
  if (std::getenv("HEADRACE_REWRITE_GOLDEN") != nullptr) std::ofstream(path) << StatesDocument();
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  EXPECT_EQ(text.str(), StatesDocument()) << path << " is stale: make golden";
}

}  // namespace
}  // namespace headrace::executor
