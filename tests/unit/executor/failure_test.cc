// Fences, lost workers, retries, timeouts and kill.
#include <gtest/gtest.h>

#include "executor/bookkeeping.h"
#include "executor/lost_workers.h"
#include "tests/unit/executor/flow_builder.h"
#include "tests/unit/executor/machine.h"

namespace headrace::executor_test {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

model::RetryPolicy Constant(int attempts, Duration interval = seconds(10)) {
  model::RetryPolicy policy;
  policy.interval = interval;
  policy.max_attempts = attempts;
  return policy;
}

TaskSpec Retried(std::string id, model::RetryPolicy policy) {
  return Job(std::move(id)).With([policy](model::Task& task) { task.retry = policy; });
}

TaskSpec Timed(TaskSpec spec, std::string timeout) {
  return std::move(spec).With([timeout](model::Task& task) { task.timeout = timeout; });
}

TEST(Fence, WhatDoesNotMatchChangesNothing) {
  Machine m(Build({.tasks = {Job("a"), Job("b")}}));
  m.Do("submit");
  EXPECT_EQ(m.Do("again"), "  nothing\n");
  const model::Execution before = m.execution();
  const WorkerId worker("w");
  for (const model::Fence fence : {model::Fence{0, 2, 1}, model::Fence{0, 1, 2}, model::Fence{7, 1, 1}}) {
    EXPECT_TRUE(m.Post(model::TaskStarted{fence, worker}).delta.empty());
    EXPECT_TRUE(m.Post(model::TaskFinished{fence, worker}).delta.empty());
    EXPECT_TRUE(m.Post(model::TaskLost{fence, ""}).delta.empty());
  }
  EXPECT_EQ(m.execution(), before);
  m.Do("start a");
  EXPECT_EQ(m.Do("again"), "  nothing\n");
  m.Do("finish a SUCCESS");
  EXPECT_EQ(m.Do("again"), "  nothing\n");
  EXPECT_EQ(m.faults(), "");
}

TEST(Fence, AnExecutionWithoutASubmissionIgnoresEverything) {
  Machine m(Build({.tasks = {Job("a")}}));
  EXPECT_EQ(m.Do("kill"), "  nothing\n");
  EXPECT_EQ(m.Do("restart"), "  nothing\n");
  EXPECT_TRUE(m.Post(model::TimerFired{{model::TimerKind::kRetry, 0, 1}}).delta.empty());
  EXPECT_TRUE(m.Post(model::ChildEnded{0, 1, ExecutionId("x"), model::State::kSuccess, {}}).delta.empty());
  EXPECT_TRUE(m.Post(model::ChildRestarted{0, ExecutionId("x")}).delta.empty());
}

TEST(Fence, AReportOfAStartThatNeverCameTellsTheTime) {
  Machine m(Build({.tasks = {Job("a")}}));
  m.Do("submit");
  const Timestamp submitted = m.now();
  m.Wait(seconds(10));
  m.Post(model::TaskFinished{m.Newest("a").fence(), WorkerId("w9"), model::State::kSuccess, {}, "", submitted + seconds(4)});
  EXPECT_EQ(Machine::History(m.Newest("a").state), "CREATED SUBMITTED RUNNING SUCCESS");
  EXPECT_EQ(m.Newest("a").state.changes[2].at, submitted + seconds(4));
  EXPECT_EQ(m.Newest("a").attempts[0].state.started(), submitted + seconds(4));
  EXPECT_EQ(m.Newest("a").attempts[0].worker, WorkerId("w9"));
}

TEST(Fence, AWorkersClockThatIsWrongDoesNotBendTheHistory) {
  for (const Duration skew : {Duration(-minutes(60)), Duration(minutes(60))}) {
    Machine m(Build({.tasks = {Job("a")}}));
    m.Do("submit");
    const Timestamp submitted = m.now();
    m.Wait(seconds(1));
    m.Post(model::TaskFinished{m.Newest("a").fence(), WorkerId("w"), model::State::kSuccess, {}, "", m.now() + skew});
    const auto& changes = m.Newest("a").state.changes;
    for (std::size_t i = 1; i < changes.size(); ++i) EXPECT_GE(changes[i].at, changes[i - 1].at);
    EXPECT_GE(changes[2].at, submitted);
    EXPECT_LE(changes[2].at, m.now());
  }
}

TEST(Fence, AnOutcomeThatIsNoneIsAFailure) {
  Machine m(Build({.tasks = {Job("a")}}));
  m.DoAll({"submit", "start a", "finish a PAUSED"});
  EXPECT_EQ(m.State(), "FAILED");
}

TEST(Lost, ATaskIsGivenAgainUnderANewDelivery) {
  Machine m(Build({.tasks = {Job("a")}}));
  m.DoAll({"submit", "start a"});
  EXPECT_EQ(m.Do("lose a"),
            "  a: SUBMITTED\n"
            "  EmitLog WARN a: The worker was lost (gone); the task is given to another one\n"
            "  DispatchTask a attempt 1 delivery 2\n");
  EXPECT_EQ(Machine::History(m.Newest("a").attempts[0].state), "CREATED RUNNING RESUBMITTED");
  EXPECT_EQ(m.Do("again"), "  nothing\n");
  m.DoAll({"start a", "finish a SUCCESS"});
  EXPECT_EQ(m.Newest("a").attempts.size(), 2U);
  EXPECT_EQ(m.State(), "SUCCESS");
  EXPECT_EQ(m.faults(), "");
}

TEST(Lost, ATaskThatTakesTenWorkersDownFails) {
  Machine m(Build({.tasks = {Retried("a", Constant(9))}}));
  m.DoAll({"submit", "lose a", "start a"});
  for (int i = 0; i < 8; ++i) m.Do("lose a");
  EXPECT_EQ(m.Newest("a").delivery, 10U);
  EXPECT_EQ(m.State(), "RUNNING");
  m.Do("lose a");
  EXPECT_EQ(m.State(), "FAILED");
  EXPECT_EQ(m.Newest("a").message, "worker lost 10 times: gone");
  EXPECT_EQ(m.faults(), "");
}

model::TaskLost Died(Machine& m, const std::string& worker, std::uint64_t process) {
  return {m.Newest("a").fence(), "worker " + worker + " was lost", WorkerId(worker), process};
}

TEST(Lost, ATaskThatTakesThreeWorkersDownIsQuarantined) {
  Machine m(Build({.tasks = {Retried("a", Constant(9)), Job("b")}, .errors = {Job("alarm")}}));
  m.DoAll({"submit", "start a"});
  m.Post(Died(m, "ada", 1));
  m.Do("start a");
  // A worker that was cut off twice is one; so is one that its scheduler's end has made unknown.
  m.Post(Died(m, "ada", 1));
  m.DoAll({"start a", "lose a", "start a", "finish a FAILED by itself", "fire retry a"});
  m.Post(Died(m, "bob", 2));  // before its word that it had begun
  EXPECT_EQ(executor::LostWorkers(m.Newest("a")), (std::vector<WorkerId>{WorkerId("ada"), WorkerId("bob")}));
  EXPECT_FALSE(executor::IsQuarantined(m.Newest("a")));
  m.Do("start a");
  // The same name, but another process.
  m.Post(Died(m, "ada", 3));
  EXPECT_TRUE(executor::IsQuarantined(m.Newest("a")));
  EXPECT_EQ(m.Newest("a").state.current(), model::State::kFailed);
  EXPECT_TRUE(m.Newest("a").message.starts_with("QUARANTINED: 3 workers were lost while they ran it (ada, bob and ada)")) << m.Newest("a").message;
  EXPECT_NE(m.Newest("a").message.find("headrace exec restart"), std::string::npos);
  m.DoAll({"start alarm", "finish alarm SUCCESS"});
  EXPECT_EQ(m.State(), "FAILED");
  EXPECT_EQ(m.faults(), "");
  // Who restarts it has found the cause: three other workers may be tried.
  m.Wait(seconds(1));
  m.Do("restart");
  EXPECT_EQ(executor::LostWorkers(m.Newest("a")).size(), 0U);
  m.Do("start a");
  m.Post(Died(m, "cyd", 4));
  EXPECT_EQ(m.State(), "RUNNING");
  EXPECT_EQ(m.faults(), "");
}

TEST(Lost, WhoeverForbidsItIsNotRunTwice) {
  const auto once = [](TaskSpec spec) {
    return std::move(spec).With([](model::Task& task) {
      task.on_worker_lost = model::OnWorkerLost::kFail;
      task.retry = Constant(9);
    });
  };
  for (const bool started : {true, false}) {
    Machine m(Build({.tasks = {once(Job("a")), Job("b")}}));
    m.Do("submit");
    if (started) m.Do("start a");
    m.Post(Died(m, "ada", 1));
    EXPECT_EQ(m.State(), "FAILED");
    EXPECT_EQ(m.Newest("a").delivery, 1U);
    EXPECT_EQ(m.Newest("a").attempts.size(), 1U);
    EXPECT_EQ(m.Newest("a").attempts[0].worker, WorkerId("ada"));
    EXPECT_TRUE(m.Newest("a").message.starts_with("WORKER_LOST: worker ada was lost, and onWorkerLost is FAIL")) << m.Newest("a").message;
    EXPECT_FALSE(executor::IsQuarantined(m.Newest("a")));
    EXPECT_EQ(m.faults(), "");
  }
  // Nobody knows what became of it: that is no better.
  Machine m(Build({.tasks = {once(Job("a"))}}));
  m.DoAll({"submit", "start a", "lose a"});
  EXPECT_EQ(m.State(), "FAILED");
}

TEST(Retry, RetriesUntilAttemptsAreSpent) {
  Machine m(Build({.tasks = {Retried("a", Constant(3))}}));
  m.DoAll({"submit", "start a"});
  EXPECT_EQ(m.Do("finish a FAILED {\"exitCode\":2} boom"),
            "  execution: RETRYING\n"
            "  a: RETRYING\n"
            "  a outputs {\"exitCode\":2}\n"
            "  SetTimer retry a in PT10S\n");
  EXPECT_TRUE(m.live().only_waits());
  EXPECT_EQ(m.Do("fire retry a"),
            "  execution: RUNNING\n"
            "  a: CREATED SUBMITTED\n"
            "  DispatchTask a attempt 2 delivery 1\n");
  m.DoAll({"finish a FAILED", "fire retry a", "finish a FAILED the last"});
  EXPECT_EQ(m.State(), "FAILED");
  EXPECT_EQ(m.Newest("a").attempts.size(), 3U);
  EXPECT_EQ(m.Newest("a").message, "the last");
  EXPECT_EQ(m.faults(), "");
}

TEST(Retry, WarningOnRetryLooksAtTheTasksOwnPolicy) {
  for (const bool own : {true, false}) {
    model::RetryPolicy policy = Constant(3);
    policy.warning_on_retry = true;
    FlowSpec spec{.tasks = {own ? Retried("a", policy) : Job("a")}};
    if (!own) spec.retry = policy;
    Machine m(Build(std::move(spec)));
    m.DoAll({"submit", "finish a FAILED", "fire retry a", "finish a SUCCESS"});
    EXPECT_EQ(m.StateOf("a"), own ? "WARNING" : "SUCCESS");
    EXPECT_EQ(m.faults(), "");
  }
}

TEST(Retry, AllowFailureWaitsUntilTheRetriesAreSpent) {
  Machine m(Build({.tasks = {Retried("a", Constant(2)).With([](model::Task& task) {
                     task.retry = Constant(2);
                     task.allow_failure = true;
                   })}}));
  m.DoAll({"submit", "finish a FAILED"});
  EXPECT_EQ(m.StateOf("a"), "RETRYING");
  m.DoAll({"fire retry a", "finish a FAILED"});
  EXPECT_EQ(m.StateOf("a"), "WARNING");
  EXPECT_EQ(m.faults(), "");
}

TEST(Retry, TheNearestPolicyCounts) {
  Machine m(Build({.tasks = {Sequential("s", {Retried("a", Constant(0, seconds(1))), Sequential("t", {Job("b")})})
                                 .With([](model::Task& task) { task.retry = Constant(0, seconds(2)); })},
                   .errors = {Job("e")},
                   .retry = Constant(0, seconds(3))}));
  m.Do("submit");
  EXPECT_NE(m.Do("finish a FAILED").find("in PT1S"), std::string::npos);
  m.DoAll({"fire retry a", "finish a SUCCESS"});
  EXPECT_NE(m.Do("finish b FAILED").find("in PT2S"), std::string::npos);
  Machine flow(Build({.tasks = {Job("c")}, .retry = Constant(0, seconds(3))}));
  flow.Do("submit");
  EXPECT_NE(flow.Do("finish c FAILED").find("in PT3S"), std::string::npos);
  EXPECT_EQ(m.faults() + flow.faults(), "");
}

TEST(Retry, ExponentialGrowsToItsCap) {
  model::RetryPolicy policy = Constant(0, seconds(1));
  policy.kind = model::RetryPolicy::Kind::kExponential;
  policy.delay_factor = 3;
  policy.max_interval = seconds(20);
  Machine m(Build({.tasks = {Retried("a", policy)}}));
  m.Do("submit");
  for (const char* wait : {"in PT1S", "in PT3S", "in PT9S", "in PT20S", "in PT20S"}) {
    const std::string text = m.Do("finish a FAILED");
    EXPECT_NE(text.find(wait), std::string::npos) << text;
    m.Do("fire retry a");
  }
  policy.max_interval = Duration(0);
  policy.delay_factor = 1e9;
  Machine never(Build({.tasks = {Retried("a", policy)}}));
  never.DoAll({"submit", "finish a FAILED", "fire retry a", "finish a FAILED", "fire retry a", "finish a FAILED"});
  EXPECT_GT(*never.Newest("a").due, never.now());  // no overflow into the past
}

TEST(Retry, RandomIsBetweenItsBoundsAndAlwaysTheSame) {
  model::RetryPolicy policy = Constant(0);
  policy.kind = model::RetryPolicy::Kind::kRandom;
  policy.min_interval = seconds(10);
  policy.max_interval = seconds(20);
  std::vector<Duration> delays[2];
  for (auto& run : delays) {
    Machine m(Build({.tasks = {Retried("a", policy)}}));
    m.Do("submit");
    for (int i = 0; i < 20; ++i) {
      m.Do("finish a FAILED");
      run.push_back(*m.Newest("a").due - m.now());
      m.Do("fire retry a");
    }
  }
  EXPECT_EQ(delays[0], delays[1]);
  EXPECT_GE(*std::min_element(delays[0].begin(), delays[0].end()), seconds(10));
  EXPECT_LE(*std::max_element(delays[0].begin(), delays[0].end()), seconds(20));
  EXPECT_NE(delays[0].front(), delays[0].back());
}

TEST(Retry, MaxDurationCountsFromTheFirstAttempt) {
  model::RetryPolicy policy = Constant(0, minutes(4));
  policy.max_duration = minutes(10);
  Machine m(Build({.tasks = {Retried("a", policy)}}));
  m.DoAll({"submit", "start a", "finish a FAILED", "fire retry a", "finish a FAILED", "fire retry a"});
  m.Do("finish a FAILED");  // the next would be at 12 minutes
  EXPECT_EQ(m.State(), "FAILED");
  EXPECT_EQ(m.faults(), "");
}

TEST(Timeout, ARunnableTasksClockStartsWithItsWorker) {
  Machine m(Build({.tasks = {Timed(Job("a"), "PT5M")}}));
  m.Do("submit");
  EXPECT_TRUE(m.timers().empty());
  m.Wait(minutes(60));
  EXPECT_EQ(m.Do("start a"), "  a: RUNNING\n  SetTimer timeout a in PT5M\n");
  EXPECT_EQ(m.Do("fire timeout a"),
            "  execution: FAILED\n"
            "  a: FAILED\n"
            "  CancelTask a attempt 1 delivery 1: Timeout after PT5M\n"
            "  EmitLog ERROR a: Timeout after PT5M\n"
            "  ClearTimer timeout a\n"
            "  EmitLog INFO: Flow completed with state FAILED in 01:05:00.000\n"
            "  EndExecution FAILED\n");
  EXPECT_EQ(m.faults(), "");
}

TEST(Timeout, IsRetriedAndClearedByTheEnd) {
  Machine m(Build({.tasks = {Timed(Job("a"), "{{ inputs.t }}").With([](model::Task& task) {
                     task.retry = Constant(2);
                     task.timeout = "{{ inputs.t }}";
                   })}}));
  m.DoAll({"submit {\"t\":\"PT30S\"}", "start a", "fire timeout a"});
  EXPECT_EQ(m.StateOf("a"), "RETRYING");
  m.DoAll({"fire retry a", "start a", "finish a SUCCESS"});
  EXPECT_TRUE(m.timers().empty());
  EXPECT_EQ(m.State(), "SUCCESS");
  EXPECT_EQ(m.faults(), "");
}

TEST(Timeout, OfALostDeliveryDoesNotCutTheNextOneShort) {
  Machine m(Build({.tasks = {Timed(Job("a"), "PT5M")}}));
  m.DoAll({"submit", "start a", "wait PT4M", "lose a", "start a"});
  const model::TimerId timer{model::TimerKind::kTimeout, 0, 1};
  m.Wait(minutes(1));
  m.Post(model::TimerFired{timer});
  EXPECT_EQ(m.StateOf("a"), "RUNNING");
  EXPECT_EQ(m.timers().at(timer), m.now() + minutes(4));
  m.Do("fire timeout a");
  EXPECT_EQ(m.StateOf("a"), "FAILED");
  EXPECT_EQ(m.faults(), "");
}

TEST(Timeout, OfAFlowableEndsWhatRunsBelowIt) {
  Machine m(Build({.tasks = {Timed(Parallel("p", {Job("a"), Sequential("s", {Job("b")}),
                                                  Make("loop", "LoopUntil", {{"condition", "{{ false }}"}}, {Job("c")})}),
                                   "PT1H")},
                   .errors = {Job("e")}}));
  m.DoAll({"submit", "start a", "finish c SUCCESS"});
  m.Do("fire timeout p");
  EXPECT_EQ(m.StateOf("p"), "FAILED");
  for (const char* task : {"a", "s", "b", "loop"}) EXPECT_EQ(m.StateOf(task), "KILLED") << task;
  EXPECT_EQ(m.StateOf("e"), "SUBMITTED");
  EXPECT_TRUE(m.timers().empty());
  EXPECT_EQ(m.faults(), "");
}

TEST(Timeout, ThatIsNoneFailsTheTask) {
  Machine m(Build({.tasks = {Timed(Job("a"), "soon")}}));
  m.Do("submit");
  EXPECT_EQ(m.State(), "FAILED");
  EXPECT_TRUE(m.Newest("a").message.starts_with("Failed evaluating timeout: ")) << m.Newest("a").message;
  Machine s(Build({.tasks = {Timed(Sequential("s", {Job("a")}), "{{ nothing }}")}}));
  s.Do("submit");
  EXPECT_EQ(s.State(), "FAILED");
  EXPECT_EQ(m.faults() + s.faults(), "");
}

TEST(Kill, WaitsForWorkersAndEndsWhatOnlyWaits) {
  Machine m(Build({.tasks = {Parallel("p", {Job("a"), Retried("r", Constant(5)),
                                            Make("loop", "LoopUntil", {{"condition", "{{ false }}"}}, {Job("c")})}),
                             Job("d")},
                   .errors = {Job("e")}, .finally = {Job("f")}, .after_execution = {Job("z")}}));
  m.DoAll({"submit", "start a", "finish r FAILED", "finish c SUCCESS"});
  EXPECT_EQ(m.Do("kill enough"),
            "  execution: KILLING\n"
            "  r: KILLED\n"
            "  loop: KILLED\n"
            "  EmitLog WARN: Killed: enough\n"
            "  ClearTimer interval loop\n"
            "  ClearTimer retry r\n"
            "  CancelTask a attempt 1 delivery 1: enough\n");
  EXPECT_EQ(m.Do("again"), "  nothing\n");
  m.Do("finish a KILLED");
  EXPECT_EQ(m.StateOf("p"), "KILLED");
  EXPECT_EQ(m.State(), "KILLED");
  EXPECT_FALSE(m.Has("e") || m.Has("f") || m.Has("d"));
  EXPECT_EQ(m.StateOf("z"), "SUBMITTED");
  m.Do("finish z SUCCESS");
  EXPECT_TRUE(m.live().ended());
  EXPECT_EQ(m.Do("restart"), "  nothing\n");
  EXPECT_EQ(m.faults(), "");
}

TEST(Kill, TakesWhateverTheWorkerStillReports) {
  for (const char* end : {"finish a SUCCESS", "finish a FAILED", "lose a"}) {
    Machine m(Build({.tasks = {Retried("a", Constant(5)), Job("b")}}));
    m.DoAll({"submit", "kill", end});
    EXPECT_EQ(m.State(), "KILLED") << end;
    EXPECT_FALSE(m.Has("b"));
    EXPECT_TRUE(m.live().ended());
    EXPECT_EQ(m.faults(), "");
  }
}

TEST(Kill, OfAnExecutionThatOnlyWaitsIsImmediate) {
  Machine m(Build({.tasks = {Make("loop", "LoopUntil", {{"condition", "{{ false }}"}}, {Job("c")})}}));
  m.DoAll({"submit", "finish c SUCCESS", "kill"});
  EXPECT_EQ(Machine::History(m.execution().state), "CREATED RUNNING PAUSED KILLING KILLED");
  EXPECT_TRUE(m.live().ended());
  EXPECT_EQ(m.faults(), "");
}

TEST(Kill, WhileAfterExecutionRunsEndsThatAlone) {
  Machine m(Build({.tasks = {Job("a")}, .after_execution = {Job("z"), Job("y")}}));
  m.DoAll({"submit", "finish a SUCCESS"});
  m.Do("kill");
  EXPECT_EQ(m.State(), "SUCCESS");
  EXPECT_EQ(m.StateOf("z"), "KILLED");
  EXPECT_FALSE(m.Has("y"));
  EXPECT_TRUE(m.live().ended());
  EXPECT_EQ(m.faults(), "");
}

TEST(Restore, RefusesARecordThatDoesNotFitItsFlow) {
  Machine m(Build({.tasks = {Sequential("s", {Job("a")})}}));
  m.Do("submit");
  const auto restored = [&](auto change) {
    model::Execution execution = m.execution();
    change(execution);
    return executor::LiveExecution::Restore(m.live().program_ptr(), std::move(execution));
  };
  EXPECT_TRUE(restored([](auto&) {}));
  using E = model::Execution;
  const std::vector<std::function<void(E&)>> faults = {
      [](E& e) { e.task_runs[1].index = 7; },       [](E& e) { e.task_runs[1].task = 99; },
      [](E& e) { e.task_runs[1].parent = 1; },      [](E& e) { e.task_runs[1].parent.reset(); },
      [](E& e) { e.task_runs[0].superseded = true; }, [](E& e) { e.task_runs[1].state.changes.clear(); }};
  for (const auto& fault : faults) {
    const auto result = restored(fault);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, Code::kDataLoss);
  }
}

}  // namespace
}  // namespace headrace::executor_test
