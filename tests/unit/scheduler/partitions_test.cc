// A core that drives several partitions: one that ends, or never begins, is no matter of the others.
#include "tests/unit/scheduler/core_fixture.h"

namespace headrace::scheduler {
namespace {

class PartitionsTest : public CoreTest {
 protected:
  PartitionsTest() {
    core_options_.partitions = kPartitions;
    core_options_.on_lost = [this](store::PartitionId id, store::Epoch epoch) { lost_.emplace_back(id, epoch); };
    Boot();
    CommitAll();
    mine_ = PlaceOfFlow("t", "f") % kPartitions;
    other_ = (mine_ + 1) % kPartitions;
    core_->Lose(0, now_);
    Tick();
    lost_.clear();
    EXPECT_TRUE(Open(mine_));
    Tick();
    CommitAll();
  }

  Status Open(store::PartitionId id) {
    Opening opening{.epoch = *store_.real->Acquire(id), .snapshot = *store_.real->Load(id)};
    if (id == mine_) opening.flows = *registry_->Heads();
    return core_->Open(id, opening, now_);
  }

  static constexpr store::PartitionId kPartitions = 4;
  store::PartitionId mine_ = 0;
  store::PartitionId other_ = 0;
  std::vector<std::pair<store::PartitionId, store::Epoch>> lost_;
};

TEST_F(PartitionsTest, OneThatCannotBeReadIsNotDrivenAndMayBeTriedAgain) {
  store_.readable = Fail(Code::kUnavailable, "away");
  EXPECT_EQ(Open(other_).error().code, Code::kUnavailable);
  store_.readable = {};
  Tick();
  EXPECT_FALSE(core_->Drives(other_));
  EXPECT_EQ(core_->partition(other_), nullptr);
  EXPECT_TRUE(core_->Drives(mine_));
  EXPECT_TRUE(Open(other_));
  Tick();
  EXPECT_TRUE(core_->Drives(other_));
}

TEST_F(PartitionsTest, WhoLosesOneIsToldWhichTimeOfItEnded) {
  ASSERT_TRUE(Open(other_));
  Tick();
  CommitAll();
  const store::Epoch epoch = core_->partition(other_)->epoch();
  core_->Lose(other_, now_);
  Tick();
  EXPECT_EQ(lost_, (std::vector<std::pair<store::PartitionId, store::Epoch>>{{other_, epoch}}));
  EXPECT_TRUE(core_->failed());
  EXPECT_EQ(core_->partition(other_), nullptr);
  ASSERT_TRUE(Open(other_));
  EXPECT_GT(core_->partition(other_)->epoch(), epoch);
}

TEST_F(PartitionsTest, WhatIsDrivenElsewhereIsNotTaken) {
  Submit("here");
  CommitAll();
  core_->Lose(mine_, now_);
  Tick();
  Submit("elsewhere");
  ASSERT_EQ(replies_.size(), 2U);
  EXPECT_TRUE(replies_[0]);
  EXPECT_EQ(replies_[1].error().code, Code::kAborted);
}

}  // namespace
}  // namespace headrace::scheduler
