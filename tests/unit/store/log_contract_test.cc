#include "common/base/text.h"
#include "tests/unit/store/stores.h"

namespace headrace::store {
namespace {

class LogContract : public StoreTest {
 protected:
  static LogRow Line(const std::string& message, const std::string& level = "INFO", const std::string& task = "task") {
    return {ExecutionId("e"), 3, task, 2, FromMicros(1234), level, message};
  }
  std::vector<std::string> Messages(LogQuery query) {
    logs_->Flush();
    const auto page = logs_->Read(query);
    EXPECT_TRUE(page);
    std::vector<std::string> messages;
    for (const LogRow& row : page->rows) messages.push_back(row.message);
    return messages;
  }
};

TEST_P(LogContract, WhatWasAppendedIsReadAfterFlush) {
  LogRow of_execution = Line("bare", "ERROR", "");
  of_execution.task_run.reset();
  of_execution.attempt = 0;
  logs_->Append({Line("first"), of_execution});
  logs_->Flush();
  Reopen();
  const auto page = logs_->Read({.execution = ExecutionId("e")});
  ASSERT_TRUE(page);
  ASSERT_EQ(page->rows.size(), 2U);
  EXPECT_EQ(page->rows[0].execution, ExecutionId("e"));
  EXPECT_EQ(page->rows[0].task_run, 3U);
  EXPECT_EQ(page->rows[0].task_id, "task");
  EXPECT_EQ(page->rows[0].attempt, 2U);
  EXPECT_EQ(page->rows[0].at, FromMicros(1234));
  EXPECT_EQ(page->rows[0].level, "INFO");
  EXPECT_EQ(page->rows[0].message, "first");
  EXPECT_EQ(page->rows[1].task_run, std::nullopt);
  EXPECT_EQ(page->rows[1].level, "ERROR");
  EXPECT_EQ(page->rows[1].task_id, "");
}

TEST_P(LogContract, OffsetsRiseAndReadingGoesOnBehindThem) {
  for (int i = 0; i < 10; ++i) logs_->Append({Line(std::to_string(i))});
  logs_->Append({{ExecutionId("other"), {}, "", 0, {}, "INFO", "elsewhere"}});
  logs_->Flush();
  Reopen();
  logs_->Append({Line("10")});
  LogQuery query{.execution = ExecutionId("e"), .limit = 3};
  std::vector<std::string> all;
  logs_->Flush();
  for (int pages = 0; pages < 10; ++pages) {
    const auto page = logs_->Read(query);
    ASSERT_TRUE(page);
    ASSERT_EQ(page->rows.size(), page->offsets.size());
    for (std::size_t i = 0; i < page->rows.size(); ++i) {
      EXPECT_GT(page->offsets[i], query.after);
      query.after = page->offsets[i];
      all.push_back(page->rows[i].message);
    }
  }
  EXPECT_EQ(all, (std::vector<std::string>{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10"}));
}

TEST_P(LogContract, LevelAndTaskFilter) {
  logs_->Append({Line("t", "TRACE"), Line("d", "DEBUG", "b"), Line("i", "INFO"), Line("w", "WARN", "b"), Line("e", "ERROR")});
  EXPECT_EQ(Messages({.execution = ExecutionId("e"), .level_min = "WARN"}), (std::vector<std::string>{"w", "e"}));
  EXPECT_EQ(Messages({.execution = ExecutionId("e"), .level_min = "DEBUG"}), (std::vector<std::string>{"d", "i", "w", "e"}));
  EXPECT_EQ(Messages({.execution = ExecutionId("e"), .task_id = "b"}), (std::vector<std::string>{"d", "w"}));
  EXPECT_EQ(Messages({.execution = ExecutionId("e"), .task_id = "b", .level_min = "INFO"}), std::vector<std::string>{"w"});
  EXPECT_EQ(Messages({.execution = ExecutionId("nobody")}), std::vector<std::string>{});
}

TEST_P(LogContract, ALogIsCappedWithAMarkerAlsoAcrossARestart) {
  for (int i = 0; i < 40; ++i) logs_->Append({Line("x")});
  logs_->Flush();
  Reopen();
  for (int i = 0; i < 40; ++i) logs_->Append({Line("x")});
  logs_->Flush();
  Reopen();
  logs_->Append({Line("after the cap")});
  logs_->Append({{ExecutionId("other"), {}, "", 0, {}, "INFO", "elsewhere"}});
  logs_->Flush();
  const auto page = logs_->Read({.execution = ExecutionId("e")});
  ASSERT_TRUE(page);
  ASSERT_EQ(page->rows.size(), 51U);
  EXPECT_EQ(page->rows[49].message, "x");
  EXPECT_EQ(page->rows[50].level, "WARN");
  EXPECT_NE(page->rows[50].message.find("50 lines"), std::string::npos);
  EXPECT_EQ(Messages({.execution = ExecutionId("other")}), std::vector<std::string>{"elsewhere"});
}

TEST_P(LogContract, BytesAreCappedToo) {
  for (int i = 0; i < 20; ++i) logs_->Append({Line(std::string(900, 'x'))});
  const auto messages = Messages({.execution = ExecutionId("e")});
  ASSERT_EQ(messages.size(), 12U);
  EXPECT_NE(messages.back().find("capped"), std::string::npos);
}

TEST_P(LogContract, ALongMessageIsCutBetweenLetters) {
  std::string accents;
  for (int i = 0; i < 600; ++i) accents += "é";
  logs_->Append({Line("x" + accents)});
  const auto messages = Messages({.execution = ExecutionId("e")});
  ASSERT_EQ(messages.size(), 1U);
  EXPECT_LT(messages[0].size(), 1'100U);
  EXPECT_TRUE(IsValidUtf8(messages[0]));
  EXPECT_NE(messages[0].find("bytes cut"), std::string::npos);
}

TEST_P(LogContract, LogsOfManyExecutionsKeepTheirOffsets) {
  constexpr int kExecutions = 21'000;
  for (const std::string message : {"first", "second"}) {
    std::vector<LogRow> rows;
    for (int i = 0; i < kExecutions; ++i) {
      rows.push_back({ExecutionId("e" + std::to_string(i)), {}, "", 0, {}, "INFO", message});
    }
    logs_->Append(std::move(rows));
  }
  logs_->Flush();
  for (int i = 0; i < kExecutions; i += 1'500) {
    const auto page = logs_->Read({.execution = ExecutionId("e" + std::to_string(i))});
    ASSERT_TRUE(page);
    ASSERT_EQ(page->rows.size(), 2U) << i;
    EXPECT_EQ(page->offsets, (std::vector<std::uint64_t>{1, 2}));
    EXPECT_EQ(page->rows[1].message, "second");
  }
}

LogRow At(const std::string& execution, std::int64_t at, const std::string& level, const std::string& message) {
  return {ExecutionId(execution), 0, "task", 1, FromMicros(at), level, message};
}

TEST_P(LogContract, PurgeTakesWhatMatchesAndSaysHowMuch) {
  logs_->Append({At("e", 10, "INFO", "a"), At("e", 20, "ERROR", "b"), At("e", 30, "INFO", "c"), At("e", 40, "DEBUG", "d"),
                 At("f", 20, "ERROR", "other")});
  logs_->Flush();
  EXPECT_EQ(*logs_->Purge({.executions = {ExecutionId("nobody")}}), 0U);
  EXPECT_EQ(*logs_->Purge({.executions = {ExecutionId("e")}, .levels = {"WARN"}}), 0U);
  EXPECT_EQ(*logs_->Purge({.executions = {ExecutionId("e")}, .levels = {"ERROR", "DEBUG"}, .before = FromMicros(40)}), 1U);
  EXPECT_EQ(Messages({.execution = ExecutionId("e")}), (std::vector<std::string>{"a", "c", "d"}));
  EXPECT_EQ(*logs_->Purge({.executions = {ExecutionId("e")}, .from = FromMicros(20), .before = FromMicros(40)}), 1U);
  Reopen();
  EXPECT_EQ(Messages({.execution = ExecutionId("e")}), (std::vector<std::string>{"a", "d"}));
  EXPECT_EQ(*logs_->Purge({.executions = {ExecutionId("e"), ExecutionId("f")}}), 3U);
  EXPECT_EQ(*logs_->Purge({.executions = {ExecutionId("e"), ExecutionId("f")}}), 0U);
  EXPECT_EQ(Messages({.execution = ExecutionId("e")}), std::vector<std::string>{});
  EXPECT_EQ(Messages({.execution = ExecutionId("f")}), std::vector<std::string>{});
}

TEST_P(LogContract, NoOffsetIsGivenTwiceAfterAPurge) {
  logs_->Append({Line("1"), Line("2"), Line("3")});
  logs_->Flush();
  EXPECT_EQ(*logs_->Purge({.executions = {ExecutionId("e")}}), 3U);
  Reopen();
  logs_->Append({Line("4")});
  logs_->Flush();
  auto page = logs_->Read({.execution = ExecutionId("e"), .after = 3});
  ASSERT_EQ(page->rows.size(), 1U);
  EXPECT_EQ(page->offsets[0], 4U);
  EXPECT_EQ(*logs_->Purge({.executions = {ExecutionId("e")}}), 1U);
  logs_->Append({Line("5")});
  EXPECT_EQ(Messages({.execution = ExecutionId("e"), .after = 4}), std::vector<std::string>{"5"});
}

TEST_P(LogContract, WhatIsPurgedStillCountsForTheCap) {
  for (int i = 0; i < 50; ++i) logs_->Append({Line("x")});
  logs_->Flush();
  EXPECT_EQ(*logs_->Purge({.executions = {ExecutionId("e")}}), 50U);
  Reopen();
  logs_->Append({Line("too late")});
  const auto messages = Messages({.execution = ExecutionId("e")});
  ASSERT_EQ(messages.size(), 1U);
  EXPECT_NE(messages[0].find("50 lines"), std::string::npos);
}

TEST_P(LogContract, ALargePurgeGoesInParts) {
  constexpr std::uint64_t kExecutions = 120;
  std::vector<LogRow> rows;
  LogPurge purge;
  for (std::uint64_t e = 0; e < kExecutions; ++e) {
    purge.executions.emplace_back("e" + std::to_string(e));
    for (int i = 0; i < 40; ++i) rows.push_back(At("e" + std::to_string(e), i, i % 2 == 0 ? "INFO" : "WARN", "x"));
  }
  logs_->Append(std::move(rows));
  logs_->Flush();
  purge.levels = {"INFO"};
  EXPECT_EQ(*logs_->Purge(purge), kExecutions * 20);
  purge.levels.clear();
  EXPECT_EQ(*logs_->Purge(purge), kExecutions * 20);
}

HEADRACE_EVERY_STORE(LogContract);

}  // namespace
}  // namespace headrace::store
