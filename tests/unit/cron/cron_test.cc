// Cron against a reference that looks at every minute, and against what people get wrong.
#include "common/cron/cron.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "common/base/time.h"

namespace headrace::cron {
namespace {

Timestamp At(const std::string& text) {
  const auto at = ParseInstant(text.size() == 17 ? text.substr(0, 16) + ":00Z" : text);
  EXPECT_TRUE(at) << text;
  return at.value_or(Timestamp{});
}

std::vector<std::string> Cells(const std::string& line) {
  std::vector<std::string> cells;
  std::istringstream stream(line);
  for (std::string cell; std::getline(stream, cell, '|');) {
    const std::size_t first = cell.find_first_not_of(' ');
    cells.push_back(cell.substr(first, cell.find_last_not_of(' ') - first + 1));
  }
  return cells;
}

std::string NextOf(const std::string& text, const std::string& after, const std::string& zone = "UTC",
                   bool with_seconds = false) {
  const auto cron = Cron::Parse(text, with_seconds);
  if (!cron) return cron.error().message;
  const auto next = cron->Next(At(after), *expr::Zone::Find(zone));
  return next ? FormatInstant(*next) : "never";
}

TEST(Cron, AgreesWithTheReference) {
  std::ifstream file("tests/data/cron/cases.txt");
  int cases = 0;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with('#')) continue;
    const std::vector<std::string> cells = Cells(line);
    ASSERT_EQ(cells.size(), 4u) << line;
    const auto cron = Cron::Parse(cells[1]);
    const auto zone = expr::Zone::Find(cells[0]);
    ASSERT_TRUE(cron && zone) << line;
    const auto next = cron->Next(At(cells[2]), *zone);
    ASSERT_TRUE(next) << line;
    EXPECT_EQ(FormatInstant(*next), FormatInstant(At(cells[3]))) << line;
    const auto back = cron->Previous(*next + std::chrono::seconds(1), *zone);
    EXPECT_EQ(back, next) << line;
    ++cases;
  }
  EXPECT_GE(cases, 200);
}

TEST(Cron, ASkippedTimeTicksOnceAndOneThatComesTwiceTheFirstTime) {
  const auto cron = *Cron::Parse("30 2 * * *");
  const auto paris = *expr::Zone::Find("Europe/Paris");
  std::vector<std::string> ticks;
  for (const auto& [from, to] : {std::pair("2026-03-28T12:00Z", "2026-03-30T12:00Z"), {"2026-10-24T12:00Z", "2026-10-26T12:00Z"}}) {
    for (auto at = cron.Next(At(from), paris); at && *at < At(to); at = cron.Next(*at, paris)) {
      ticks.push_back(FormatInstant(*at).substr(0, 16));
    }
  }
  EXPECT_EQ(ticks, (std::vector<std::string>{"2026-03-29T01:00", "2026-03-30T00:30", "2026-10-25T00:30", "2026-10-26T01:30"}));
}

TEST(Cron, NamesNicknamesAndSeconds) {
  EXPECT_EQ(NextOf("0 9 * jan,Jul mon-FRI", "2026-01-31T00:00Z"), NextOf("0 9 * 1,7 1-5", "2026-01-31T00:00Z"));
  EXPECT_EQ(NextOf("@daily", "2026-01-31T10:00Z"), NextOf("0 0 * * *", "2026-01-31T10:00Z"));
  EXPECT_EQ(NextOf("@hourly", "2026-01-31T10:59Z", "UTC", true), NextOf("0 * * * *", "2026-01-31T10:59Z"));
  EXPECT_EQ(NextOf("*/20 * * * * *", "2026-01-31T10:59:50Z", "UTC", true), FormatInstant(At("2026-01-31T11:00:00Z")));
  EXPECT_EQ(NextOf("15 59 10 * * *", "2026-01-31T10:59:14Z", "UTC", true), FormatInstant(At("2026-01-31T10:59:15Z")));
}

TEST(Cron, RareDaysAreFoundAndImpossibleOnesEnd) {
  EXPECT_EQ(NextOf("0 0 29 2 *", "2096-03-01T00:00Z"), FormatInstant(At("2104-02-29T00:00Z")));
  EXPECT_EQ(NextOf("0 0 30 2 *", "2026-01-01T00:00Z"), "never");
  EXPECT_FALSE(Cron::Parse("0 0 30 2 *")->Previous(At("2026-01-01T00:00Z"), expr::Zone::Utc()));
}

TEST(Cron, SaysWhatIsWrong) {
  EXPECT_EQ(NextOf("60 * * * *", "2026-01-01T00:00Z"),
            "the minute '60' of a cron expression must be between 0 and 59");
  EXPECT_EQ(NextOf("0 0 * * MONDAY", "2026-01-01T00:00Z"),
            "the day of the week 'MONDAY' of a cron expression is no number; it must be between 0 and 7, or SUN to SAT");
  EXPECT_EQ(NextOf("* * * *", "2026-01-01T00:00Z"),
            "a cron expression has 5 fields (minute hour day month weekday), '* * * *' has 4");
  EXPECT_NE(NextOf("0 0 0 * * *", "2026-01-01T00:00Z").find("withSeconds: true"), std::string::npos);
  EXPECT_NE(NextOf("5-1 * * * *", "2026-01-01T00:00Z").find("ends before it begins"), std::string::npos);
  EXPECT_NE(NextOf("*/0 * * * *", "2026-01-01T00:00Z").find("step"), std::string::npos);
  for (const std::string text : {"", " ", "@often", "1/2/3 * * * *", "1-2-3 * * * *", ", * * * *", "-1 * * * *", "* * L * *"}) {
    EXPECT_FALSE(Cron::Parse(text)) << text;
  }
}

}  // namespace
}  // namespace headrace::cron
