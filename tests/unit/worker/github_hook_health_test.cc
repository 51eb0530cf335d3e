#include "worker/github/hook_health.h"

#include <gtest/gtest.h>

namespace headrace::worker::github {
namespace {

const Timestamp kNow = FromMicros(1'800'000'000'000'000);

RunSnapshot Ended(RunId id) { return {.id = id, .status = "completed", .conclusion = "success"}; }

void Deliver(Value& view, int count) {
  for (int i = 0; i < count; ++i) NoteDelivered(view, Ended(1000 + i), true);
}

TEST(HookHealth, NobodyTrustsHooksBeforeTwentyCame) {
  Value view;
  EXPECT_FALSE(HooksBringEnds(view, kNow));
  Deliver(view, 19);
  EXPECT_FALSE(HooksBringEnds(view, kNow));
  Deliver(view, 1);
  EXPECT_TRUE(HooksBringEnds(view, kNow));
}

TEST(HookHealth, OneThatDoesNotComeCostsTheTrustForAnHour) {
  Value view;
  Deliver(view, 30);
  NoteFound(view, Ended(1), kNow);
  NoteMissed(view, kNow + std::chrono::seconds(29));
  EXPECT_TRUE(HooksBringEnds(view, kNow + std::chrono::seconds(29)));
  const Timestamp missed = kNow + std::chrono::seconds(30);
  NoteMissed(view, missed);
  EXPECT_FALSE(HooksBringEnds(view, missed));
  Deliver(view, 20);
  EXPECT_FALSE(HooksBringEnds(view, missed + std::chrono::minutes(59)));
  EXPECT_TRUE(HooksBringEnds(view, missed + std::chrono::minutes(60)));
}

TEST(HookHealth, APollThatWasFasterIsNoMiss) {
  Value view;
  Deliver(view, 20);
  NoteFound(view, Ended(1), kNow);
  NoteDelivered(view, Ended(1), false);
  NoteMissed(view, kNow + std::chrono::hours(2));
  EXPECT_TRUE(HooksBringEnds(view, kNow + std::chrono::hours(2)));
}

TEST(HookHealth, ARedeliveryCountsForNothing) {
  Value view;
  Deliver(view, 19);
  NoteDelivered(view, Ended(1018), false);
  EXPECT_FALSE(HooksBringEnds(view, kNow));
}

TEST(HookHealth, AnotherAttemptIsAnotherEnd) {
  Value view;
  Deliver(view, 20);
  RunSnapshot second = Ended(1);
  second.attempt = 2;
  NoteFound(view, Ended(1), kNow);
  NoteDelivered(view, second, true);
  NoteMissed(view, kNow + std::chrono::minutes(1));
  EXPECT_FALSE(HooksBringEnds(view, kNow + std::chrono::minutes(1)));
}

TEST(HookHealth, AnEndThatAPollFoundOfARunThatWentOnIsOwedAlsoWhenNobodyWaits) {
  for (const bool watched : {false, true}) {
    for (const bool went_on : {false, true}) {
      Value view;
      Deliver(view, 20);
      RunSnapshot running = Ended(1);
      running.status = "in_progress";
      if (went_on) {
        EXPECT_TRUE(PutFound(view, running, {}, kNow));
      }
      EXPECT_TRUE(PutFound(view, Ended(1), watched ? std::vector<RunId>{1} : std::vector<RunId>{}, kNow));
      EXPECT_FALSE(PutFound(view, Ended(1), {1}, kNow));
      NoteMissed(view, kNow + std::chrono::minutes(1));
      EXPECT_EQ(HooksBringEnds(view, kNow + std::chrono::minutes(1)), !watched && !went_on) << watched << went_on;
    }
  }
}

TEST(HookHealth, WithoutHooksTheRecordStaysAsItWas) {
  Value view = Object{{"runs", Object{}}};
  const Value before = view;
  NoteMissed(view, kNow);
  EXPECT_EQ(view, before);
}

}  // namespace
}  // namespace headrace::worker::github
