// The nightly matrix without GitHub: which branches, what has changed since the last scheduled night, and how it is told.
#include <gtest/gtest.h>

#include "worker/github/matrix.h"
#include "worker/github/matrix_ending.h"
#include "worker/github/shared_state.h"

namespace headrace::worker::github {
namespace {

using namespace std::chrono_literals;

const Timestamp kNight = FromMicros(1'800'000'000'000'000);

Cell Of(std::string state, std::string sha = "aaa", std::string workflow = "e2e.yml") {
  return {.repository = "acme/app", .branch = "main", .workflow = std::move(workflow), .state = std::move(state), .run = 7, .sha = std::move(sha),
          .url = "https://github.com/acme/app/actions/runs/7"};
}

// Nights one after another, each of one cell; `by` of each is its number.
class Nights {
 public:
  Cell Next(Cell cell) {
    ++number_;
    return Again(std::move(cell));
  }
  // The same night, looked at again by the same task.
  Cell Again(Cell cell) {
    std::vector<Cell> cells = {std::move(cell)};
    const std::string by = std::to_string(number_);
    const Value before = CellsBefore(record_, by);
    Compare(cells, before, When(number_));
    record_ = NightRecord(cells, before, by, When(number_));
    return cells.front();
  }
  static Timestamp When(int number) { return kNight + number * 24h; }
  Value& record() { return record_; }

 private:
  Value record_;
  int number_ = 0;
};

TEST(Matrix, RedIsNewThenStillThenRecovered) {
  Nights nights;
  EXPECT_EQ(nights.Next(Of("GREEN", "a1")).change, "");
  const Cell first = nights.Next(Of("RED", "b2"));
  EXPECT_EQ(first.change, "NEWLY_RED");
  EXPECT_EQ(first.last_good_sha, "a1");
  const Cell second = nights.Next(Of("RED", "c3"));
  EXPECT_EQ(second.change, "STILL_RED");
  EXPECT_EQ(second.consecutive_reds, 2);
  EXPECT_EQ(second.since, Nights::When(2));
  EXPECT_EQ(second.last_good_sha, "a1");
  const Cell good = nights.Next(Of("FLAKY_GREEN", "d4"));
  EXPECT_EQ(good.change, "RECOVERED");
  EXPECT_EQ(good.consecutive_reds, 0);
  EXPECT_EQ(good.since, Nights::When(4));
  EXPECT_EQ(nights.Next(Of("GREEN", "d4")).since, Nights::When(4));
}

TEST(Matrix, ARedFirstNightIsNewlyRed) {
  Nights nights;
  EXPECT_EQ(nights.Next(Of("RED")).change, "NEWLY_RED");
}

TEST(Matrix, WhatIsNoVerdictChangesNoColour) {
  for (const char* gap : {"INFRA", "OVERDUE", "MISSING", "NOT_DISPATCHABLE"}) {
    Nights nights;
    nights.Next(Of("GREEN", "a1"));
    nights.Next(Of("RED", "b2"));
    const Cell between = nights.Next(Of(gap, ""));
    EXPECT_EQ(between.change, "") << gap;
    EXPECT_EQ(between.since, Nights::When(3)) << gap;
    const Cell after = nights.Next(Of("RED", "b2"));
    EXPECT_EQ(after.change, "STILL_RED") << gap;
    EXPECT_EQ(after.since, Nights::When(2)) << gap;
    EXPECT_EQ(after.consecutive_reds, 2) << gap;
    nights.Next(Of(gap, ""));
    EXPECT_EQ(nights.Next(Of("GREEN", "c3")).change, "RECOVERED") << gap;
  }
}

TEST(Matrix, ANightThatIsLookedAtAgainSaysTheSame) {
  Nights nights;
  nights.Next(Of("GREEN", "a1"));
  EXPECT_EQ(nights.Next(Of("RED", "b2")).change, "NEWLY_RED");
  EXPECT_EQ(nights.Again(Of("RED", "b2")).change, "NEWLY_RED");
  EXPECT_EQ(nights.Next(Of("RED", "b2")).consecutive_reds, 2);
}

TEST(Matrix, ARepositoryOutOfReachKeepsItsColours) {
  Nights nights;
  nights.Next(Of("RED"));
  nights.Next({.repository = "acme/app", .state = "INFRA", .reason = "GitHub answered 403"});
  EXPECT_EQ(nights.Next(Of("GREEN")).change, "RECOVERED");
}

TEST(Matrix, TheSameCommitOrJobsThatFlakeAreNoRegression) {
  Nights nights;
  nights.Next(Of("GREEN", "a1"));
  EXPECT_EQ(nights.Next(Of("RED", "a1")).suspicion, "flake");
  EXPECT_EQ(nights.Next(Of("RED", "b2")).suspicion, "regression");
  Cell known = Of("RED", "c3");
  known.likely_flake = true;
  EXPECT_EQ(nights.Next(known).suspicion, "flake");
}

TEST(Matrix, FlakinessIsOfAllFailedJobs) {
  const Value flakes = *ParseJson(R"({"jobs": {"tests": {"fails": 3, "flakes": 2}, "lint": {"fails": 6, "flakes": 2}, "once": {"fails": 1, "flakes": 1}}})");
  EXPECT_TRUE(LooksFlaky({"tests"}, flakes));
  EXPECT_FALSE(LooksFlaky({"tests", "lint"}, flakes));
  EXPECT_FALSE(LooksFlaky({"once"}, flakes));
  EXPECT_FALSE(LooksFlaky({"unheard of"}, flakes));
  EXPECT_FALSE(LooksFlaky({}, flakes));
  EXPECT_FALSE(LooksFlaky({"tests"}, Value()));
}

TEST(Matrix, NewestBranchesAreThoseOfTheHighestVersions) {
  const std::vector<std::string> there = {"main", "releases/v1.9.0", "releases/v1.10.0", "releases/v1.2.0", "releases/v1.10.0/fix", "mainly"};
  EXPECT_EQ(ChooseBranches(there, "releases/v*", 2), (std::vector<std::string>{"releases/v1.10.0", "releases/v1.9.0"}));
  EXPECT_EQ(ChooseBranches(there, "main", 1), std::vector<std::string>{"main"});
  EXPECT_EQ(ChooseBranches(there, "releases/v*", 0).size(), 3U);
  EXPECT_EQ(LiteralPrefix("releases/v*"), "releases/v");
  EXPECT_EQ(LiteralPrefix("main"), "main");
}

TEST(Matrix, RefusalsAreStates) {
  for (const auto& [why, state] : {std::pair<const char*, const char*>{"GitHub answered 404 to POST /x: Not Found", "MISSING"},
                                   {"GitHub answered 422 to POST /x: Workflow does not have 'workflow_dispatch' trigger", "NOT_DISPATCHABLE"},
                                   {"GitHub answered 422 to POST /x: No ref found for: main", "MISSING"},
                                   {"GitHub answered 403 to POST /x: Resource not accessible", "INFRA"}}) {
    Cell cell;
    Refuse(cell, why);
    EXPECT_EQ(cell.state, state) << why;
    EXPECT_EQ(cell.reason, why);
  }
}

TEST(Matrix, CellsOutliveTheirWorker) {
  Cell cell = Of("");
  cell.attempt = 2;
  cell.failed_jobs = {"tests"};
  cell.red = {{1, {"tests"}, {"tests / run"}}};
  cell.likely_flake = true;
  cell.rerun_at = kNight;
  const Cell back = CellFromMemo(*ParseJson(ToJson(ToMemo(cell))));
  EXPECT_EQ(ToMemo(back), ToMemo(cell));
  EXPECT_TRUE(back.likely_flake);
  ASSERT_EQ(back.red.size(), 1U);
  EXPECT_EQ(back.red[0].signatures, std::vector<std::string>{"tests / run"});
}

TEST(Matrix, TextsNameWhatChangedAndAreSafe) {
  Nights nights;
  nights.Next(Of("GREEN", "a1"));
  Cell red = Of("RED", "b2");
  red.failed_jobs = {"tests (<|jdk|> 21)"};
  const std::vector<Cell> cells = {nights.Next(red)};
  const std::string markdown = MarkdownOf(cells);
  EXPECT_NE(markdown.find("**Newly red**\n\n- acme/app main e2e.yml: tests (\\<\\|jdk\\|> 21)"), std::string::npos) << markdown;
  EXPECT_NE(markdown.find("[changes](https://github.com/acme/app/compare/a1...b2)"), std::string::npos) << markdown;
  EXPECT_NE(HtmlOf(cells).find("tests (&lt;|jdk|&gt; 21)"), std::string::npos);
  const Object counts = CountsOf(cells);
  EXPECT_EQ(NumberAt(Value(counts), "RED"), 1);
  EXPECT_EQ(NumberAt(Value(counts), "newlyRed"), 1);
  EXPECT_EQ(NumberAt(Value(counts), "GREEN"), 0);
  EXPECT_EQ(ToText(ToOutput(cells[0]).at("compareUrl")), "https://github.com/acme/app/compare/a1...b2");
  EXPECT_TRUE(OutputOf(cells, "RECOVERED").empty());
}

}  // namespace
}  // namespace headrace::worker::github
