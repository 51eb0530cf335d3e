// LeaseBook, ReadyQueue and TimerQueue: the scheduler's small books.
#include <gtest/gtest.h>

#include "scheduler/lease_book.h"
#include "scheduler/ready_queue.h"
#include "scheduler/timer_queue.h"

namespace headrace::scheduler {
namespace {

using std::chrono::seconds;

wire::TaskKey Key(const std::string& execution, model::TaskRunIndex task_run, std::uint32_t delivery = 1) {
  return {ExecutionId(execution), {task_run, 1, delivery}};
}

TEST(LeaseBook, RunsOutUnlessRenewed) {
  LeaseBook book(seconds(10));
  book.Grant(Key("e", 0), WorkerId("w"), seconds(0));
  book.Grant(Key("e", 1), WorkerId("w"), seconds(0));
  EXPECT_TRUE(book.ClaimOrRenew(Key("e", 1), WorkerId("w"), seconds(6)));
  const auto expired = book.TakeExpired(seconds(10));
  ASSERT_EQ(expired.size(), 1u);
  EXPECT_EQ(expired[0].first, Key("e", 0));
  EXPECT_EQ(expired[0].second.worker, WorkerId("w"));
  EXPECT_TRUE(book.TakeExpired(seconds(15)).empty());
  EXPECT_EQ(book.TakeExpired(seconds(16)).size(), 1u);
}

TEST(LeaseBook, OnlyItsHolderRenewsAndReleases) {
  LeaseBook book(seconds(10));
  book.Grant(Key("e", 0), WorkerId("w"), seconds(0));
  EXPECT_FALSE(book.ClaimOrRenew(Key("e", 0), WorkerId("other"), seconds(1)));
  EXPECT_FALSE(book.Release(Key("e", 0), WorkerId("other")));
  EXPECT_FALSE(book.ClaimOrRenew(Key("e", 0, 2), WorkerId("w"), seconds(1))) << "another delivery is another lease";
  EXPECT_TRUE(book.Release(Key("e", 0), WorkerId("w")));
  EXPECT_EQ(book.Find(Key("e", 0)), nullptr);
}

TEST(LeaseBook, AnOrphanOutlivesTheLeaseOfWhoeverHeldItAndCanBeClaimedOnce) {
  LeaseBook book(seconds(10));
  book.AddOrphan(Key("e", 0), seconds(0));
  book.AddOrphan(Key("e", 1), seconds(0));
  EXPECT_TRUE(book.TakeExpired(seconds(11)).empty());
  EXPECT_TRUE(book.ClaimOrRenew(Key("e", 0), WorkerId("w"), seconds(5)));
  EXPECT_FALSE(book.ClaimOrRenew(Key("e", 0), WorkerId("late"), seconds(6)));
  const auto expired = book.TakeExpired(seconds(13));
  ASSERT_EQ(expired.size(), 1u);
  EXPECT_TRUE(expired[0].second.worker.empty());
}

TEST(ReadyQueue, ExecutionsTakeTurns) {
  ReadyQueue queue;
  for (model::TaskRunIndex i = 0; i < 3; ++i) queue.Push(Key("many", i));
  queue.Push(Key("one", 0));
  EXPECT_EQ(queue.Pop(), Key("many", 0));
  EXPECT_EQ(queue.Pop(), Key("one", 0));
  EXPECT_EQ(queue.Pop(), Key("many", 1));
  EXPECT_EQ(queue.size(), 1u);
}

TEST(ReadyQueue, RemovesFromTheMiddleAndGivesBackInFront) {
  ReadyQueue queue;
  for (model::TaskRunIndex i = 0; i < 3; ++i) queue.Push(Key("e", i));
  EXPECT_TRUE(queue.Remove(Key("e", 1)));
  EXPECT_FALSE(queue.Remove(Key("e", 1)));
  const auto first = queue.Pop();
  queue.PushFront(*first);
  EXPECT_EQ(queue.Pop(), Key("e", 0));
  EXPECT_EQ(queue.Pop(), Key("e", 2));
  EXPECT_EQ(queue.Pop(), std::nullopt);
}

TEST(TimerQueue, GivesWhatIsDueInOrderAndNoMoreThanAsked) {
  TimerQueue timers;
  const auto at = [](int second) { return FromMicros(second * 1'000'000LL); };
  const auto timer = [&](int second, const char* id) {
    return ArmedTimer{at(second), ExecutionId(id), {model::TimerKind::kLoopInterval, 0, 1}};
  };
  timers.Arm(timer(3, "c"));
  timers.Arm(timer(1, "a"));
  timers.Arm(timer(2, "b"));
  timers.Disarm(timer(2, "b"));
  EXPECT_EQ(timers.NextDue(), at(1));
  EXPECT_TRUE(timers.TakeDue(FromMicros(999'999), 10).empty());
  const auto due = timers.TakeDue(at(5), 1);
  ASSERT_EQ(due.size(), 1u);
  EXPECT_EQ(due[0].execution.str(), "a");
  EXPECT_EQ(timers.TakeDue(at(5), 10).size(), 1u);
  EXPECT_EQ(timers.NextDue(), std::nullopt);
}

}  // namespace
}  // namespace headrace::scheduler
