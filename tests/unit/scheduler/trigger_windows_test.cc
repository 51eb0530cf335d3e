// The time in which several executions must meet the conditions of one trigger.
#include "scheduler/triggers/windows.h"

#include <gtest/gtest.h>

namespace headrace::scheduler {
namespace {

class TriggerWindowsTest : public testing::Test {
 protected:
  // Preconditions on flows a and b with this time window, as JSON.
  void Spec(const std::string& time_window, const std::string& more = "") {
    const std::string text = R"({"id":"p","timeWindow":)" + time_window + more +
                             R"(,"flows":[{"namespace":"t","flowId":"a"},{"namespace":"t","flowId":"b"}]})";
    const auto spec = ReadPreconditions(ParseJson(text)->as_object());
    ASSERT_TRUE(spec) << spec.error().ToString();
    specs_ = {*spec};
    progress_ = {};
  }
  // An execution of the flow comes to its end; whether the trigger fires.
  bool Ends(const std::string& flow, const std::string& at, const std::string& zone = "UTC") {
    const auto meets = [&](const NamedCondition& condition) -> Result<bool> {
      return ToText(*AtPath(condition.all[0], "flowId")) == flow;
    };
    const auto fires = MeetWindows(specs_, ExecutionId(flow + at), *ParseInstant(at), *expr::Zone::Find(zone), meets, progress_);
    EXPECT_TRUE(fires) << fires.error().ToString();
    if (*fires) ResetWindows(specs_, progress_);
    return *fires;
  }

  std::vector<WindowSpec> specs_;
  WindowProgress progress_;
};

TEST_F(TriggerWindowsTest, AWindowOfADayBeginsAtMidnightOrLater) {
  Spec(R"({"type":"DURATION_WINDOW"})");
  EXPECT_FALSE(Ends("a", "2026-01-01T23:00:00Z"));
  EXPECT_FALSE(Ends("b", "2026-01-02T01:00:00Z")) << "another day";
  EXPECT_TRUE(Ends("a", "2026-01-02T23:59:59Z"));
  Spec(R"({"type":"DURATION_WINDOW","windowAdvance":"PT4H"})");
  EXPECT_FALSE(Ends("a", "2026-01-01T23:00:00Z"));
  EXPECT_TRUE(Ends("b", "2026-01-02T01:00:00Z")) << "it lasts until four";
  EXPECT_FALSE(Ends("a", "2026-01-02T03:00:00Z"));
  EXPECT_FALSE(Ends("b", "2026-01-02T05:00:00Z"));
}

TEST_F(TriggerWindowsTest, ShortWindowsFollowOneAnother) {
  Spec(R"({"window":"PT15M"})");
  EXPECT_FALSE(Ends("a", "2026-01-01T10:14:00Z"));
  EXPECT_FALSE(Ends("b", "2026-01-01T10:16:00Z"));
  EXPECT_TRUE(Ends("a", "2026-01-01T10:29:00Z"));
}

TEST_F(TriggerWindowsTest, AMidnightIsThatOfTheZone) {
  Spec(R"({"type":"DURATION_WINDOW"})");
  EXPECT_FALSE(Ends("a", "2026-01-01T23:30:00Z", "Europe/Paris"));
  EXPECT_TRUE(Ends("b", "2026-01-02T01:00:00Z", "Europe/Paris"));
}

TEST_F(TriggerWindowsTest, AWindowOfSeveralDaysGoesOn) {
  Spec(R"({"window":"P3D"})");
  EXPECT_FALSE(Ends("a", "2026-01-01T10:00:00Z"));
  EXPECT_TRUE(Ends("b", "2026-01-03T23:00:00Z"));
  EXPECT_FALSE(Ends("a", "2026-01-03T23:30:00Z"));
  EXPECT_FALSE(Ends("b", "2026-01-04T01:00:00Z"));
}

TEST_F(TriggerWindowsTest, ASlidingOneLooksBack) {
  Spec(R"({"type":"SLIDING_WINDOW","window":"PT1H"})");
  EXPECT_FALSE(Ends("a", "2026-01-01T23:30:00Z"));
  EXPECT_TRUE(Ends("b", "2026-01-02T00:20:00Z"));
  EXPECT_FALSE(Ends("a", "2026-01-02T00:30:00Z"));
  EXPECT_FALSE(Ends("b", "2026-01-02T01:31:00Z"));
  EXPECT_TRUE(Ends("a", "2026-01-02T01:32:00Z"));
}

TEST_F(TriggerWindowsTest, ADeadlineCountsFromMidnight) {
  Spec(R"({"type":"DAILY_TIME_DEADLINE","deadline":"09:00:00"})");
  EXPECT_FALSE(Ends("a", "2026-01-01T08:00:00Z"));
  EXPECT_FALSE(Ends("b", "2026-01-01T09:30:00Z")) << "too late";
  EXPECT_FALSE(Ends("b", "2026-01-02T08:00:00Z")) << "what was met yesterday does not count";
  EXPECT_TRUE(Ends("a", "2026-01-02T09:00:00Z"));
}

TEST_F(TriggerWindowsTest, ADailyWindowHasTwoEnds) {
  Spec(R"({"type":"DAILY_TIME_WINDOW","startTime":"06:00:00","endTime":"09:00:00"})");
  EXPECT_FALSE(Ends("a", "2026-01-01T05:59:00Z"));
  EXPECT_FALSE(Ends("b", "2026-01-01T06:00:00Z"));
  EXPECT_TRUE(Ends("a", "2026-01-01T07:00:00Z"));
}

TEST_F(TriggerWindowsTest, WithoutResetEachFurtherEndFires) {
  Spec(R"({"window":"P1D"})", R"(,"resetOnSuccess":false)");
  EXPECT_FALSE(Ends("a", "2026-01-01T05:00:00Z"));
  EXPECT_TRUE(Ends("b", "2026-01-01T06:00:00Z"));
  EXPECT_TRUE(Ends("a", "2026-01-01T07:00:00Z"));
  EXPECT_FALSE(Ends("other", "2026-01-01T07:30:00Z"));
}

TEST_F(TriggerWindowsTest, ATimeThatIsNoneIsRefused) {
  const auto read = [](const char* text) { return ReadPreconditions(ParseJson(text)->as_object()); };
  EXPECT_FALSE(read(R"({"id":"p","timeWindow":{"type":"DAILY_TIME_DEADLINE","deadline":"late"}})"));
  EXPECT_FALSE(read(R"({"id":"p","timeWindow":{"window":"PT0S"}})"));
  EXPECT_FALSE(read(R"({"id":"p","timeWindow":{"window":"long"}})"));
}

}  // namespace
}  // namespace headrace::scheduler
