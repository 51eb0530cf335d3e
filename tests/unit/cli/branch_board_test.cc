#include "cli/gh/branch_board.h"

#include <gtest/gtest.h>

namespace headrace::cli {
namespace {

using worker::github::RunSnapshot;

RunSnapshot ARun(std::int64_t id, const std::string& branch, const std::string& status, const std::string& conclusion = "",
                std::int64_t attempt = 1, std::int64_t updated = 1) {
  RunSnapshot run;
  run.id = id;
  run.branch = branch;
  run.status = status;
  run.conclusion = conclusion;
  run.attempt = attempt;
  run.updated = FromMicros(updated);
  return run;
}

TEST(BranchBoard, TheNewestRunOfABranchCounts) {
  BranchBoard board({"main", "old"});
  EXPECT_EQ(board.Unseen(), (std::vector<std::string>{"main", "old"}));
  EXPECT_TRUE(board.See({ARun(7, "main", "in_progress"), ARun(5, "main", "completed", "failure"), ARun(9, "other", "queued")}));
  EXPECT_EQ(board.StateOf("main"), BranchState::kRunning);
  EXPECT_EQ(board.Unseen(), std::vector<std::string>{"old"});
  EXPECT_FALSE(board.See({ARun(5, "main", "completed", "failure", 9, 99)}));
  EXPECT_TRUE(board.See({ARun(7, "main", "completed", "neutral", 1, 2)}));
  EXPECT_EQ(board.StateOf("main"), BranchState::kGreen);
}

TEST(BranchBoard, AnAnswerThatIsLateChangesNothing) {
  BranchBoard board({"main"});
  board.See({ARun(7, "main", "completed", "success", 2, 5)});
  EXPECT_FALSE(board.See({ARun(7, "main", "in_progress", "", 2, 6)}));
  EXPECT_FALSE(board.See({ARun(7, "main", "completed", "failure", 1, 9)}));
  EXPECT_EQ(board.StateOf("main"), BranchState::kGreen);
}

TEST(BranchBoard, WhatIsRunAgainIsNotRedAnyMore) {
  BranchBoard board({"main"});
  board.See({ARun(7, "main", "completed", "failure", 1, 5)});
  EXPECT_TRUE(board.AnyRed());
  board.Expect(7, 2);
  EXPECT_EQ(board.StateOf("main"), BranchState::kRunning);
  EXPECT_FALSE(board.AllEnded());
  // GitHub still shows the attempt before.
  board.See({ARun(7, "main", "completed", "failure", 1, 6)});
  EXPECT_FALSE(board.AnyRed());
  board.See({ARun(7, "main", "completed", "failure", 2, 7)});
  EXPECT_TRUE(board.AnyRed());
}

TEST(BranchBoard, ABranchWithoutARunIsMissingUntilOneComes) {
  BranchBoard board({"main"});
  EXPECT_TRUE(board.SeeNone("main"));
  EXPECT_FALSE(board.SeeNone("main"));
  EXPECT_EQ(board.StateOf("main"), BranchState::kMissing);
  EXPECT_TRUE(board.AllEnded());
  board.See({ARun(7, "main", "queued")});
  EXPECT_EQ(board.StateOf("main"), BranchState::kRunning);
  EXPECT_FALSE(board.SeeNone("main"));
}

TEST(BranchBoard, WordsThatNobodyKnowsAreNeitherAnEndNorASuccess) {
  BranchBoard board({"main"});
  board.See({ARun(7, "main", "dreaming", "success")});
  EXPECT_EQ(board.StateOf("main"), BranchState::kRunning);
  board.See({ARun(7, "main", "completed", "wonderful", 1, 2)});
  EXPECT_EQ(board.StateOf("main"), BranchState::kRed);
}

}  // namespace
}  // namespace headrace::cli
