// Pause: who ends the wait, and what follows.
#include <gtest/gtest.h>

#include "tests/unit/executor/flow_builder.h"
#include "tests/unit/executor/machine.h"

namespace headrace::executor_test {
namespace {

TEST(Pause, WaitsForAPersonAndKeepsWhatTheySay) {
  Machine m(Build({.tasks = {Make("p", "Pause", {}), Job("a")}}));
  EXPECT_EQ(m.Do("submit"),
            "  execution: CREATED RUNNING PAUSED\n"
            "  p: CREATED RUNNING PAUSED\n");
  EXPECT_TRUE(m.live().only_waits());
  m.Do("resume {\"reason\":\"fine\"} alice");
  EXPECT_EQ(m.StateOf("p"), "SUCCESS");
  EXPECT_EQ(ToJson(Value(m.Newest("p").outputs)),
            "{\"onResume\":{\"reason\":\"fine\"},\"resumed\":{\"on\":\"2026-01-06T08:00:00.000000Z\",\"by\":\"alice\"}}");
  EXPECT_EQ(m.Do("resume"), "  nothing\n");
  m.Do("finish a SUCCESS");
  EXPECT_EQ(m.State(), "SUCCESS");
  EXPECT_EQ(m.faults(), "");
}

TEST(Pause, TheEndOfItsTimeMeansWhatBehaviorSays) {
  struct Case {
    const char* behavior;
    const char* task;
    const char* execution;
  };
  for (const Case& c : {Case{"RESUME", "SUCCESS", "RUNNING"}, Case{"WARN", "WARNING", "RUNNING"},
                        Case{"FAIL", "FAILED", "FAILED"}, Case{"CANCEL", "CANCELLED", "CANCELLED"}}) {
    Machine m(Build({.tasks = {Make("p", "Pause", {{"pauseDuration", "PT1H"}, {"behavior", c.behavior}}), Job("a")}}));
    m.DoAll({"submit", "fire pause p"});
    EXPECT_EQ(m.StateOf("p"), c.task) << c.behavior;
    EXPECT_EQ(m.State(), c.execution) << c.behavior;
    EXPECT_EQ(m.faults(), "");
  }
}

TEST(Pause, APersonMayBeFasterThanTheClock) {
  Machine m(Build({.tasks = {Make("p", "Pause", {{"delay", "PT1H"}}), Job("a")}}));
  m.DoAll({"submit", "resume"});
  EXPECT_TRUE(m.timers().empty());
  EXPECT_EQ(m.StateOf("a"), "SUBMITTED");
  EXPECT_EQ(m.faults(), "");
}

TEST(Pause, ItsTimeoutFailsIt) {
  Machine m(Build({.tasks = {Make("p", "Pause", {}).With([](model::Task& task) { task.timeout = "PT10M"; })}}));
  m.DoAll({"submit", "fire timeout p"});
  EXPECT_EQ(m.State(), "FAILED");
  EXPECT_EQ(m.Newest("p").message, "Timeout after PT10M");
  EXPECT_EQ(m.faults(), "");
}

TEST(Pause, RunsATaskWhenTheWaitBeginsAndTheOldChildrenWhenItEnds) {
  Machine m(Build({.tasks = {Make("p", "Pause", {}).Group("onPause", {Job("tell")}).Group("tasks", {Job("x"), Job("y")})}}));
  m.Do("submit");
  EXPECT_EQ(m.StateOf("tell"), "SUBMITTED");
  EXPECT_EQ(m.State(), "RUNNING");
  m.Do("finish tell SUCCESS");
  EXPECT_EQ(m.State(), "PAUSED");
  m.Do("resume");
  EXPECT_EQ(m.StateOf("x"), "SUBMITTED");
  m.DoAll({"finish x SUCCESS", "finish y SUCCESS"});
  EXPECT_EQ(m.State(), "SUCCESS");
  EXPECT_EQ(m.faults(), "");
}

TEST(Pause, IsKilledAtOnce) {
  Machine m(Build({.tasks = {Make("p", "Pause", {{"pauseDuration", "PT1H"}})}}));
  m.DoAll({"submit", "kill"});
  EXPECT_EQ(m.State(), "KILLED");
  EXPECT_TRUE(m.timers().empty());
  EXPECT_EQ(m.faults(), "");
}

}  // namespace
}  // namespace headrace::executor_test
