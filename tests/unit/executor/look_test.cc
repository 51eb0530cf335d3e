// Tasks that look, leave and are looked at again.
#include <gtest/gtest.h>

#include "executor/look_memo.h"
#include "tests/unit/executor/flow_builder.h"
#include "tests/unit/executor/machine.h"

namespace headrace::executor_test {
namespace {

TEST(Look, BetweenTwoLooksNobodyHoldsTheTask) {
  Machine m(Build({.tasks = {Job("poll")}}));
  m.DoAll({"submit", "start poll"});
  EXPECT_FALSE(m.live().only_waits());
  m.Do("look-later poll PT5M {\"seen\":1}");
  EXPECT_TRUE(m.live().only_waits());
  EXPECT_EQ(m.StateOf("poll"), "RUNNING");
  EXPECT_EQ(ToJson(*executor::LookMemo(m.Newest("poll"))), "{\"seen\":1}");
  EXPECT_EQ(m.timers().size(), 1U);
  m.Do("fire look poll");
  EXPECT_FALSE(m.live().only_waits());
  EXPECT_EQ(m.Newest("poll").delivery, 2U);
  EXPECT_EQ(m.Newest("poll").attempt, 1U);
  m.Do("finish poll SUCCESS {\"n\":2}");
  EXPECT_EQ(m.State(), "SUCCESS");
  EXPECT_EQ(Machine::History(m.Newest("poll").state), "CREATED SUBMITTED RUNNING SUCCESS");
  EXPECT_EQ(m.Newest("poll").attempts.size(), 1U);
  EXPECT_EQ(m.faults(), "");
}

TEST(Look, AWakeComesBeforeTheTimer) {
  Machine m(Build({.tasks = {Job("poll")}}));
  m.DoAll({"submit", "look-later poll PT5M"});
  EXPECT_EQ(m.StateOf("poll"), "RUNNING");
  m.Do("wake poll");
  EXPECT_TRUE(m.timers().empty());
  EXPECT_FALSE(m.live().only_waits());
  EXPECT_EQ(m.Do("wake poll"), "  nothing\n");
  m.Do("finish poll SUCCESS");
  EXPECT_EQ(m.State(), "SUCCESS");
  EXPECT_EQ(m.Do("wake poll"), "  nothing\n");
  EXPECT_EQ(m.faults(), "");
}

TEST(Look, WhatTheLookBeforeSaysLateIsStale) {
  Machine m(Build({.tasks = {Job("poll")}}));
  m.DoAll({"submit", "start poll"});
  const model::Fence first = m.Newest("poll").fence();
  m.DoAll({"look-later poll PT5M", "fire look poll"});
  EXPECT_TRUE(m.Post(model::TaskFinished{first, WorkerId("w1")}).delta.empty());
  EXPECT_TRUE(m.Post(model::TaskWaited{first, WorkerId("w1"), std::chrono::seconds(1)}).delta.empty());
  EXPECT_TRUE(m.Post(model::TaskLost{first, "gone"}).delta.empty());
  EXPECT_EQ(m.StateOf("poll"), "RUNNING");
  EXPECT_EQ(m.faults(), "");
}

TEST(Look, AKillEndsItAtOnceBetweenLooksAndThroughTheWorkerDuringOne) {
  Machine waits(Build({.tasks = {Job("poll"), Job("next")}}));
  waits.DoAll({"submit", "start poll", "look-later poll PT5M", "kill"});
  EXPECT_EQ(waits.State(), "KILLED");
  EXPECT_TRUE(waits.timers().empty());
  EXPECT_EQ(waits.faults(), "");

  Machine looks(Build({.tasks = {Job("poll")}}));
  looks.DoAll({"submit", "start poll", "kill"});
  EXPECT_EQ(looks.State(), "KILLING");
  // It had not heard of the kill yet.
  looks.Do("look-later poll PT5M");
  EXPECT_EQ(looks.State(), "KILLED");
  EXPECT_EQ(looks.faults(), "");
}

TEST(Look, TheTimeoutCountsFromTheFirstLook) {
  Machine m(Build({.tasks = {Job("poll").With([](model::Task& task) { task.timeout = "PT1H"; })}}));
  m.DoAll({"submit", "start poll", "look-later poll PT40M", "fire look poll", "look-later poll PT40M"});
  const Timestamp before = m.now();
  m.Do("fire timeout poll");
  EXPECT_EQ(m.now() - before, std::chrono::minutes(20));
  EXPECT_EQ(m.State(), "FAILED");
  EXPECT_EQ(m.Newest("poll").message, "Timeout after PT1H");
  EXPECT_TRUE(m.timers().empty());
  EXPECT_EQ(m.faults(), "");
}

TEST(Look, ALostLookIsLookedAtAgainWithWhatWasKnown) {
  Machine m(Build({.tasks = {Job("poll")}}));
  m.DoAll({"submit", "start poll", "look-later poll PT5M {\"seen\":1}", "fire look poll", "lose poll"});
  EXPECT_EQ(m.StateOf("poll"), "SUBMITTED");
  EXPECT_EQ(ToJson(*executor::LookMemo(m.Newest("poll"))), "{\"seen\":1}");
  EXPECT_EQ(m.Newest("poll").delivery, 3U);
  m.DoAll({"start poll", "finish poll SUCCESS"});
  EXPECT_EQ(m.State(), "SUCCESS");
  EXPECT_EQ(m.faults(), "");
}

TEST(Look, ARetryBeginsWithoutTheMemoOfTheAttemptBefore) {
  Machine m(Build({.tasks = {Job("poll").With([](model::Task& task) {
    task.retry = model::RetryPolicy{.interval = std::chrono::seconds(10), .max_attempts = 2};
  })}}));
  m.DoAll({"submit", "start poll", "look-later poll PT5M {\"seen\":1}", "fire look poll", "finish poll FAILED"});
  EXPECT_EQ(m.StateOf("poll"), "RETRYING");
  m.Do("fire retry poll");
  EXPECT_EQ(executor::LookMemo(m.Newest("poll")), nullptr);
  EXPECT_EQ(m.Newest("poll").attempt, 2U);
  EXPECT_EQ(m.faults(), "");
}

TEST(Look, AFailingSiblingDoesNotEndOneThatWaits) {
  Machine m(Build({.tasks = {Make("p", "Parallel", {}).Group("tasks", {Job("poll"), Job("x")})}}));
  m.DoAll({"submit", "start poll", "look-later poll PT5M", "finish x FAILED"});
  EXPECT_EQ(m.StateOf("poll"), "RUNNING");
  EXPECT_EQ(m.State(), "RUNNING");
  m.DoAll({"fire look poll", "finish poll SUCCESS"});
  EXPECT_EQ(m.State(), "FAILED");
  EXPECT_EQ(m.faults(), "");
}

}  // namespace
}  // namespace headrace::executor_test
