#include "tests/unit/store/stores.h"

namespace headrace::store {
namespace {

using model::TimerKind;

class DeletionContract : public OwnedStoreTest {};

TEST_P(DeletionContract, WhatIsDeletedIsFoundNowhere) {
  constexpr int kRuns = 1'700;  // more than is swept at once
  WriteBatch batch = Batch();
  batch.executions = {Row("gone", 1), Row("kept", 2)};
  for (model::TaskRunIndex i = 0; i < kRuns; ++i) batch.task_runs.push_back({ExecutionId("gone"), i, "run"});
  batch.task_runs.push_back({ExecutionId("kept"), 0, "run"});
  ASSERT_TRUE(Commit(batch));
  logs_->Append({{ExecutionId("gone"), 0, "task", 1, FromMicros(1), "INFO", "line"}});
  logs_->Flush();
  WriteBatch next = Batch();
  next.executions_deleted = {ExecutionId("gone"), ExecutionId("nobody")};
  ASSERT_TRUE(Commit(next));
  for (int times = 0; times < 2; ++times) {
    EXPECT_EQ(store_->Read(ExecutionId("gone")).error().code, Code::kNotFound);
    EXPECT_EQ(store_->ReadRecord(ExecutionId("gone")).error().code, Code::kNotFound);
    EXPECT_EQ(ListAll({}), Records({"kept"}));
    EXPECT_EQ(store_->Count({})->at(0).count, 1U);
    EXPECT_EQ(store_->Load(0)->active, std::vector{ExecutionId("kept")});
    EXPECT_EQ(store_->Read(ExecutionId("kept"))->task_runs.size(), 1U);
    Reopen();
  }
}

TEST_P(DeletionContract, ADeletionLeavesTimersAndWhatIsOwed) {
  WriteBatch batch = Batch();
  batch.executions = {Row("gone")};
  batch.timers_set = {{ExecutionId("parent"), {TimerKind::kRetry, 0, 1}, FromMicros(5)}};
  batch.outbox_added = {{1, "tell the parent"}};
  ASSERT_TRUE(Commit(batch));
  WriteBatch next = Batch();
  next.executions_deleted = {ExecutionId("gone")};
  ASSERT_TRUE(Commit(next));
  EXPECT_EQ(store_->Load(0)->timers.size(), 1U);
  EXPECT_EQ(store_->Load(0)->outbox.size(), 1U);
}

TEST_P(DeletionContract, AnOlderEpochDeletesNothing) {
  Put({Row("e")});
  WriteBatch old = Batch();
  old.executions_deleted = {ExecutionId("e")};
  ASSERT_TRUE(store_->Acquire(0));
  EXPECT_EQ(Commit(old).error().code, Code::kAborted);
  EXPECT_TRUE(store_->Read(ExecutionId("e")));
}

// Also when the batches fall into one group, and while the old rows are still being swept.
TEST_P(DeletionContract, OneThatComesAgainHasNothingOfTheOld) {
  constexpr model::TaskRunIndex kRuns = 1'200;
  WriteBatch first = Batch();
  first.executions = {Row("e")};
  for (model::TaskRunIndex i = 0; i < kRuns; ++i) first.task_runs.push_back({ExecutionId("e"), i, "old"});
  WriteBatch second = Batch();
  second.executions_deleted = {ExecutionId("e")};
  WriteBatch third = Batch();
  third.executions = {Row("e", 7)};
  third.task_runs = {{ExecutionId("e"), 0, "new"}};
  for (WriteBatch* batch : {&first, &second, &third}) {
    store_->Commit(std::move(*batch), [](Status status) { EXPECT_TRUE(status); });
  }
  ASSERT_TRUE(Commit(Batch()));
  for (int times = 0; times < 2; ++times) {
    EXPECT_EQ(store_->Read(ExecutionId("e"))->task_runs, std::vector<std::string>{"new"});
    EXPECT_EQ(ListAll({}), Records({"e"}));
    Reopen();
  }
}

HEADRACE_EVERY_STORE(DeletionContract);

}  // namespace
}  // namespace headrace::store
