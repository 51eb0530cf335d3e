// LoopUntil as FLOWS 1.7 has it, the release flow's poll first.
#include <gtest/gtest.h>

#include "tests/unit/executor/flow_builder.h"
#include "tests/unit/executor/machine.h"

namespace headrace::executor_test {
namespace {

TaskSpec Loop(std::string condition, Object frequency, std::vector<TaskSpec> tasks, bool fail = false) {
  return Make("loop", "LoopUntil",
              {{"condition", condition}, {"checkFrequency", std::move(frequency)}, {"failOnMaxReached", fail}},
              std::move(tasks));
}

TaskSpec Poll() {
  return Loop("{{ outputs.check.exitCode == 0 }}", {{"interval", "PT5M"}, {"maxDuration", "PT6H"}},
              {Job("check").With([](auto& task) { task.allow_failure = true; })}, true);
}

TEST(LoopUntil, AReleasePollsUntilItsCheckSucceeds) {
  Machine m(Build({.tasks = {Poll(), Job("next")}}));
  m.DoAll({"submit", "start check"});
  const Timestamp began = m.now();
  EXPECT_EQ(m.Do("finish check FAILED {\"exitCode\":1} not yet"),
            "  execution: PAUSED\n"
            "  loop: PAUSED\n"
            "  loop outputs {\"iterationCount\":2}\n"
            "  check: WARNING\n"
            "  check outputs {\"exitCode\":1}\n"
            "  SetTimer interval loop in PT5M\n");
  EXPECT_TRUE(m.live().only_waits());
  EXPECT_EQ(m.Newest("loop").due, began + std::chrono::minutes(5));
  EXPECT_EQ(m.Newest("loop").deadline, began + std::chrono::hours(6));
  EXPECT_EQ(m.Do("fire interval loop"),
            "  execution: RUNNING\n"
            "  loop: RUNNING\n"
            "  check is history\n"
            "  check: CREATED SUBMITTED\n"
            "  DispatchTask check attempt 1 delivery 1\n");
  EXPECT_EQ(m.now(), began + std::chrono::minutes(5));
  EXPECT_EQ(m.Newest("loop").iteration, 1);
  EXPECT_EQ(m.Newest("check").iteration, 1);
  m.DoAll({"start check", "finish check SUCCESS {\"exitCode\":0}"});
  EXPECT_EQ(m.StateOf("loop"), "SUCCESS");
  EXPECT_EQ(m.StateOf("next"), "SUBMITTED");
  EXPECT_EQ(m.execution().task_runs[1].superseded, true);
  EXPECT_EQ(m.execution().task_runs[1].iteration, 0);
  EXPECT_EQ(ToJson(Value(m.execution().task_runs[1].outputs)), "{\"exitCode\":1}");
  EXPECT_EQ(m.faults(), "");
}

TEST(LoopUntil, StaleTimersAndReportsOfEarlierRoundsChangeNothing) {
  Machine m(Build({.tasks = {Poll()}}));
  m.DoAll({"submit", "finish check FAILED {\"exitCode\":1}", "fire interval loop"});
  EXPECT_EQ(m.Do("again"), "  nothing\n");
  m.Do("finish check FAILED {\"exitCode\":1}");
  EXPECT_EQ(m.Do("again"), "  nothing\n");
  m.Post(model::TimerFired{{model::TimerKind::kLoopInterval, 0, 0}});  // of the first round
  EXPECT_EQ(m.StateOf("loop"), "PAUSED");
}

TEST(LoopUntil, MaxIterationsOfThreeRunsThriceAndCountsFour) {
  for (const bool fail : {false, true}) {
    Machine m(Build({.tasks = {Loop("{{ false }}", {{"interval", "PT1S"}, {"maxIterations", 3}}, {Job("a")}, fail)}}));
    m.DoAll({"submit", "finish a SUCCESS", "fire interval loop", "finish a SUCCESS", "fire interval loop"});
    EXPECT_EQ(m.State(), "RUNNING");
    const std::string last = m.Do("finish a SUCCESS");
    EXPECT_NE(last.find("EmitLog WARN loop: Max iterations reached"), std::string::npos) << last;
    EXPECT_EQ(m.State(), fail ? "FAILED" : "SUCCESS");
    EXPECT_EQ(ToJson(Value(m.Newest("loop").outputs)), "{\"iterationCount\":4}");
    EXPECT_EQ(m.execution().task_runs.size(), 4U);
    EXPECT_EQ(m.Newest("loop").message, fail ? "Max iterations reached" : "");
    EXPECT_EQ(m.faults(), "");
  }
}

TEST(LoopUntil, AConditionOnTheCountEndsOneRoundEarly) {
  Machine m(Build({.tasks = {Loop("{{ outputs.loop.iterationCount >= 2 }}", {{"interval", "PT1S"}}, {Job("a")})}}));
  m.DoAll({"submit", "finish a SUCCESS"});
  EXPECT_EQ(m.State(), "SUCCESS");
  EXPECT_EQ(ToJson(Value(m.Newest("loop").outputs)), "{\"iterationCount\":2}");
  EXPECT_EQ(m.faults(), "");
}

TEST(LoopUntil, MaxDurationIsLookedAtWhenARoundEnds) {
  Machine m(Build({.tasks = {Poll()}}));
  m.DoAll({"submit", "wait PT6H", "finish check FAILED {\"exitCode\":1}"});
  EXPECT_EQ(m.StateOf("loop"), "PAUSED");  // exactly six hours are not more than six hours
  m.DoAll({"fire interval loop", "finish check FAILED {\"exitCode\":1}"});
  EXPECT_EQ(m.StateOf("loop"), "FAILED");
  EXPECT_EQ(m.Newest("loop").message, "Max duration reached");
  EXPECT_EQ(m.State(), "FAILED");
  EXPECT_EQ(m.faults(), "");
}

TEST(LoopUntil, AFailedChildRunsTheErrorsAndFailsTheLoop) {
  Machine m(Build({.tasks = {Loop("{{ true }}", {}, {Job("a"), Job("b")}).Errors({Job("e")})}}));
  m.DoAll({"submit", "finish a FAILED"});
  EXPECT_FALSE(m.Has("b"));
  m.Do("finish e SUCCESS");
  EXPECT_EQ(m.StateOf("loop"), "FAILED");
  EXPECT_EQ(m.faults(), "");
}

TEST(LoopUntil, AConditionThatCannotBeEvaluatedFailsTheLoop) {
  Machine m(Build({.tasks = {Loop("{{ outputs.a.nothing }}", {}, {Job("a")})}}));
  m.DoAll({"submit", "finish a SUCCESS {\"x\":1}"});
  EXPECT_EQ(m.State(), "FAILED");
  EXPECT_TRUE(m.Newest("loop").message.starts_with("Failed evaluating condition: ")) << m.Newest("loop").message;
  EXPECT_EQ(m.faults(), "");
}

TEST(LoopUntil, NestedFlowablesOfARoundAreHistoryToo) {
  Machine m(Build({.tasks = {Loop("{{ outputs.b.done ?? false }}", {{"interval", "PT1M"}},
                                  {Sequential("s", {Job("a"), Parallel("p", {Job("b"), Job("c")})})})}}));
  m.DoAll({"submit", "finish a SUCCESS", "finish b SUCCESS", "finish c SUCCESS", "fire interval loop"});
  EXPECT_EQ(m.execution().task_runs.size(), 8U);
  for (std::size_t i = 1; i <= 5; ++i) EXPECT_TRUE(m.execution().task_runs[i].superseded) << i;
  m.DoAll({"finish a SUCCESS", "finish b SUCCESS {\"done\":true}", "finish c SUCCESS"});
  EXPECT_EQ(m.State(), "SUCCESS");
  EXPECT_EQ(m.faults(), "");
}

TEST(LoopUntil, RoundsThatAreTooOldAreForgotten) {
  Machine m(Build({.tasks = {Loop("{{ false }}", {{"interval", "PT1M"}}, {Sequential("s", {Job("a")})}), Job("b")}}));
  constexpr int kRounds = 520;  // 500 are kept
  m.Do("submit");
  for (int round = 1; round < kRounds; ++round) m.DoAll({"finish a SUCCESS {\"x\":1}", "fire interval loop"});
  std::size_t kept = 0;
  std::size_t forgotten = 0;
  for (const model::TaskRun& run : m.execution().task_runs) {
    if (run.superseded) ++(run.id.empty() ? forgotten : kept);
    EXPECT_TRUE(!run.id.empty() || (run.outputs.empty() && run.attempts.empty()));
  }
  EXPECT_EQ(kept, 2U * 500U);
  EXPECT_EQ(forgotten, 2U * (kRounds - 1 - 500));
  EXPECT_EQ(m.Newest("loop").iteration, kRounds - 1);
  EXPECT_EQ(m.faults(), "");
}

TEST(LoopUntil, TheExecutionIsPausedOnlyWhileNothingElseRuns) {
  Machine m(Build({.tasks = {Parallel("p", {Loop("{{ false }}", {}, {Job("a")}), Job("b")})}}));
  m.DoAll({"submit", "finish a SUCCESS"});
  EXPECT_EQ(m.StateOf("loop"), "PAUSED");
  EXPECT_EQ(m.State(), "RUNNING");
  m.Do("finish b SUCCESS");
  EXPECT_EQ(m.State(), "PAUSED");
  m.Do("fire interval loop");
  EXPECT_EQ(m.State(), "RUNNING");
  EXPECT_EQ(m.faults(), "");
}

TEST(LoopUntil, ARestartGivesItsLimitsAnew) {
  Machine m(Build({.tasks = {Poll(), Job("next")}}));
  m.DoAll({"submit", "wait PT7H", "finish check FAILED {\"exitCode\":1}"});
  EXPECT_EQ(m.State(), "FAILED");
  m.Do("wait PT1H");
  m.Do("restart");
  EXPECT_EQ(m.Newest("loop").deadline, m.now() + std::chrono::hours(6));
  EXPECT_EQ(m.Newest("loop").iteration, 1);
  m.DoAll({"wait PT5H", "finish check FAILED {\"exitCode\":1}"});
  EXPECT_EQ(m.StateOf("loop"), "PAUSED");
  m.DoAll({"fire interval loop", "finish check SUCCESS {\"exitCode\":0}", "finish next SUCCESS"});
  EXPECT_EQ(m.State(), "SUCCESS");
  EXPECT_EQ(m.faults(), "");
}

TEST(LoopUntil, LoopsWithinLoops) {
  TaskSpec inner = Make("inner", "LoopUntil", {{"condition", "{{ outputs.a.ok }}"}}, {Job("a")});
  Machine m(Build({.tasks = {Loop("{{ outputs.a.all }}", {{"interval", "PT1H"}}, {std::move(inner)})}}));
  m.DoAll({"submit", "finish a SUCCESS {\"ok\":false}", "fire interval inner",
           "finish a SUCCESS {\"ok\":true,\"all\":false}"});
  EXPECT_EQ(m.StateOf("inner"), "SUCCESS");
  EXPECT_EQ(m.StateOf("loop"), "PAUSED");
  m.DoAll({"fire interval loop", "finish a SUCCESS {\"ok\":true,\"all\":true}"});
  EXPECT_EQ(m.State(), "SUCCESS");
  EXPECT_EQ(m.faults(), "");
}

}  // namespace
}  // namespace headrace::executor_test
