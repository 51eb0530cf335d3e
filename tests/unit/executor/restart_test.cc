// Subflows and restarts: what a parent and its child know of each other.
#include <gtest/gtest.h>

#include "tests/unit/executor/flow_builder.h"
#include "tests/unit/executor/machine.h"

namespace headrace::executor_test {
namespace {

TaskSpec Subflow(std::string id, Object more = {}) {
  Object properties{{"namespace", "n"}, {"flowId", "child"}};
  for (const auto& [key, value] : more) properties[key] = value;
  return Make(std::move(id), "Subflow", std::move(properties));
}

TEST(Subflow, StartsWaitsAndTakesTheOutputsOver) {
  Machine m(Build({.tasks = {Subflow("s", {{"inputs", Object{{"v", "{{ inputs.v }}"}, {"flag", true}}},
                                           {"labels", Object{{"k", "{{ inputs.v }}!"}}}}),
                             Job("b")}}));
  EXPECT_EQ(m.Do("submit {\"v\":12}"),
            "  execution: CREATED RUNNING\n"
            "  s: CREATED SUBMITTED\n"
            "  StartChild of s attempt 1: n.child inputs {\"v\":12,\"flag\":true} label k=12!\n");
  EXPECT_TRUE(m.live().only_waits());
  EXPECT_EQ(m.Do("child-started s"), "  s: RUNNING\n");
  EXPECT_EQ(m.State(), "RUNNING");
  EXPECT_EQ(m.Do("child-ended s SUCCESS {\"x\":1}"),
            "  s: SUCCESS\n"
            "  b: CREATED SUBMITTED\n"
            "  DispatchTask b attempt 1 delivery 1\n");
  EXPECT_EQ(ToText(*AtPath(Value(m.Newest("s").outputs), "outputs.x")), "1");
  EXPECT_EQ(ToText(*AtPath(Value(m.Newest("s").outputs), "state")), "SUCCESS");
  EXPECT_EQ(m.Do("again"), "  nothing\n");
  EXPECT_EQ(m.faults(), "");
}

TEST(Subflow, TellsTheChildWhereItComesFrom) {
  Machine m(Build({.tasks = {Subflow("s")}}));
  const executor::Applied applied = m.Post(model::Submitted{m.execution().id});
  const auto& start = std::get<model::StartChild>(applied.commands.front());
  EXPECT_EQ(start.labels, (std::vector<model::Label>{{"system.correlationId", m.execution().id.str()}}));
  EXPECT_EQ(ToJson(start.trigger),
            "{\"id\":\"s\",\"type\":\"io.kestra.plugin.core.flow.Subflow\",\"variables\":{\"executionId\":\"" +
                m.execution().id.str() +
                "\",\"namespace\":\"company.team\",\"flowId\":\"flow\",\"flowRevision\":1,\"taskRunId\":\"" +
                m.Newest("s").id.str() + "\",\"taskId\":\"s\"}}");
  EXPECT_EQ(start.child, DeriveExecutionId(m.now(), m.execution().id.str(), "0/1", PlaceOf(start.child)));
}

TEST(Subflow, InheritsLabelsWhenAsked) {
  Machine m(Build({.tasks = {Subflow("s", {{"inheritLabels", true}, {"labels", Object{{"a", "own"}}}})}}));
  const executor::Applied applied =
      m.Post(model::Submitted{m.execution().id, {}, {{"a", "1"}, {"b", "2"}, {"system.correlationId", "root"}}});
  EXPECT_EQ(std::get<model::StartChild>(applied.commands.front()).labels,
            (std::vector<model::Label>{{"a", "own"}, {"b", "2"}, {"system.correlationId", "root"}}));
}

TEST(Subflow, TakesTheChildsStateAsTransmitFailedSays) {
  struct Case {
    const char* child;
    bool transmit;
    const char* expected;
  };
  for (const Case& c : {Case{"FAILED", true, "FAILED"}, Case{"WARNING", true, "WARNING"}, Case{"KILLED", true, "KILLED"},
                        Case{"CANCELLED", true, "SUCCESS"}, Case{"FAILED", false, "SUCCESS"}}) {
    Machine m(Build({.tasks = {Subflow("s", {{"transmitFailed", c.transmit}})}}));
    m.DoAll({"submit", "child-started s", std::string("child-ended s ") + c.child});
    EXPECT_EQ(m.StateOf("s"), c.expected) << c.child;
    EXPECT_EQ(m.State(), c.expected);
    EXPECT_EQ(m.faults(), "");
  }
}

TEST(Subflow, WithoutWaitingSucceedsOnceTheChildExists) {
  Machine m(Build({.tasks = {Subflow("s", {{"wait", false}})}}));
  m.Do("submit");
  EXPECT_EQ(m.StateOf("s"), "SUBMITTED");
  m.Do("child-started s");
  EXPECT_EQ(m.State(), "SUCCESS");
  EXPECT_EQ(m.faults(), "");
}

TEST(Subflow, ARejectedChildFailsTheTask) {
  Machine m(Build({.tasks = {Subflow("s", {{"wait", false}})}}));
  m.DoAll({"submit", "child-rejected s Unable to find flow 'n'.'child'"});
  EXPECT_EQ(m.State(), "FAILED");
  EXPECT_EQ(m.Newest("s").message, "Unable to find flow 'n'.'child'");
  EXPECT_EQ(m.faults(), "");
}

TEST(Subflow, ARetryStartsANewChild) {
  Machine m(Build({.tasks = {Subflow("s").With([](model::Task& task) {
    task.retry = model::RetryPolicy{.interval = std::chrono::seconds(5), .max_attempts = 2};
  })}}));
  m.DoAll({"submit", "child-started s"});
  const std::string first = ToText(m.Newest("s").outputs.at("executionId"));
  m.DoAll({"child-ended s FAILED", "fire retry s", "child-started s"});
  EXPECT_NE(ToText(m.Newest("s").outputs.at("executionId")), first);
  EXPECT_TRUE(m.Post(model::ChildEnded{0, 1, ExecutionId(first), model::State::kSuccess, {}}).delta.empty());
  m.Do("child-ended s SUCCESS");
  EXPECT_EQ(m.State(), "SUCCESS");
  EXPECT_EQ(m.faults(), "");
}

TEST(Subflow, AKillGoesDownToTheChild) {
  Machine m(Build({.tasks = {Subflow("s")}}));
  m.DoAll({"submit", "child-started s"});
  EXPECT_EQ(m.Do("kill"), "  execution: KILLING\n  KillChild of s\n");
  m.Do("child-ended s KILLED");
  EXPECT_EQ(m.State(), "KILLED");
  EXPECT_EQ(m.faults(), "");
}

TEST(Subflow, ATimeoutKillsTheChild) {
  Machine m(Build({.tasks = {Subflow("s").With([](model::Task& task) { task.timeout = "PT1H"; })}}));
  m.DoAll({"submit", "child-started s"});
  const std::string text = m.Do("fire timeout s");
  EXPECT_NE(text.find("KillChild of s"), std::string::npos) << text;
  EXPECT_EQ(m.State(), "FAILED");
  EXPECT_EQ(m.Do("child-ended s KILLED"), "  nothing\n");
  EXPECT_EQ(m.faults(), "");
}

TEST(Restart, RunsAgainWhatFailedAndUndoesWhatHadReacted) {
  Machine m(Build({.tasks = {Job("a"), Sequential("s", {Job("b"), Job("c")}).Errors({Job("se")}), Job("d")},
                   .errors = {Job("e")}, .finally = {Job("f")}, .after_execution = {Job("z")}}));
  m.DoAll({"submit", "finish a SUCCESS", "finish b FAILED", "finish se SUCCESS", "finish e SUCCESS", "finish f SUCCESS",
           "finish z SUCCESS"});
  ASSERT_EQ(m.State(), "FAILED");
  EXPECT_EQ(m.Do("restart"),
            "  execution: RESTARTED RUNNING\n"
            "  s: RESTARTED RUNNING\n"
            "  b: RESTARTED SUBMITTED\n"
            "  se is history\n"
            "  e is history\n"
            "  f is history\n"
            "  z is history\n"
            "  DispatchTask b attempt 2 delivery 1\n");
  EXPECT_EQ(m.execution().attempt_number, 2);
  EXPECT_EQ(m.Do("again"), "  nothing\n");
  m.DoAll({"finish b SUCCESS", "finish c SUCCESS", "finish d SUCCESS", "finish f SUCCESS", "finish z SUCCESS"});
  EXPECT_EQ(m.State(), "SUCCESS");
  EXPECT_FALSE(m.Has("e"));
  EXPECT_EQ(m.Newest("b").attempts.size(), 2U);
  EXPECT_EQ(m.Newest("s").attempts.size(), 2U);
  EXPECT_EQ(m.faults(), "");
}

TEST(Restart, GivesRetriesAnew) {
  Machine m(Build({.tasks = {Job("a").With([](model::Task& task) {
    task.retry = model::RetryPolicy{.interval = std::chrono::seconds(5), .max_attempts = 2};
  })}}));
  m.DoAll({"submit", "finish a FAILED", "fire retry a", "finish a FAILED", "wait PT1M", "restart", "finish a FAILED"});
  EXPECT_EQ(m.StateOf("a"), "RETRYING");
  m.DoAll({"fire retry a", "finish a FAILED"});
  EXPECT_EQ(m.State(), "FAILED");
  EXPECT_EQ(m.faults(), "");
}

TEST(Restart, LeavesToleratedFailuresAlone) {
  Machine m(Build({.tasks = {Make("t", "AllowFailure", {}, {Job("a")}), Job("b")}}));
  m.DoAll({"submit", "finish a FAILED", "finish b FAILED", "restart"});
  EXPECT_EQ(m.StateOf("a"), "FAILED");
  EXPECT_EQ(m.StateOf("b"), "SUBMITTED");
  m.Do("finish b SUCCESS");
  EXPECT_EQ(m.State(), "WARNING");
  EXPECT_EQ(m.Do("restart"), "  nothing\n");
  EXPECT_EQ(m.faults(), "");
}

TEST(Restart, OfAFailedOutputRendersItAgain) {
  Machine m(Build({.tasks = {Job("a")}, .finally = {Job("f")}, .outputs = {{"o", "STRING", "{{ nothing }}"}}}));
  m.DoAll({"submit", "finish a SUCCESS", "finish f SUCCESS"});
  ASSERT_EQ(m.State(), "FAILED");
  m.DoAll({"restart", "finish f SUCCESS"});
  EXPECT_EQ(m.execution().attempt_number, 2);
  EXPECT_EQ(m.State(), "FAILED");
  EXPECT_EQ(m.faults(), "");
}

TEST(Restart, OfAnIfWhoseConditionFailedAsksAgain) {
  Machine m(Build({.tasks = {Make("v", "SetVariables", {{"variables", Object{{"x", 1}}}}).With([](model::Task& task) {
                     task.run_if = "{{ inputs.set }}";
                   }),
                             Make("i", "If", {{"condition", "{{ outputs.later.x }}"}}).Group("then", {Job("t")})}}));
  m.Do("submit {\"set\":true}");
  ASSERT_EQ(m.State(), "FAILED");
  m.Do("restart");
  EXPECT_EQ(Machine::History(m.Newest("i").state), "CREATED RUNNING FAILED RESTARTED RUNNING FAILED");
  EXPECT_EQ(m.faults(), "");
}

TEST(Restart, AfterATimeoutRunsWhatItHadKilled) {
  Machine m(Build({.tasks = {Parallel("p", {Job("a"), Job("b")}).With([](model::Task& task) { task.timeout = "PT1H"; })}}));
  m.DoAll({"submit", "finish a SUCCESS", "fire timeout p", "restart"});
  EXPECT_EQ(m.StateOf("b"), "SUBMITTED");
  EXPECT_EQ(m.timers().size(), 1U);
  m.Do("finish b SUCCESS");
  EXPECT_EQ(m.State(), "SUCCESS");
  EXPECT_TRUE(m.timers().empty());
  EXPECT_EQ(m.faults(), "");
}

TEST(Restart, RestartsTheSameFailedChild) {
  Machine m(Build({.tasks = {Parallel("p", {Subflow("s"), Subflow("t")})}}));
  m.DoAll({"submit", "child-started s", "child-started t", "child-ended s FAILED {\"x\":1}", "child-ended t SUCCESS"});
  ASSERT_EQ(m.State(), "FAILED");
  EXPECT_EQ(m.Do("restart"),
            "  execution: RESTARTED RUNNING\n"
            "  p: RESTARTED RUNNING\n"
            "  s: RESTARTED SUBMITTED RUNNING\n"
            "  RestartChild of s\n");
  EXPECT_EQ(m.Do("child-restarted s"), "  nothing\n");  // the child says that it runs again
  m.Do("child-ended s SUCCESS");
  EXPECT_EQ(m.State(), "SUCCESS");
  EXPECT_EQ(m.faults(), "");
}

TEST(Restart, StartsANewChildWhenToldOrWhenTheOldOneWasKilled) {
  for (const bool told : {true, false}) {
    Machine m(Build({.tasks = {Subflow("s", told ? Object{{"restartBehavior", "NEW_EXECUTION"}} : Object{})
                                   .With([told](model::Task& task) { task.timeout = told ? "" : "PT1H"; })}}));
    m.DoAll({"submit", "child-started s", told ? "child-ended s FAILED" : "fire timeout s"});
    const std::string text = m.Do("restart");
    EXPECT_NE(text.find("StartChild of s attempt 2"), std::string::npos) << text;
    EXPECT_EQ(m.faults(), "");
  }
}

TEST(Restart, OfAChildBringsItsParentAlong) {
  Machine m(Build({.tasks = {Sequential("q", {Subflow("s"), Job("b")}), Job("c")}, .errors = {Job("e")}}));
  m.Post(model::Submitted{m.execution().id, {}, {}, {}, model::ParentLink{ExecutionId("grand"), 3, 1}});
  m.DoAll({"child-started s", "child-ended s FAILED", "finish e SUCCESS"});
  ASSERT_EQ(m.State(), "FAILED");
  EXPECT_EQ(m.Do("child-restarted s"),
            "  execution: RESTARTED RUNNING\n"
            "  q: RESTARTED RUNNING\n"
            "  s: RESTARTED SUBMITTED RUNNING\n"
            "  e is history\n"
            "  ReviveParent\n");
  EXPECT_EQ(m.execution().parent->attempt, 2U);  // the end to come is another one than the end that was
  // The end that the parent heard of before the restart, once more.
  const ExecutionId child(ToText(m.Newest("s").outputs.at("executionId")));
  EXPECT_TRUE(m.Post(model::ChildEnded{m.Newest("s").index, 1, child, model::State::kFailed, {}}).delta.empty());
  m.DoAll({"child-ended s SUCCESS", "finish b SUCCESS", "finish c SUCCESS"});
  EXPECT_EQ(m.State(), "SUCCESS");
  EXPECT_EQ(m.faults(), "");
}

TEST(Restart, OfAChildReopensItsTaskWhileTheParentStillRuns) {
  Machine m(Build({.tasks = {Parallel("p", {Subflow("s"), Job("a")})}}));
  m.DoAll({"submit", "child-started s", "child-ended s FAILED", "child-restarted s"});
  EXPECT_EQ(m.StateOf("s"), "RUNNING");
  m.DoAll({"finish a SUCCESS", "child-ended s SUCCESS"});
  EXPECT_EQ(m.State(), "SUCCESS");
  EXPECT_EQ(m.faults(), "");
}

TEST(Restart, OfAChildWhoseParentHasMovedOnIsItsOwn) {
  Machine m(Build({.tasks = {Subflow("s")}, .errors = {Job("e"), Subflow("se")}}));
  m.DoAll({"submit", "child-started s", "child-ended s FAILED"});
  EXPECT_EQ(m.Do("child-restarted s"), "  nothing\n");  // errors are at work
  m.DoAll({"finish e SUCCESS", "child-started se", "child-ended se FAILED"});
  EXPECT_EQ(m.Do("child-restarted se"), "  nothing\n");  // part of the reaction, not of the flow's tasks
  EXPECT_EQ(m.faults(), "");
}

TEST(Restart, WhileAfterExecutionRunsTakesItBack) {
  Machine m(Build({.tasks = {Job("a")}, .after_execution = {Job("z")}}));
  m.DoAll({"submit", "finish a FAILED"});
  const std::string text = m.Do("restart");
  EXPECT_NE(text.find("CancelTask z"), std::string::npos) << text;
  m.DoAll({"finish a SUCCESS", "finish z SUCCESS"});
  EXPECT_EQ(m.State(), "SUCCESS");
  EXPECT_EQ(m.faults(), "");
}

}  // namespace
}  // namespace headrace::executor_test
