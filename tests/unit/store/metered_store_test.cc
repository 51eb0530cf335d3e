// What a metered store tells of its operations.
#include "common/store/metered_store.h"

#include <gtest/gtest.h>

#include "common/store/memory_store.h"
#include "tests/unit/store/stores.h"

namespace headrace::store {
namespace {

TEST(MeteredStore, EveryOperationIsToldWithItsEnd) {
  std::vector<std::string> told;
  const auto store = MakeMeteredStore(MakeMemoryStore(), [&](const char* operation, Duration took, const Status& status) {
    EXPECT_GE(took, Duration(0));
    told.push_back(std::string(operation) + (status ? "" : " " + std::string(CodeName(status.error().code))));
  });
  const Epoch epoch = *store->Acquire(0);
  ASSERT_TRUE(CommitAndWait(*store, {.partition = 0, .epoch = epoch, .executions = {Row("a")}}));
  EXPECT_FALSE(CommitAndWait(*store, {.partition = 0, .epoch = epoch - 1, .executions = {Row("b")}}));
  EXPECT_TRUE(store->Load(0));
  EXPECT_TRUE(store->Read(ExecutionId("a")));
  EXPECT_FALSE(store->ReadRecord(ExecutionId("none")));
  EXPECT_TRUE(store->List({}));
  EXPECT_TRUE(store->Count({}));
  EXPECT_TRUE(store->FindRequest("r"));
  EXPECT_TRUE(store->FindRequestIn(0, "r"));
  EXPECT_TRUE(store->HasRoom());
  EXPECT_EQ(told, (std::vector<std::string>{"acquire", "commit", "commit ABORTED", "load", "read", "read NOT_FOUND", "list", "count",
                                            "find_request", "find_request"}));
}

}  // namespace
}  // namespace headrace::store
