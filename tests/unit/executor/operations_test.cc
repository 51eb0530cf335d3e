// What people and limits do to an execution: queue, hold, mark, correct, replay, retry anew; and its SLAs.
#include <gtest/gtest.h>

#include "tests/unit/executor/flow_builder.h"
#include "tests/unit/executor/machine.h"

namespace headrace::executor_test {
namespace {

using model::Admission;

model::Submitted Submission(const Machine& m, Admission admission, std::string reason = "") {
  model::Submitted submitted{m.execution().id};
  submitted.admission = admission;
  submitted.reason = std::move(reason);
  return submitted;
}

TEST(Queue, AnExecutionWaitsForItsSlot) {
  Machine m(Build({.tasks = {Job("a")}}));
  m.Post(Submission(m, Admission::kQueue, "full"));
  EXPECT_EQ(Machine::History(m.execution().state), "CREATED QUEUED");
  EXPECT_FALSE(m.Has("a"));
  m.DoAll({"unqueue", "finish a SUCCESS"});
  EXPECT_EQ(Machine::History(m.execution().state), "CREATED QUEUED RUNNING SUCCESS");
  EXPECT_EQ(m.Do("unqueue"), "  nothing\n");
  EXPECT_EQ(m.faults(), "");
}

TEST(Queue, IsLeftByAKillToo) {
  Machine m(Build({.tasks = {Job("a")}}));
  m.Post(Submission(m, Admission::kQueue));
  EXPECT_EQ(m.Do("kill"), "  execution: KILLED\n  EndExecution KILLED\n");
  EXPECT_EQ(m.faults(), "");
}

TEST(Queue, ALimitOrACheckTurnsAnExecutionAway) {
  Machine cancelled(Build({.tasks = {Job("a")}}));
  cancelled.Post(Submission(cancelled, Admission::kCancel, "full"));
  EXPECT_EQ(Machine::History(cancelled.execution().state), "CREATED CANCELLED");
  Machine failed(Build({.tasks = {Job("a")}}));
  failed.Post(Submission(failed, Admission::kFail, "no"));
  EXPECT_EQ(Machine::History(failed.execution().state), "CREATED FAILED");
  EXPECT_EQ(failed.execution().message, "no");
  EXPECT_TRUE(failed.live().ended());
}

TEST(Queue, ARestartedExecutionMayHaveToWaitToo) {
  Machine m(Build({.tasks = {Job("a")}}));
  m.DoAll({"submit", "finish a FAILED"});
  m.Post(model::RestartRequested{Admission::kQueue});
  EXPECT_EQ(m.State(), "QUEUED");
  EXPECT_EQ(m.StateOf("a"), "RESTARTED");
  m.DoAll({"unqueue", "finish a SUCCESS"});
  EXPECT_EQ(m.State(), "SUCCESS");
  EXPECT_EQ(m.faults(), "");
}

TEST(Schedule, AnExecutionBeginsAtItsTime) {
  Machine m(Build({.tasks = {Job("a")}}));
  model::Submitted submitted{m.execution().id};
  submitted.scheduled = m.now() + std::chrono::hours(2);
  m.Post(submitted);
  EXPECT_EQ(m.State(), "CREATED");
  EXPECT_EQ(m.timers().size(), 1U);
  m.Do("fire start 0");
  EXPECT_EQ(m.StateOf("a"), "SUBMITTED");
  EXPECT_EQ(m.faults(), "");
}

TEST(Hold, NothingNewBeginsUntilItIsResumed) {
  Machine m(Build({.tasks = {Job("a"), Job("b")}}));
  m.DoAll({"submit", "pause"});
  EXPECT_EQ(m.State(), "PAUSED");
  EXPECT_EQ(m.Do("pause"), "  nothing\n");
  m.Do("finish a SUCCESS");
  EXPECT_EQ(m.StateOf("b"), "CREATED");
  EXPECT_EQ(m.State(), "PAUSED");
  m.Do("resume");
  EXPECT_EQ(m.StateOf("b"), "SUBMITTED");
  EXPECT_EQ(m.State(), "RUNNING");
  m.Do("finish b SUCCESS");
  EXPECT_EQ(m.State(), "SUCCESS");
  EXPECT_EQ(m.faults(), "");
}

TEST(Hold, AHeldExecutionCanBeKilled) {
  Machine m(Build({.tasks = {Job("a"), Job("b")}}));
  m.DoAll({"submit", "pause", "finish a SUCCESS", "kill"});
  EXPECT_EQ(m.State(), "KILLED");
  EXPECT_EQ(m.StateOf("b"), "KILLED");
  EXPECT_EQ(m.faults(), "");
}

TEST(Mark, AFailedTaskCountsAsAPersonSaysAndTheFlowGoesOn) {
  Machine m(Build({.tasks = {Sequential("s", {Job("a"), Job("b")}), Job("c")}, .errors = {Job("e")}}));
  m.DoAll({"submit", "finish a FAILED", "finish e SUCCESS"});
  EXPECT_EQ(m.State(), "FAILED");
  m.Do("mark a SUCCESS");
  EXPECT_EQ(m.StateOf("a"), "SUCCESS");
  EXPECT_EQ(m.StateOf("s"), "RUNNING");
  EXPECT_EQ(m.StateOf("b"), "SUBMITTED");
  EXPECT_FALSE(m.Has("e"));
  m.DoAll({"finish b SUCCESS", "finish c SUCCESS"});
  EXPECT_EQ(m.State(), "SUCCESS");
  EXPECT_EQ(Machine::History(m.execution().state), "CREATED RUNNING FAILED RESTARTED RUNNING SUCCESS");
  EXPECT_EQ(m.faults(), "");
}

TEST(Mark, NotAfterAKill) {
  Machine m(Build({.tasks = {Job("a")}}));
  m.DoAll({"submit", "kill", "finish a KILLED"});
  EXPECT_EQ(m.Do("mark a SUCCESS"), "  nothing\n");
}

TEST(Status, APersonCorrectsAnEnd) {
  Machine m(Build({.tasks = {Job("a")}}));
  m.Do("submit");
  EXPECT_EQ(m.Do("status SUCCESS"), "  nothing\n");
  m.Do("finish a FAILED");
  m.Do("status WARNING");
  EXPECT_EQ(m.State(), "WARNING");
  EXPECT_EQ(m.faults(), "");
}

TEST(Replay, BeginsAtTheChosenTaskAndKeepsWhatCameBefore) {
  const model::FlowPtr flow = Build({.tasks = {Job("a"), Sequential("s", {Job("b"), Job("c")}), Job("d")}});
  Machine first(flow);
  first.DoAll({"submit {\"v\":1}", "finish a SUCCESS {\"x\":1}", "finish b SUCCESS", "finish c SUCCESS", "finish d FAILED"});
  auto source = std::make_shared<model::ReplaySource>();
  source->execution = first.execution();
  source->from = first.Newest("c").index;
  Machine m(flow);
  model::Submitted submitted{m.execution().id};
  submitted.original_id = ExecutionId("0000000000000000000009");
  submitted.replay = source;
  m.Post(submitted);
  EXPECT_EQ(m.State(), "RUNNING");
  EXPECT_EQ(ToJson(Value(m.Newest("a").outputs)), "{\"x\":1}");
  EXPECT_EQ(m.StateOf("b"), "SUCCESS");
  EXPECT_EQ(m.StateOf("s"), "RUNNING");
  EXPECT_EQ(m.StateOf("c"), "SUBMITTED");
  EXPECT_FALSE(m.Has("d"));
  m.DoAll({"finish c SUCCESS", "finish d SUCCESS"});
  EXPECT_EQ(m.State(), "SUCCESS");
  EXPECT_EQ(m.faults(), "");
}

TEST(RetryAnew, TheFlowIsTriedAgainAsAnotherExecution) {
  model::RetryPolicy policy;
  policy.interval = std::chrono::seconds(10);
  policy.max_attempts = 2;
  policy.behavior = model::RetryPolicy::Behavior::kCreateNewExecution;
  Machine m(Build({.tasks = {Parallel("p", {Job("a"), Job("b")})}, .retry = policy}));
  m.DoAll({"submit", "finish a FAILED"});
  EXPECT_EQ(m.StateOf("a"), "RETRYING");
  const std::string text = m.Do("fire retry a");
  EXPECT_NE(text.find("StartReplacement"), std::string::npos) << text;
  EXPECT_NE(text.find("EndExecution RETRIED"), std::string::npos) << text;
  EXPECT_EQ(m.State(), "RETRIED");
  EXPECT_EQ(m.StateOf("b"), "KILLED");
  EXPECT_EQ(m.faults(), "");

  Machine last(Build({.tasks = {Job("a")}, .retry = policy}));
  model::Submitted submitted{last.execution().id};
  submitted.attempt_number = 2;
  last.Post(submitted);
  last.Do("finish a FAILED");
  EXPECT_EQ(last.State(), "FAILED");
}

TEST(Sla, AnExecutionThatTakesTooLongEndsAsItSays) {
  model::Sla sla{.id = "soon", .duration = std::chrono::minutes(5), .labels = {{"sla", "miss"}}};
  sla.behavior = model::Sla::Behavior::kCancel;
  Machine m(Build({.tasks = {Job("a")}, .slas = {sla}}));
  m.DoAll({"submit", "fire sla 0"});
  EXPECT_EQ(m.State(), "CANCELLED");
  EXPECT_EQ(m.StateOf("a"), "KILLED");
  EXPECT_EQ(m.execution().labels.back(), (model::Label{"sla", "miss"}));
  EXPECT_EQ(m.faults(), "");
}

TEST(Sla, IsOverWithTheExecution) {
  model::Sla sla{.id = "soon", .duration = std::chrono::minutes(5)};
  Machine m(Build({.tasks = {Job("a")}, .slas = {sla}}));
  m.DoAll({"submit", "finish a SUCCESS"});
  EXPECT_TRUE(m.timers().empty());
  EXPECT_EQ(m.State(), "SUCCESS");
  EXPECT_EQ(m.faults(), "");
}

TEST(Sla, AnAssertionIsAskedAfterEveryChange) {
  model::Sla sla{.id = "count", .type = model::Sla::Type::kExecutionAssertion, .assertion = "{{ outputs.a.n < 3 }}"};
  Machine m(Build({.tasks = {Job("a"), Job("b")}, .slas = {sla}}));
  m.DoAll({"submit", "finish a SUCCESS {\"n\":7}"});
  EXPECT_EQ(m.State(), "FAILED");
  EXPECT_EQ(m.execution().message, "SLA 'count' is violated: its assertion is false");
  EXPECT_EQ(m.faults(), "");
  Machine good(Build({.tasks = {Job("a"), Job("b")}, .slas = {sla}}));
  good.DoAll({"submit", "finish a SUCCESS {\"n\":2}", "finish b SUCCESS"});
  EXPECT_EQ(good.State(), "SUCCESS");
}

}  // namespace
}  // namespace headrace::executor_test
