// The core over a real memory store whose commits the test lets through one by one.
#include <gtest/gtest.h>

#include <deque>

#include "common/store/memory_store.h"
#include "scheduler/core.h"

namespace headrace::scheduler {
namespace {

constexpr const char* kFlow = R"(
id: f
namespace: t
inputs:
  - {id: who, type: STRING, defaults: you}
tasks:
  - {id: one, type: test.Task, text: "{{ inputs.who }}"}
  - {id: two, type: test.Task, text: "{{ outputs.one.value }}"}
)";

// Holds commits back until the test says so; can refuse them.
class HeldStore final : public store::Store {
 public:
  Result<store::Epoch> Acquire(store::PartitionId id) override { return real->Acquire(id); }
  void Commit(store::WriteBatch batch, store::CommitDone done) override { held.emplace_back(std::move(batch), std::move(done)); }
  Result<store::PartitionSnapshot> Load(store::PartitionId id) override { return real->Load(id); }
  Result<store::StoredExecution> Read(const ExecutionId& id) override { return real->Read(id); }
  Result<store::ExecutionPage> List(const store::ExecutionQuery& query) override { return real->List(query); }
  Result<std::optional<store::RequestRow>> FindRequest(const std::string& id) override { return real->FindRequest(id); }

  std::unique_ptr<store::Store> real = store::MakeMemoryStore();
  std::deque<std::pair<store::WriteBatch, store::CommitDone>> held;
};

class CoreTest : public testing::Test, protected CorePort {
 protected:
  CoreTest() {
    auto catalog = std::make_shared<flow::Catalog>();
    model::TaskTypeSpec spec;
    spec.type = "test.Task";
    spec.properties = {{.name = "text"}};
    spec.outputs = {{.name = "value"}};
    catalog->Add(spec);
    catalog_ = catalog;
    Boot();
    const auto applied = registry_->Apply(kFlow, "f.yaml", now_.wall);
    EXPECT_TRUE(applied) << applied.error().ToString();
  }

  // A fresh process on the same disk.
  void Boot() {
    store_.held.clear();
    registry_ = std::make_unique<FlowRegistry>(catalog_, *flows_);
    hub_ = std::make_shared<WatchHub>([](const ExecutionId&) -> Result<ExecutionView> { return NotFound("none"); });
    core_.reset(new Core(CoreOptions{}, store_, *registry_, *hub_, *this));
    ASSERT_TRUE(core_->Recover(now_));
    Tick();
  }

  void Tick() { core_->Tick(now_); }
  void CommitAll() {
    while (!store_.held.empty()) {
      auto [batch, done] = std::move(store_.held.front());
      store_.held.pop_front();
      store_.real->Commit(std::move(batch), [&](Status status) { core_->OnCommitted(status, now_); });
      Tick();
    }
  }
  void Submit(const std::string& request_id, Object inputs = {}) {
    auto prepared = PrepareSubmission(*registry_, {.ns = "t", .flow_id = "f", .inputs = std::move(inputs),
                                                   .request_id = request_id}, now_.wall, random_);
    ASSERT_TRUE(prepared) << prepared.error().ToString();
    prepared->done = [this](Result<SubmitReply> reply) { replies_.push_back(std::move(reply)); };
    core_->Submit(std::move(*prepared), now_);
    Tick();
  }
  void FromWorker(wire::FromWorker message) {
    core_->OnFrame("peer", wire::EncodeFromWorker({std::move(message)}), now_);
    Tick();
  }
  void Join() {
    wire::Hello hello;
    hello.worker = WorkerId("w");
    hello.incarnation = 1;
    hello.capacity = 4;
    FromWorker(hello);
    FromWorker(wire::Credit{4, 1});
  }
  template <typename Message>
  std::vector<Message> Take() {
    std::vector<Message> found;
    for (const wire::ToWorker& message : sent_) {
      if (const auto* wanted = std::get_if<Message>(&message)) found.push_back(*wanted);
    }
    sent_.clear();
    return found;
  }
  model::State StateOf(const ExecutionId& id) {
    const auto stored = store_.Read(id);
    return stored ? wire::DecodeExecution(stored->record)->state.current() : model::State::kQueued;
  }

  void SendFrame(const std::string&, std::string bytes) override {
    auto messages = wire::DecodeToWorker(bytes);
    ASSERT_TRUE(messages);
    for (wire::ToWorker& message : *messages) sent_.push_back(std::move(message));
  }
  void AppendLogs(std::vector<store::LogRow>) override {}
  void Commit(store::WriteBatch batch) override { store_.Commit(std::move(batch), {}); }

  Moment now_{FromMicros(4'000'000'000'000'000), std::chrono::seconds(100)};
  Random random_{1};
  std::shared_ptr<const flow::Catalog> catalog_;
  HeldStore store_;
  std::unique_ptr<store::FlowStore> flows_ = store::MakeMemoryFlowStore();
  std::unique_ptr<FlowRegistry> registry_;
  std::shared_ptr<WatchHub> hub_;
  std::unique_ptr<Core> core_;
  std::vector<Result<SubmitReply>> replies_;
  std::vector<wire::ToWorker> sent_;
};

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

TEST_F(CoreTest, ARefusedCommitEndsEverything) {
  Submit("");
  ASSERT_EQ(store_.held.size(), 1u);
  store_.held.clear();
  core_->OnCommitted(Fail(Code::kUnavailable, "disk full"), now_);
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

}  // namespace
}  // namespace headrace::scheduler
