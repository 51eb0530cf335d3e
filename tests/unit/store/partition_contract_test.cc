// What is asked of one partition: its executions and requests, and nothing of the others.
#include "tests/unit/store/stores.h"

namespace headrace::store {
namespace {

class PartitionContract : public OwnedStoreTest {
 protected:
  PartitionContract() : other_epoch_(*store_->Acquire(5)) {}
  void PutInOther(std::vector<ExecutionRow> rows) {
    WriteBatch batch{.partition = 5, .epoch = other_epoch_, .executions = std::move(rows)};
    ASSERT_TRUE(Commit(std::move(batch)));
  }
  const Epoch other_epoch_;
};

TEST_P(PartitionContract, OneIsListedAndCountedWithoutTheOthers) {
  std::vector<ExecutionRow> here;
  std::vector<ExecutionRow> there;
  std::vector<std::string> ids;
  for (int i = 9; i >= 0; --i) {
    here.push_back(Row("here" + std::to_string(i), i, i % 2 == 0 ? model::State::kFailed : model::State::kRunning));
    there.push_back(Row("there" + std::to_string(i), i));
    ids.push_back("here" + std::to_string(i));
  }
  Put(std::move(here));
  PutInOther(std::move(there));
  EXPECT_EQ(ListAll({.partition = 0}), Records(ids));
  EXPECT_EQ(ListAll({.partition = 0, .limit = 3}), Records(ids));
  EXPECT_EQ(ListAll({.states = {model::State::kFailed}, .partition = 0, .limit = 2}), Records({"here8", "here6", "here4", "here2", "here0"}));
  EXPECT_EQ(ListAll({.partition = 5, .limit = 4}).size(), 10U);
  EXPECT_EQ(ListAll({.partition = 6}), std::vector<std::string>{});
  EXPECT_EQ(ListAll({.limit = 7}).size(), 20U);
  EXPECT_EQ(store_->Count({.partition = 5})->at(0).count, 10U);
  EXPECT_EQ(store_->Count({})->at(0).count, 20U);
}

TEST_P(PartitionContract, ARequestIsFoundWhereItWasRemembered) {
  WriteBatch batch{.partition = 5, .epoch = other_epoch_};
  batch.requests = {{"r", "digest", ExecutionId("e"), clock_.Now() + std::chrono::hours(1)}};
  ASSERT_TRUE(Commit(std::move(batch)));
  Reopen();
  const auto found = store_->FindRequestIn(5, "r");
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->execution, ExecutionId("e"));
  EXPECT_EQ((*found)->body_digest, "digest");
  EXPECT_FALSE(*store_->FindRequestIn(5, "other"));
  clock_.Advance(std::chrono::hours(2));
  EXPECT_FALSE(*store_->FindRequestIn(5, "r"));
}

HEADRACE_EVERY_STORE(PartitionContract);

}  // namespace
}  // namespace headrace::store
