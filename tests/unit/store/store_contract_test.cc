#include <condition_variable>
#include <mutex>
#include <thread>

#include "common/base/random.h"
#include "tests/unit/store/stores.h"

namespace headrace::store {
namespace {

using model::State;
using model::TimerKind;

class StoreContract : public OwnedStoreTest {};

TEST_P(StoreContract, WhatWasCommittedIsRead) {
  WriteBatch batch = Batch();
  batch.executions = {Row("e")};
  batch.task_runs = {{ExecutionId("e"), 1, "one"}, {ExecutionId("e"), 0, std::string("ze\0ro", 5)}};
  ASSERT_TRUE(Commit(batch));
  Reopen();
  const auto stored = store_->Read(ExecutionId("e"));
  ASSERT_TRUE(stored) << stored.error().ToString();
  EXPECT_EQ(stored->record, "record of e");
  EXPECT_EQ(stored->task_runs, (std::vector<std::string>{std::string("ze\0ro", 5), "one"}));
}

TEST_P(StoreContract, AnUnknownExecutionIsNotFound) {
  EXPECT_EQ(store_->Read(ExecutionId("nobody")).error().code, Code::kNotFound);
}

TEST_P(StoreContract, LaterRowsReplaceEarlierOnes) {
  WriteBatch first = Batch();
  first.executions = {Row("e")};
  first.task_runs = {{ExecutionId("e"), 0, "a"}, {ExecutionId("e"), 1, "b"}};
  ASSERT_TRUE(Commit(first));
  WriteBatch second = Batch();
  second.executions = {Row("e", 1, State::kSuccess)};
  second.executions[0].record = "ended";
  second.executions[0].ended = FromMicros(9);
  second.executions[0].active = false;
  second.task_runs = {{ExecutionId("e"), 1, "c"}, {ExecutionId("e"), 2, "x"}, {ExecutionId("e"), 2, "d"}};
  ASSERT_TRUE(Commit(second));
  Reopen();
  const auto stored = store_->Read(ExecutionId("e"));
  ASSERT_TRUE(stored);
  EXPECT_EQ(stored->record, "ended");
  EXPECT_EQ(stored->task_runs, (std::vector<std::string>{"a", "c", "d"}));
  EXPECT_EQ(ListAll({.states = {State::kRunning}}), Records({}));
  EXPECT_EQ(ListAll({.states = {State::kSuccess}}), std::vector<std::string>{"ended"});
}

TEST_P(StoreContract, AnOlderEpochIsAbortedAndChangesNothing) {
  WriteBatch old = Batch();
  old.executions = {Row("old")};
  old.task_runs = {{ExecutionId("old"), 0, "t"}};
  old.timers_set = {{ExecutionId("old"), {TimerKind::kRetry, 0, 1}, FromMicros(5)}};
  old.outbox_added = {{1, "o"}};
  old.requests = {{"r", "d", ExecutionId("old"), clock_.Now() + std::chrono::hours(1)}};
  Reopen();
  const Epoch next = *store_->Acquire(0);
  EXPECT_GT(next, epoch_);
  const Status status = Commit(old);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Code::kAborted);
  EXPECT_FALSE(store_->Read(ExecutionId("old")));
  const auto snapshot = store_->Load(0);
  ASSERT_TRUE(snapshot);
  EXPECT_TRUE(snapshot->active.empty());
  EXPECT_TRUE(snapshot->timers.empty());
  EXPECT_TRUE(snapshot->outbox.empty());
  EXPECT_EQ(*store_->FindRequest("r"), std::nullopt);
  old.epoch = next;
  EXPECT_TRUE(Commit(old));
  EXPECT_TRUE(store_->Read(ExecutionId("old")));
}

TEST_P(StoreContract, PartitionsAreFencedApart) {
  const Epoch other = *store_->Acquire(7);
  ASSERT_TRUE(store_->Acquire(7));
  EXPECT_TRUE(Commit(Batch()));
  EXPECT_EQ(Commit({.partition = 7, .epoch = other}).error().code, Code::kAborted);
  EXPECT_EQ(Commit({.partition = 8, .epoch = 1}).error().code, Code::kAborted);
}

TEST_P(StoreContract, ADoneComesForEveryCommitInOrder) {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<int> order;
  constexpr int kCommits = 500;
  for (int i = 0; i < kCommits; ++i) {
    WriteBatch batch = Batch();
    if (i % 7 == 3) batch.epoch = 0;  // refused ones keep their place
    batch.task_runs = {{ExecutionId("e"), static_cast<model::TaskRunIndex>(i % 5), std::to_string(i)}};
    store_->Commit(std::move(batch), [&, i](Status status) {
      EXPECT_EQ(status.has_value(), i % 7 != 3);
      std::lock_guard lock(mutex);
      order.push_back(i);
      changed.notify_one();
    });
  }
  std::unique_lock lock(mutex);
  changed.wait(lock, [&] { return order.size() == kCommits; });
  for (int i = 0; i < kCommits; ++i) EXPECT_EQ(order[static_cast<std::size_t>(i)], i);
}

TEST_P(StoreContract, WhenDoneIsCalledTheRowsCanBeRead) {
  std::mutex mutex;
  std::condition_variable changed;
  int done = 0;
  for (int i = 0; i < 50; ++i) {
    WriteBatch batch = Batch();
    const std::string id = "e" + std::to_string(i);
    batch.executions = {Row(id)};
    store_->Commit(std::move(batch), [&, id](Status status) {
      EXPECT_TRUE(status);
      EXPECT_TRUE(store_->Read(ExecutionId(id)));
      std::lock_guard lock(mutex);
      ++done;
      changed.notify_one();
    });
  }
  std::unique_lock lock(mutex);
  changed.wait(lock, [&] { return done == 50; });
}

TEST_P(StoreContract, ACommitMayBeMadeFromDone) {
  std::mutex mutex;
  std::condition_variable changed;
  bool finished = false;
  WriteBatch second = Batch();
  second.executions = {Row("second")};
  store_->Commit(Batch(), [&](Status) {
    store_->Commit(second, [&](Status status) {
      EXPECT_TRUE(status);
      std::lock_guard lock(mutex);
      finished = true;
      changed.notify_one();
    });
  });
  std::unique_lock lock(mutex);
  changed.wait(lock, [&] { return finished; });
  EXPECT_TRUE(store_->Read(ExecutionId("second")));
}

TEST_P(StoreContract, LoadGivesWhatIsActiveWithTimersAndOutbox) {
  const Epoch other = *store_->Acquire(1);
  ExecutionRow ended = Row("ended");
  ended.active = false;
  WriteBatch batch = Batch();
  batch.executions = {Row("b"), Row("a"), ended};
  batch.timers_set = {{ExecutionId("a"), {TimerKind::kRetry, 3, 1}, FromMicros(50)},
                      {ExecutionId("a"), {TimerKind::kTimeout, 3, 1}, FromMicros(60)},
                      {ExecutionId("b"), {TimerKind::kLoopInterval, 0, 0}, FromMicros(-70)}};
  batch.outbox_added = {{11, "later"}, {10, "sooner"}, {12, "done at once"}};
  ASSERT_TRUE(Commit(batch));
  WriteBatch elsewhere{.partition = 1, .epoch = other, .executions = {Row("elsewhere")}};
  ASSERT_TRUE(Commit(elsewhere));

  WriteBatch next = Batch();
  next.timers_set = {{ExecutionId("a"), {TimerKind::kRetry, 3, 1}, FromMicros(55)}};
  next.timers_cleared = {{ExecutionId("a"), {TimerKind::kTimeout, 3, 1}, {}},
                         {ExecutionId("a"), {TimerKind::kPause, 3, 1}, {}}};
  next.outbox_done = {12, 99};
  ASSERT_TRUE(Commit(next));
  Reopen();
  const auto snapshot = store_->Load(0);
  ASSERT_TRUE(snapshot);
  EXPECT_EQ(snapshot->active, (std::vector{ExecutionId("a"), ExecutionId("b")}));
  ASSERT_EQ(snapshot->timers.size(), 2U);
  EXPECT_EQ(snapshot->timers[0].execution, ExecutionId("a"));
  EXPECT_EQ(snapshot->timers[0].timer, (model::TimerId{TimerKind::kRetry, 3, 1}));
  EXPECT_EQ(snapshot->timers[0].due, FromMicros(55));
  EXPECT_EQ(snapshot->timers[1].execution, ExecutionId("b"));
  EXPECT_EQ(snapshot->timers[1].timer, (model::TimerId{TimerKind::kLoopInterval, 0, 0}));
  EXPECT_EQ(snapshot->timers[1].due, FromMicros(-70));
  ASSERT_EQ(snapshot->outbox.size(), 2U);
  EXPECT_EQ(snapshot->outbox[0].id, 10U);
  EXPECT_EQ(snapshot->outbox[0].record, "sooner");
  EXPECT_EQ(snapshot->outbox[1].record, "later");
  EXPECT_EQ(store_->Load(1)->active, std::vector{ExecutionId("elsewhere")});
}

TEST_P(StoreContract, AnExecutionThatEndsIsActiveNoMoreAndMayBecomeSoAgain) {
  Put({Row("e")});
  ExecutionRow row = Row("e");
  row.active = false;
  Put({row});
  EXPECT_TRUE(store_->Load(0)->active.empty());
  Put({Row("e")});
  EXPECT_EQ(store_->Load(0)->active, std::vector{ExecutionId("e")});
}

TEST_P(StoreContract, ATimerThatIsSetAndClearedInOneBatchIsClear) {
  WriteBatch batch = Batch();
  batch.timers_set = {{ExecutionId("e"), {TimerKind::kRetry, 0, 1}, FromMicros(5)}};
  batch.timers_cleared = batch.timers_set;
  batch.outbox_added = {{5, "x"}};
  batch.outbox_done = {5};
  ASSERT_TRUE(Commit(batch));
  EXPECT_TRUE(store_->Load(0)->timers.empty());
  EXPECT_TRUE(store_->Load(0)->outbox.empty());
}

// Batches that follow without waiting fall into one group; the outcome is that of one after another.
TEST_P(StoreContract, AGroupEndsAsItsBatchesOneAfterAnother) {
  Random random(42);
  std::map<std::string, std::string> executions;
  std::map<std::pair<std::string, model::TaskRunIndex>, std::string> runs;
  std::map<std::pair<std::string, model::TaskRunIndex>, std::int64_t> timers;
  std::map<std::uint64_t, std::string> outbox;
  for (int i = 0; i < 400; ++i) {
    WriteBatch batch = Batch();
    const std::string id = "e" + std::to_string(random.Below(6));
    const auto index = static_cast<model::TaskRunIndex>(random.Below(3));
    const std::string text = std::to_string(i);
    const TimerRow timer{ExecutionId(id), {TimerKind::kRetry, index, 1}, FromMicros(i)};
    batch.executions = {Row(id)};
    batch.executions[0].record = executions[id] = text;
    if (random.Chance(0.7)) {
      batch.task_runs = {{ExecutionId(id), index, text}};
      runs[{id, index}] = text;
    }
    if (random.Chance(0.5)) {
      batch.timers_set = {timer};
      timers[{id, index}] = i;
    } else if (random.Chance(0.5)) {
      batch.timers_cleared = {timer};
      timers.erase({id, index});
    }
    const std::uint64_t item = random.Below(8);
    if (random.Chance(0.5)) {
      batch.outbox_added = {{item, text}};
      outbox[item] = text;
    } else {
      batch.outbox_done = {item};
      outbox.erase(item);
    }
    store_->Commit(std::move(batch), [](Status status) { EXPECT_TRUE(status); });
  }
  ASSERT_TRUE(Commit(Batch()));
  for (const auto& [id, record] : executions) EXPECT_EQ(store_->Read(ExecutionId(id))->record, record);
  for (const auto& [key, record] : runs) EXPECT_EQ(store_->Read(ExecutionId(key.first))->task_runs.at(key.second), record);
  const auto snapshot = store_->Load(0);
  std::map<std::pair<std::string, model::TaskRunIndex>, std::int64_t> stored_timers;
  for (const TimerRow& row : snapshot->timers) stored_timers[{row.execution.str(), row.timer.task_run}] = ToMicros(row.due);
  EXPECT_EQ(stored_timers, timers);
  std::map<std::uint64_t, std::string> stored_outbox;
  for (const OutboxRow& row : snapshot->outbox) stored_outbox[row.id] = row.record;
  EXPECT_EQ(stored_outbox, outbox);
}

TEST_P(StoreContract, ListGivesTheNewestFirstPageByPage) {
  std::vector<ExecutionRow> rows;
  std::vector<std::string> newest_first;
  for (int i = 0; i < 23; ++i) {
    // Three share each time: the id decides.
    rows.push_back(Row("e" + std::to_string(100 + (i * 7) % 23), ((i * 7) % 23) / 3));
  }
  for (int i = 22; i >= 0; --i) newest_first.push_back("e" + std::to_string(100 + i));
  Put(rows);
  for (const std::size_t limit : {1U, 2U, 5U, 22U, 23U, 24U, 100U}) {
    EXPECT_EQ(ListAll({.limit = limit}), Records(newest_first)) << limit;
  }
}

TEST_P(StoreContract, RowsThatComeMeanwhileDoNotShiftThePages) {
  Put({Row("a", 1), Row("b", 2), Row("c", 3), Row("d", 4)});
  const auto first = store_->List({.limit = 2});
  ASSERT_TRUE(first);
  EXPECT_EQ(first->records, Records({"d", "c"}));
  Put({Row("e", 5), Row("d", 4, State::kSuccess)});
  const auto second = store_->List({.limit = 2, .page_token = first->next_page_token});
  ASSERT_TRUE(second);
  EXPECT_EQ(second->records, Records({"b", "a"}));
  EXPECT_TRUE(second->next_page_token.empty());
}

TEST_P(StoreContract, EveryFilterFilters) {
  ExecutionRow plain = Row("plain", 10);
  ExecutionRow sub = Row("sub", 20);
  sub.ns = "team.sub";
  ExecutionRow near = Row("near", 30);
  near.ns = "teams";
  ExecutionRow other = Row("other", 40, State::kFailed);
  other.flow_id = "other";
  ExecutionRow labelled = Row("labelled", 50, State::kSuccess);
  labelled.labels = {{"env", "prod"}, {"weird \"key\"", "va'lue%_"}};
  ExecutionRow child = Row("child", 60, State::kWarning);
  child.parent = ExecutionId("plain");
  child.labels = {{"env", "test"}, {"prod", "env"}};
  Put({plain, sub, near, other, labelled, child});
  EXPECT_EQ(ListAll({.ns = "team"}), Records({"child", "labelled", "other", "plain"}));
  EXPECT_EQ(ListAll({.ns = "tea"}), Records({}));
  EXPECT_EQ(ListAll({.ns_prefix = "team"}), Records({"child", "labelled", "other", "sub", "plain"}));
  EXPECT_EQ(ListAll({.ns_prefix = "team.sub"}), Records({"sub"}));
  EXPECT_EQ(ListAll({.ns_prefix = "te%"}), Records({}));
  EXPECT_EQ(ListAll({.flow_id = "other"}), Records({"other"}));
  EXPECT_EQ(ListAll({.ns = "team", .flow_id = "flow"}), Records({"child", "labelled", "plain"}));
  EXPECT_EQ(ListAll({.states = {State::kFailed, State::kWarning}}), Records({"child", "other"}));
  EXPECT_EQ(ListAll({.labels = {{"env", "prod"}}}), Records({"labelled"}));
  EXPECT_EQ(ListAll({.labels = {{"env", "prod"}, {"weird \"key\"", "va'lue%_"}}}), Records({"labelled"}));
  EXPECT_EQ(ListAll({.labels = {{"env", "prod"}, {"prod", "env"}}}), Records({}));
  EXPECT_EQ(ListAll({.labels = {{"env", "pro"}}}), Records({}));
  EXPECT_EQ(ListAll({.created_from = FromMicros(40)}), Records({"child", "labelled", "other"}));
  EXPECT_EQ(ListAll({.created_before = FromMicros(40)}), Records({"near", "sub", "plain"}));
  EXPECT_EQ(ListAll({.created_from = FromMicros(20), .created_before = FromMicros(40)}), Records({"near", "sub"}));
  EXPECT_EQ(ListAll({.parent = ExecutionId("plain")}), Records({"child"}));
  EXPECT_EQ(ListAll({.ns_prefix = "team", .states = {State::kRunning}, .limit = 1}), Records({"sub", "plain"}));
}

TEST_P(StoreContract, AChangedLabelIsFoundByItsNewValue) {
  ExecutionRow row = Row("e");
  row.labels = {{"k", "old"}};
  Put({row});
  row.labels = {{"k", "new"}};
  Put({row});
  EXPECT_EQ(ListAll({.labels = {{"k", "old"}}}), Records({}));
  EXPECT_EQ(ListAll({.labels = {{"k", "new"}}}), Records({"e"}));
}

TEST_P(StoreContract, AForeignPageTokenIsRefused) {
  for (const std::string token : {"x", "~", "12", "12x~e", "'; DROP TABLE executions; --"}) {
    const auto page = store_->List({.page_token = token});
    ASSERT_FALSE(page) << token;
    EXPECT_EQ(page.error().code, Code::kInvalidArgument);
  }
}

TEST_P(StoreContract, ARequestIsFoundUntilItExpires) {
  const Timestamp expires = clock_.Now() + std::chrono::hours(1);
  WriteBatch batch = Batch();
  batch.requests = {{"key", "digest", ExecutionId("e"), expires}};
  ASSERT_TRUE(Commit(batch));
  Reopen();
  const auto found = store_->FindRequest("key");
  ASSERT_TRUE(found);
  ASSERT_TRUE(*found);
  EXPECT_EQ((*found)->request_id, "key");
  EXPECT_EQ((*found)->body_digest, "digest");
  EXPECT_EQ((*found)->execution, ExecutionId("e"));
  EXPECT_EQ((*found)->expires, expires);
  EXPECT_EQ(*store_->FindRequest("other"), std::nullopt);
  clock_.Advance(std::chrono::hours(1));
  EXPECT_EQ(*store_->FindRequest("key"), std::nullopt);
  batch.requests[0].execution = ExecutionId("second");
  batch.requests[0].expires = clock_.Now() + std::chrono::hours(1);
  ASSERT_TRUE(Commit(batch));
  EXPECT_EQ((*store_->FindRequest("key"))->execution, ExecutionId("second"));
}

TEST_P(StoreContract, ReadsFromOtherThreadsSeeWholeBatches) {
  constexpr int kBatches = 200;
  std::thread reader([&] {
    std::string seen;
    while (seen != std::to_string(kBatches - 1)) {
      const auto stored = store_->Read(ExecutionId("e"));
      if (!stored) continue;
      ASSERT_EQ(stored->task_runs.size(), 2U);
      ASSERT_EQ(stored->task_runs[0], stored->record);
      ASSERT_EQ(stored->task_runs[1], stored->record);
      seen = stored->record;
    }
  });
  for (int i = 0; i < kBatches; ++i) {
    WriteBatch batch = Batch();
    batch.executions = {Row("e")};
    batch.executions[0].record = std::to_string(i);
    batch.task_runs = {{ExecutionId("e"), 0, std::to_string(i)}, {ExecutionId("e"), 1, std::to_string(i)}};
    store_->Commit(std::move(batch), [](Status status) { EXPECT_TRUE(status); });
  }
  reader.join();
}

TEST_P(StoreContract, ARecordIsReadWithoutItsTaskRuns) {
  WriteBatch batch = Batch();
  batch.executions = {Row("e")};
  batch.task_runs = {{ExecutionId("e"), 0, "run"}};
  ASSERT_TRUE(Commit(batch));
  EXPECT_EQ(*store_->ReadRecord(ExecutionId("e")), "record of e");
  EXPECT_EQ(store_->ReadRecord(ExecutionId("nobody")).error().code, Code::kNotFound);
}

TEST_P(StoreContract, ExecutionsAreCountedByFlow) {
  ExecutionRow other = Row("d", 4, State::kFailed);
  other.flow_id = "other";
  ExecutionRow sub = Row("e", 5, State::kFailed);
  sub.ns = "team.sub";
  Put({Row("a", 1), Row("b", 2, State::kFailed), Row("c", 3, State::kSuccess), other, sub});
  EXPECT_EQ(*store_->Count({.limit = 1}),
            (std::vector<FlowCount>{{"team", "flow", 3}, {"team", "other", 1}, {"team.sub", "flow", 1}}));
  EXPECT_EQ(*store_->Count({.ns = "team", .states = {State::kFailed}}),
            (std::vector<FlowCount>{{"team", "flow", 1}, {"team", "other", 1}}));
  EXPECT_EQ(*store_->Count({.ns_prefix = "team", .flow_id = "flow", .created_from = FromMicros(2), .created_before = FromMicros(5)}),
            (std::vector<FlowCount>{{"team", "flow", 2}}));
  EXPECT_TRUE(store_->Count({.ns = "nobody"})->empty());
}

HEADRACE_EVERY_STORE(StoreContract);

}  // namespace
}  // namespace headrace::store
