// Lines of the process's own log in JSON can be read, whatever stands in them.
#include "common/base/log.h"

#include <gtest/gtest.h>

#include <sstream>

#include "common/model/value.h"

namespace headrace {
namespace {

std::vector<std::string> LinesOf(const std::string& message) {
  testing::internal::CaptureStderr();
  InitLog("info", "json");
  spdlog::error("{}", message);
  spdlog::default_logger()->flush();
  std::istringstream written(testing::internal::GetCapturedStderr());
  InitLog("info");
  std::vector<std::string> lines;
  for (std::string line; std::getline(written, line);) lines.push_back(line);
  return lines;
}

TEST(JsonLog, WhatAMessageHoldsStaysInItsText) {
  for (const std::string& message : {std::string("flow \"a\\b\" says:\r\n\t{\"level\":\"info\"}\x01"), std::string("größer ✓"), std::string(1, '\0')}) {
    const auto lines = LinesOf(message);
    ASSERT_EQ(lines.size(), 1U) << message;
    const auto line = ParseJson(lines[0]);
    ASSERT_TRUE(line) << lines[0];
    EXPECT_EQ(Member(*line, "msg")->as_string(), message);
    EXPECT_EQ(Member(*line, "level")->as_string(), "error");
  }
}

TEST(JsonLog, BytesThatAreNoTextAreReplaced) {
  const auto lines = LinesOf("a\xff\x62");
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(Member(*ParseJson(lines[0]), "msg")->as_string(), "a\xEF\xBF\xBD" "b");
}

}  // namespace
}  // namespace headrace
