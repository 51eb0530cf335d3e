// The core: nothing leaves before its commit, restarts, acks, requests.
#include "tests/unit/scheduler/core_fixture.h"

namespace headrace::scheduler {
namespace {

TEST_F(CoreTest, NothingLeavesBeforeItsCommit) {
  Join();
  Submit("");
  EXPECT_TRUE(replies_.empty());
  EXPECT_TRUE(Take<wire::Assign>().empty());
  CommitAll();
  ASSERT_EQ(replies_.size(), 1u);
  const auto assigned = Take<wire::Assign>();
  ASSERT_EQ(assigned.size(), 1u);
  EXPECT_EQ(assigned[0].context_json, R"({"inputs":{"who":"you"}})") << "only what its expressions name";
  FromWorker(wire::TaskResult{.key = assigned[0].key, .outputs_json = R"({"value":"v","large":[1]})"});
  EXPECT_TRUE(Take<wire::ResultAck>().empty());
  CommitAll();
  const auto next = Take<wire::Assign>();
  ASSERT_EQ(next.size(), 1u);
  EXPECT_EQ(next[0].context_json, R"({"outputs":{"one":{"value":"v","large":[1]}}})");
}

TEST_F(CoreTest, ARepeatedResultIsAckedStaleAndOnlyWhenTheFirstIsDurable) {
  Join();
  Submit("");
  CommitAll();
  const auto assigned = Take<wire::Assign>();
  ASSERT_EQ(assigned.size(), 1u);
  const wire::TaskResult result{.key = assigned[0].key, .outputs_json = "{}"};
  FromWorker(result);
  FromWorker(result);
  EXPECT_TRUE(Take<wire::ResultAck>().empty());
  CommitAll();
  const auto acks = Take<wire::ResultAck>();
  ASSERT_EQ(acks.size(), 2u);
  EXPECT_EQ(acks[0].verdict, wire::Verdict::kAccepted);
  EXPECT_EQ(acks[1].verdict, wire::Verdict::kStale);
}

TEST_F(CoreTest, OneRequestIdIsOneExecution) {
  Submit("r1");
  Submit("r1");
  CommitAll();
  Submit("r1");
  CommitAll();
  ASSERT_EQ(replies_.size(), 3u);
  EXPECT_EQ(replies_[0]->id, replies_[1]->id);
  EXPECT_EQ(replies_[0]->id, replies_[2]->id);
  EXPECT_FALSE(replies_[0]->already_existed);
  EXPECT_TRUE(replies_[2]->already_existed);
  Submit("r1", {{"who", "me"}});
  ASSERT_EQ(replies_.size(), 4u);
  EXPECT_EQ(replies_[3].error().code, Code::kAlreadyExists);
}

TEST_F(CoreTest, WithoutRoomNothingNewBeginsAndWhatRunsGoesOn) {
  Join();
  Submit("r1");
  CommitAll();
  const auto assigned = Take<wire::Assign>();
  ASSERT_EQ(assigned.size(), 1u);
  store_.room = Fail(Code::kResourceExhausted, "memory is full");
  Submit("r2");
  ASSERT_EQ(replies_.size(), 2u);
  EXPECT_EQ(replies_[1].error().code, Code::kResourceExhausted);
  Submit("r1");  // known: that is nothing new
  FromWorker(wire::TaskResult{.key = assigned[0].key, .outputs_json = R"({"value":"v","large":[1]})"});
  CommitAll();
  ASSERT_EQ(replies_.size(), 3u);
  EXPECT_TRUE(replies_[2]->already_existed);
  EXPECT_EQ(Take<wire::Assign>().size(), 1u);
}

TEST_F(CoreTest, ARestartReattachesWhatAWorkerStillRuns) {
  Join();
  Submit("");
  CommitAll();
  const auto assigned = Take<wire::Assign>();
  ASSERT_EQ(assigned.size(), 1u);
  FromWorker(wire::Started{assigned[0].key, now_.wall});
  CommitAll();
  Boot();
  FromWorker(wire::Credit{4, 2});
  EXPECT_EQ(Take<wire::HelloRequired>().size(), 1u);
  Join();
  FromWorker(wire::Resync{.running = {{assigned[0].key, now_.wall}}});
  const auto answers = Take<wire::HeartbeatAck>();
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0].renewed, std::vector{assigned[0].key});
  FromWorker(wire::TaskResult{.key = assigned[0].key, .outputs_json = R"({"value":1})"});
  CommitAll();
  EXPECT_EQ(Take<wire::Assign>().size(), 1u) << "the second task, and the first was not given out again";
}

