// The audit log: what a line says, what happens when it cannot be written, and how it is rotated.
#include "api/audit_log.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "common/model/value.h"

namespace headrace::api {
namespace {

namespace fs = std::filesystem;

class AuditLogTest : public ::testing::Test {
 protected:
  AuditLogTest() : folder(fs::path(::testing::TempDir()) / ("audit-" + std::to_string(getpid()))), file(folder / "audit.log") { fs::create_directories(folder); }
  ~AuditLogTest() override { fs::remove_all(folder); }

  static std::vector<std::string> LinesOf(const fs::path& path) {
    std::vector<std::string> lines;
    std::ifstream in(path);
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    return lines;
  }
  // Waits until the file has so many lines: they are written by a thread of the log.
  static std::vector<std::string> Await(const fs::path& path, std::size_t count) {
    for (int i = 0; i < 3000 && LinesOf(path).size() < count; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    return LinesOf(path);
  }
  static std::string Text(const std::string& line, const char* name) { return std::string(ParseJson(line)->at(name).as_string()); }

  const fs::path folder;
  const fs::path file;
};

TEST_F(AuditLogTest, ALineSaysWhatIsKnownAndStaysOneLine) {
  {
    const auto log = AuditLog::Open(file);
    ASSERT_TRUE(log.has_value()) << log.error().ToString();
    (*log)->Tell({.who = "ann", .role = "operator", .method = "ExecutionService/KillExecution", .ns = "team", .flow = "f", .object = "a\n\"b\xff",
                  .outcome = "NOT_FOUND", .denied = true, .peer = "ipv4:1.2.3.4:5"});
    (*log)->Tell({.who = "bot", .object = std::string(10'000, 'x'), .outcome = "OK"});
  }
  const auto lines = LinesOf(file);
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[0].substr(lines[0].find("\"who\"")),
            R"("who":"ann","role":"operator","method":"ExecutionService/KillExecution","namespace":"team","flow":"f","object":"a\n\"b)"
            "\xEF\xBF\xBD"
            R"(","outcome":"NOT_FOUND","denied":true,"peer":"ipv4:1.2.3.4:5"})");
  EXPECT_EQ(Text(lines[0], "time").substr(0, 2), "20");
  EXPECT_LT(lines[1].size(), 500U);
  EXPECT_EQ(lines[1].find("denied"), std::string::npos);
  struct stat found {};
  ASSERT_EQ(stat(file.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777U, 0600U);
}

TEST_F(AuditLogTest, AFileThatWasRenamedIsLeftForANewOne) {
  const auto log = AuditLog::Open(file);
  (*log)->Tell({.who = "ann", .outcome = "OK"});
  ASSERT_EQ(Await(file, 1).size(), 1U);
  fs::rename(file, folder / "audit.log.1");
  (*log)->Tell({.who = "ben", .outcome = "OK"});
  ASSERT_EQ(Await(file, 1).size(), 1U);
  EXPECT_EQ(Text(LinesOf(file)[0], "who"), "ben");
  EXPECT_EQ(LinesOf(folder / "audit.log.1").size(), 1U);
}

TEST_F(AuditLogTest, OnAFullDiskCallsGoOnAndTheFileSaysLaterHowManyLinesItLacks) {
  fs::create_symlink("/dev/full", file);
  const auto log = AuditLog::Open(file);
  ASSERT_TRUE(log.has_value()) << log.error().ToString();
  for (int i = 0; i < 20; ++i) (*log)->Tell({.who = "ann", .outcome = "OK"});
  fs::create_symlink(folder / "real", folder / "next");
  fs::rename(folder / "next", file);
  (*log)->Tell({.who = "ben", .outcome = "OK"});
  // Some of the first may have waited until there was room.
  auto lines = Await(folder / "real", 1);
  while (!lines.empty() && lines.back().find("\"ben\"") == std::string::npos) lines = Await(folder / "real", lines.size() + 1);
  ASSERT_FALSE(lines.empty());
  std::uint64_t told = 0;
  for (const std::string& line : lines) told += Text(line, "outcome") == "LOST" ? ParseJson(line)->at("count").to_number<std::uint64_t>() : 1;
  EXPECT_EQ(told, 21U);
  EXPECT_EQ(Text(lines.back(), "who"), "ben");
}

TEST_F(AuditLogTest, StrangersCannotFillTheDisk) {
  {
    const auto log = AuditLog::Open(file);
    for (int i = 0; i < 20'000; ++i) (*log)->Tell({.outcome = "UNAUTHENTICATED", .denied = true});
  }
  EXPECT_LT(LinesOf(file).size(), 5'000U);
  EXPECT_GE(LinesOf(file).size(), 100U);
}

TEST_F(AuditLogTest, WhatNobodyKnownMayDoIsToldHoweverOftenItIsDone) {
  {
    const auto log = AuditLog::Open(file);
    for (int i = 0; i < 2'000; ++i) (*log)->Tell({.method = "POST /webhook", .outcome = "200"});
  }
  EXPECT_EQ(LinesOf(file).size(), 2'000U);
}

TEST_F(AuditLogTest, AFileThatWasThereBecomesTheOwnersAlone) {
  std::ofstream(file) << "before\n";
  fs::permissions(file, fs::perms::owner_read | fs::perms::owner_write | fs::perms::others_read);
  const auto log = AuditLog::Open(file);
  ASSERT_TRUE(log.has_value()) << log.error().ToString();
  EXPECT_EQ(fs::status(file).permissions(), fs::perms::owner_read | fs::perms::owner_write);
}

TEST_F(AuditLogTest, OneThatCannotBeWrittenIsRefusedAtTheStart) {
  const auto log = AuditLog::Open(folder / "none" / "audit.log");
  ASSERT_FALSE(log.has_value());
  EXPECT_NE(log.error().message.find("none/audit.log"), std::string::npos);
}

}  // namespace
}  // namespace headrace::api
