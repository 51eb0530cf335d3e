// Many executions at once for one slot.
#include "tests/unit/scheduler/core_fixture.h"

namespace headrace::scheduler {
namespace {

using model::State;

constexpr const char* kSingle = R"(
id: single
namespace: t
concurrency: {limit: 1, behavior: QUEUE}
tasks:
  - {id: one, type: test.Task}
)";

class BurstTest : public CoreTest {
 protected:
  std::size_t CountIn(State state) {
    const auto counts = store_.Count({.ns = "t", .flow_id = "single", .states = {state}});
    EXPECT_TRUE(counts);
    std::size_t total = 0;
    for (const store::FlowCount& count : *counts) total += count.count;
    return total;
  }
  // Created before anything is committed, as one batch of a client is.
  void Burst(std::size_t many) {
    for (std::size_t i = 0; i < many; ++i) {
      auto prepared = PrepareSubmission(*registry_, {.ns = "t", .flow_id = "single"}, now_.wall, random_);
      ASSERT_TRUE(prepared);
      prepared->done = [this](Result<SubmitReply> reply) { replies_.push_back(std::move(reply)); };
      core_->Submit(std::move(*prepared), now_);
    }
    Tick();
    CommitAll();
  }
};

TEST_F(BurstTest, OneRunsAtATimeAndInTheOrderTheyCame) {
  Apply(kSingle);
  Join();
  constexpr std::size_t kMany = 10'000;
  Burst(kMany);
  ASSERT_EQ(replies_.size(), kMany);
  EXPECT_EQ(CountIn(State::kRunning), 1u);
  EXPECT_EQ(CountIn(State::kQueued), kMany - 1);
  for (std::size_t i = 0; i < kMany; ++i) {
    const auto assigned = Take<wire::Assign>();
    ASSERT_EQ(assigned.size(), 1u) << i;
    ASSERT_EQ(assigned[0].key.execution, replies_[i]->id) << "execution " << i << " is not next";
    if (i % 1000 == 0) {
      EXPECT_EQ(CountIn(State::kRunning), 1u);
    }
    FromWorker(wire::TaskResult{.key = assigned[0].key, .outcome = State::kSuccess});
    CommitAll();
  }
  EXPECT_EQ(CountIn(State::kSuccess), kMany);
}

TEST_F(BurstTest, AHundredThousandWaitAndThoseThatAreKilledNeverRun) {
  Apply(kSingle);
  Join();
  constexpr std::size_t kMany = 100'000;
  Burst(kMany);
  EXPECT_EQ(CountIn(State::kRunning), 1u);
  EXPECT_EQ(CountIn(State::kQueued), kMany - 1);
  for (std::size_t i = 1; i + 1 < kMany; ++i) core_->Post(replies_[i]->id, model::KillRequested{}, [](const Status&) {}, now_);
  Tick();
  CommitAll();
  EXPECT_EQ(CountIn(State::kKilled), kMany - 2);
  EXPECT_EQ(CountIn(State::kQueued), 1u);
  const auto first = Take<wire::Assign>();
  ASSERT_EQ(first.size(), 1u);
  FromWorker(wire::TaskResult{.key = first[0].key, .outcome = State::kSuccess});
  CommitAll();
  const auto last = Take<wire::Assign>();
  ASSERT_EQ(last.size(), 1u);
  EXPECT_EQ(last[0].key.execution, replies_.back()->id);
  EXPECT_EQ(CountIn(State::kKilled), kMany - 2) << "killed for good";
}

}  // namespace
}  // namespace headrace::scheduler