TEST_F(CoreTest, WhatNobodyClaimsAfterARestartIsGivenOutAgainAsAnotherDelivery) {
  Join();
  Submit("");
  CommitAll();
  const auto assigned = Take<wire::Assign>();
  ASSERT_EQ(assigned.size(), 1u);
  Boot();
  now_.monotonic += std::chrono::seconds(13);
  Join();
  CommitAll();
  const auto again = Take<wire::Assign>();
  ASSERT_EQ(again.size(), 1u);
  EXPECT_EQ(again[0].key.fence.delivery, assigned[0].key.fence.delivery + 1);
  FromWorker(wire::TaskResult{.key = assigned[0].key, .outputs_json = "{}"});
  CommitAll();
  const auto acks = Take<wire::ResultAck>();
  ASSERT_EQ(acks.size(), 1u);
  EXPECT_EQ(acks[0].verdict, wire::Verdict::kStale) << "the fence holds the first delivery off";
}

// A scheduler in between forgets nothing of it, and its own end counts for nothing.
TEST_F(CoreTest, ATaskThatThreeWorkersWereLostWithIsGivenToNoOther) {
  const auto die = [&](const std::string& name) {
    FromWorker(wire::Hello{.worker = WorkerId(name), .incarnation = 7, .capacity = 1});
    FromWorker(wire::Credit{1, 1});
    CommitAll();
    const auto assigned = Take<wire::Assign>();
    ASSERT_EQ(assigned.size(), 1u) << name;
    FromWorker(wire::Started{assigned[0].key, now_.wall});
    CommitAll();
    now_.monotonic += std::chrono::seconds(10);
    Tick();
    CommitAll();
  };
  Submit("");
  CommitAll();
  const ExecutionId id = replies_.at(0)->id;
  die("ada");
  die("bob");
  Boot();
  now_.monotonic += std::chrono::seconds(12);
  Tick();
  CommitAll();
  EXPECT_EQ(StateOf(id), model::State::kRunning);
  die("cyd");
  EXPECT_EQ(StateOf(id), model::State::kFailed);
  const auto stored = store_.Read(id);
  ASSERT_TRUE(stored);
  const auto run = wire::DecodeTaskRun(stored->task_runs.at(0));
  ASSERT_TRUE(run);
  EXPECT_NE(run->message.find("QUARANTINED: 3 workers were lost while they ran it (ada, bob and cyd)"), std::string::npos) << run->message;
  EXPECT_EQ(run->delivery, 4u) << "the scheduler's end gave it out once more";
}

TEST_F(CoreTest, ARefusedCommitEndsEverything) {
  Submit("");
  ASSERT_EQ(store_.held.size(), 1u);
  store_.held.clear();
  core_->OnCommitted(0, Fail(Code::kUnavailable, "disk full"), now_);
  ASSERT_EQ(replies_.size(), 1u);
  EXPECT_EQ(replies_[0].error().code, Code::kUnavailable);
  EXPECT_FALSE(core_->failed());
  Submit("");
  ASSERT_EQ(replies_.size(), 2u);
  EXPECT_EQ(replies_[1].error().message, "disk full");
}

TEST_F(CoreTest, KillEndsAnExecutionWhoseTaskWaits) {
  Submit("");
  CommitAll();
  const ExecutionId id = replies_.at(0)->id;
  Status killed = Fail(Code::kUnknown, "no answer");
  core_->Post(id, model::KillRequested{"enough"}, [&](Status status) { killed = std::move(status); }, now_);
  Tick();
  CommitAll();
  EXPECT_TRUE(killed);
  EXPECT_EQ(StateOf(id), model::State::kKilled);
  core_->Post(id, model::RestartRequested{}, [&](Status status) { killed = std::move(status); }, now_);
  EXPECT_EQ(killed.error().code, Code::kFailedPrecondition);
}

TEST_F(CoreTest, ADamagedRecordStopsItsExecutionOnly) {
  Join();
  Submit("one");
  Submit("two");
  CommitAll();
  const ExecutionId damaged = replies_.at(0)->id;
  store::WriteBatch flip;
  flip.epoch = core_->partition()->epoch();
  store::ExecutionRow row{.id = damaged, .ns = "t", .flow_id = "f", .active = true, .record = store_.Read(damaged)->record};
  row.record[row.record.size() / 2] = static_cast<char>(row.record[row.record.size() / 2] ^ 4);
  flip.executions.push_back(std::move(row));
  store_.real->Commit(std::move(flip), [](const Status& status) { EXPECT_TRUE(status); });
  Take<wire::Assign>();
  Boot();
  Join();
  now_.monotonic += std::chrono::seconds(13);
  Join();
  CommitAll();
  const auto assigned = Take<wire::Assign>();
  ASSERT_EQ(assigned.size(), 1u) << "of the other one";
  EXPECT_EQ(assigned[0].key.execution, replies_.at(1)->id);
  Status told;
  core_->Post(damaged, model::KillRequested{}, [&](Status status) { told = std::move(status); }, now_);
  ASSERT_FALSE(told);
  EXPECT_EQ(told.error().code, Code::kDataLoss);
  EXPECT_NE(told.error().message.find("is quarantined: its record is damaged"), std::string::npos) << told.error().message;
}

}  // namespace
}  // namespace headrace::scheduler
