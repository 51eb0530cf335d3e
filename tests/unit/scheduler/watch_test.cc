// Who watches an execution learns of every commit, whenever they came.
#include "tests/unit/scheduler/core_fixture.h"

namespace headrace::scheduler {
namespace {

using model::State;

class WatchTest : public CoreTest {
 protected:
  std::shared_ptr<Subscription> Watch(const ExecutionId& id, std::function<void()> on_ready = [] {}) {
    auto watch = hub_->Watch(id, 0, std::move(on_ready));
    EXPECT_TRUE(watch);
    return *watch;
  }
  static std::optional<State> Told(Subscription& watch) {
    std::optional<State> state;
    while (true) {
      const auto update = watch.Next();
      EXPECT_TRUE(update);
      if (!update || !*update) return state;
      state = (*update)->execution.state.current();
    }
  }
};

TEST_F(WatchTest, WhoCameWhileTheLastCommitWasOnItsWayIsToldOfItThoughAnotherOfItWasWatchedBefore) {
  Join();
  Submit("one");
  Submit("two");
  CommitAll();
  ASSERT_EQ(replies_.size(), 2u);
  const ExecutionId watched = replies_[0]->id;
  const ExecutionId late = replies_[1]->id;
  const auto early = Watch(watched);
  ASSERT_EQ(Told(*early), State::kRunning);
  for (const ExecutionId& id : {watched, late}) core_->Post(id, model::KillRequested{}, [](const Status&) {}, now_);
  Tick();
  ASSERT_EQ(store_.held.size(), 1u) << "both in one commit";
  int calls = 0;
  const auto watch = Watch(late, [&] { ++calls; });
  ASSERT_EQ(Told(*watch), State::kRunning) << "nothing is committed yet";
  CommitAll();
  EXPECT_GT(calls, 0) << "nobody wakes the watcher";
  EXPECT_EQ(Told(*watch), State::kKilling);
  EXPECT_EQ(Told(*early), State::kKilling);
}

}  // namespace
}  // namespace headrace::scheduler
