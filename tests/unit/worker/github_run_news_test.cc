// Which completed runs are news: each attempt once, none from before the trigger, none lost to a list that is late.
#include <gtest/gtest.h>

#include "common/model/look_answer.h"
#include "worker/github/run_news.h"
#include "worker/github/shared_state.h"

namespace headrace::worker::github {
namespace {

using namespace std::chrono_literals;

const Timestamp kSince = FromMicros(1'800'000'000'000'000);

const std::string kHere = "https://api.github.com/acme/app";

RunSnapshot Ended(RunId id, Duration ended_after, std::int64_t attempt = 1) {
  return {.id = id, .attempt = attempt, .status = "completed", .conclusion = "failure", .updated = kSince + ended_after, .event = "push",
          .branch = "releases/v1", .workflow = "main.yml", .workflow_id = "77", .actor = "octo"};
}
Value First() { return *ParseJson(model::FirstMemo(kSince)); }
std::vector<RunId> Ids(const RunNews& news) {
  std::vector<RunId> ids;
  for (const RunSnapshot& run : news.runs) ids.push_back(run.id);
  return ids;
}
using List = std::vector<RunId>;

TEST(RunNewsTest, WhatEndedBeforeTheTriggerBeganIsNone) {
  const RunNews first = NewRuns(kHere, {Ended(1, -1s), Ended(2, -4min)}, {}, First(), kSince);
  EXPECT_EQ(Ids(first), List{});
  EXPECT_EQ(Ids(NewRuns(kHere, {Ended(1, -1s), Ended(3, 1s)}, {}, first.memo, kSince + 1min)), List{3});
}

TEST(RunNewsTest, GitHubsTimesAreWholeSeconds) {
  const Value memo = *ParseJson(model::FirstMemo(kSince + 900ms));
  EXPECT_EQ(Ids(NewRuns(kHere, {Ended(1, 0s), Ended(2, -1s)}, {}, memo, kSince + 1min)), List{1});
}

TEST(RunNewsTest, AnAttemptIsNewsOnceAndTheNextOneAgain) {
  const std::vector<RunSnapshot> runs{Ended(2, 20s), Ended(1, 10s)};
  const RunNews first = NewRuns(kHere, runs, {}, First(), kSince + 1min);
  EXPECT_EQ(Ids(first), (List{1, 2}));  // as they ended
  const RunNews second = NewRuns(kHere, runs, {}, first.memo, kSince + 2min);
  EXPECT_EQ(Ids(second), List{});
  const RunNews third = NewRuns(kHere, {Ended(1, 150s, 2), Ended(2, 20s)}, {}, second.memo, kSince + 3min);
  EXPECT_EQ(Ids(third), List{1});
}

TEST(RunNewsTest, AListThatIsLateLosesNothingForFiveMinutes) {
  const RunNews first = NewRuns(kHere, {Ended(1, 600s)}, {}, First(), kSince + 11min);
  const RunNews second = NewRuns(kHere, {Ended(1, 600s), Ended(2, 310s), Ended(3, 290s)}, {}, first.memo, kSince + 12min);
  EXPECT_EQ(Ids(second), List{2});
  // What is further back than that cannot come again, so it need not be remembered.
  const RunNews third = NewRuns(kHere, {Ended(4, 2000s)}, {}, second.memo, kSince + 40min);
  EXPECT_EQ(Member(third.memo, "seen")->as_object().size(), 1u);
  EXPECT_EQ(Ids(NewRuns(kHere, {Ended(1, 600s), Ended(2, 310s), Ended(4, 2000s)}, {}, third.memo, kSince + 41min)), List{});
}

TEST(RunNewsTest, RunsThatGoOnAreNoneYet) {
  RunSnapshot running = Ended(1, 10s);
  running.status = "in_progress";
  const RunNews news = NewRuns(kHere, {running}, {}, First(), kSince + 1min);
  EXPECT_EQ(Ids(news), List{});
  EXPECT_EQ(Ids(NewRuns(kHere, {Ended(1, 40s)}, {}, news.memo, kSince + 2min)), List{1});
}

TEST(RunNewsTest, AMemoOfAnotherShapeBeginsNow) {
  EXPECT_EQ(Ids(NewRuns(kHere, {Ended(1, 0s)}, {}, Value(), kSince + 1min)), List{});
  EXPECT_EQ(Ids(NewRuns(kHere, {Ended(1, 90s)}, {}, *ParseJson(R"({"seen":[1],"mark":"x"})"), kSince + 1min)), List{1});
}

TEST(RunNewsTest, ARunThatGitHubTouchesLaterIsNotNewsAgain) {
  const RunNews first = NewRuns(kHere, {Ended(1, 10s), Ended(2, 20s)}, {}, First(), kSince + 1min);
  const RunNews later = NewRuns(kHere, {Ended(1, 10s), Ended(2, 20s), Ended(3, 30min)}, {}, first.memo, kSince + 31min);
  EXPECT_EQ(Ids(later), List{3});
  // Its artifacts were deleted, say.
  EXPECT_EQ(Ids(NewRuns(kHere, {Ended(1, 31min), Ended(2, 20s), Ended(3, 30min)}, {}, later.memo, kSince + 32min)), List{});
}

TEST(RunNewsTest, ARunFromBeforeTheTriggerThatGitHubTouchesLaterIsNone) {
  const RunNews first = NewRuns(kHere, {Ended(1, -10min)}, {}, First(), kSince + 1min);
  EXPECT_EQ(Ids(NewRuns(kHere, {Ended(1, 2min)}, {}, first.memo, kSince + 3min)), List{});
}

TEST(RunNewsTest, AnotherRepositoryBeginsAnew) {
  const RunNews first = NewRuns(kHere, {Ended(1, 10s)}, {}, First(), kSince + 1min);
  const std::string there = "https://api.github.com/acme/other";
  const RunNews edited = NewRuns(there, {Ended(7, 20s), Ended(8, 59min)}, {}, first.memo, kSince + 1h);
  EXPECT_EQ(Ids(edited), List{});
  EXPECT_EQ(Ids(NewRuns(there, {Ended(7, 20s), Ended(8, 59min), Ended(9, 61min)}, {}, edited.memo, kSince + 62min)), List{9});
}

TEST(RunNewsTest, AMemoOfBeforeRepositoriesWereWrittenGoesOn) {
  const Value memo = *ParseJson(R"({"since":)" + std::to_string(ToMicros(kSince)) + "}");
  EXPECT_EQ(Ids(NewRuns(kHere, {Ended(1, 10s)}, {}, memo, kSince + 1h)), List{1});
}

TEST(RunNewsTest, FiltersAreNamesListsAndPatterns) {
  const RunSnapshot run = Ended(1, 1s);
  EXPECT_TRUE(Admits({}, run));
  EXPECT_TRUE(Admits({.workflows = {"docs.yml", "main.yml"}, .branches = {"releases/*"}, .events = {"push"}, .actors = {"octo"},
                      .conclusions = {"failure", "timed_out"}}, run));
  EXPECT_TRUE(Admits({.workflows = {"77"}}, run));
  EXPECT_FALSE(Admits({.workflows = {"docs.yml"}}, run));
  EXPECT_FALSE(Admits({.branches = {"main", "release*"}}, run));
  EXPECT_FALSE(Admits({.events = {"schedule"}}, run));
  EXPECT_FALSE(Admits({.actors = {"somebody"}}, run));
  EXPECT_FALSE(Admits({.conclusions = {"success"}}, run));
}

TEST(RunNewsTest, WhoStartedARunIsKept) {
  const auto run = ReadRun(*ParseJson(R"({"id":5,"status":"completed","actor":{"login":"octo"}})"), "poll");
  ASSERT_TRUE(run);
  EXPECT_EQ(FromRecord(ToRecord(*run)).actor, "octo");
}

}  // namespace
}  // namespace headrace::worker::github
