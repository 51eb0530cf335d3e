// Dag, EachParallel, and jobs that run other tasks inside.
#include <gtest/gtest.h>

#include "tests/unit/executor/flow_builder.h"
#include "tests/unit/executor/machine.h"

namespace headrace::executor_test {
namespace {

TaskSpec Node(std::string id, std::vector<std::string> needs = {}) {
  return Job(std::move(id)).With([needs = std::move(needs)](model::Task& task) { task.depends_on = needs; });
}

// d needs b and c, which need a.
TaskSpec Diamond(Object properties = {}) {
  return Make("dag", "Dag", std::move(properties),
              {Node("d", {"b", "c"}), Node("b", {"a"}), Node("c", {"a"}), Node("a"), Node("alone")});
}

TEST(Dag, ANodeBeginsWhenAllItNeedsHaveEnded) {
  Machine m(Build({.tasks = {Diamond(), Job("after")}}));
  m.Do("submit");
  EXPECT_EQ(m.StateOf("a"), "SUBMITTED");
  EXPECT_EQ(m.StateOf("alone"), "SUBMITTED");
  EXPECT_FALSE(m.Has("b"));
  m.Do("finish a SUCCESS");
  EXPECT_EQ(m.StateOf("b"), "SUBMITTED");
  EXPECT_EQ(m.StateOf("c"), "SUBMITTED");
  m.DoAll({"finish b SUCCESS", "finish alone SUCCESS"});
  EXPECT_FALSE(m.Has("d"));
  m.DoAll({"finish c SUCCESS", "finish d SUCCESS", "finish after SUCCESS"});
  EXPECT_EQ(m.State(), "SUCCESS");
  EXPECT_EQ(m.faults(), "");
}

TEST(Dag, AfterAFailureNothingNewBegins) {
  Machine m(Build({.tasks = {Diamond().Errors({Job("e")})}}));
  m.DoAll({"submit", "finish a SUCCESS", "finish b FAILED", "finish alone SUCCESS"});
  EXPECT_FALSE(m.Has("e"));
  m.Do("finish c SUCCESS");
  EXPECT_FALSE(m.Has("d"));
  m.Do("finish e SUCCESS");
  EXPECT_EQ(m.State(), "FAILED");
  m.Do("restart");
  EXPECT_EQ(m.StateOf("b"), "SUBMITTED");
  m.DoAll({"finish b SUCCESS", "finish d SUCCESS"});
  EXPECT_EQ(m.State(), "SUCCESS");
  EXPECT_EQ(m.faults(), "");
}

TEST(Dag, KeepsToItsLimit) {
  Machine m(Build({.tasks = {Diamond({{"concurrent", 1}})}}));
  m.Do("submit");
  EXPECT_FALSE(m.Has("alone"));
  m.Do("finish a SUCCESS");
  EXPECT_EQ(m.StateOf("b"), "SUBMITTED");
  EXPECT_FALSE(m.Has("c"));
  m.DoAll({"finish b SUCCESS", "finish c SUCCESS", "finish d SUCCESS", "finish alone SUCCESS"});
  EXPECT_EQ(m.State(), "SUCCESS");
  EXPECT_EQ(m.faults(), "");
}

TEST(Dag, TheSameDagRunsInSeveralRoundsAtOnce) {
  Machine m(Build({.tasks = {Make("each", "ForEach", {{"values", Array{"x", "y"}}, {"concurrencyLimit", 0}},
                                  {Make("dag", "Dag", {}, {Node("a"), Node("b", {"a"})})})}}));
  m.DoAll({"submit", "finish a[x] SUCCESS"});
  EXPECT_EQ(m.StateOf("b[x]"), "SUBMITTED");
  EXPECT_FALSE(m.Has("b[y]"));
  m.DoAll({"finish b[x] SUCCESS", "finish a[y] SUCCESS", "finish b[y] SUCCESS"});
  EXPECT_EQ(m.State(), "SUCCESS");
  EXPECT_EQ(m.faults(), "");
}

TEST(EachParallel, RunsEveryTaskOfEveryValueAtOnce) {
  Machine m(Build({.tasks = {Make("each", "EachParallel", {{"value", "[\"x\", \"y\"]"}}, {Job("a"), Job("b")})}}));
  m.Do("submit");
  for (const char* run : {"a[x]", "b[x]", "a[y]", "b[y]"}) EXPECT_EQ(m.StateOf(run), "SUBMITTED") << run;
  m.DoAll({"finish a[x] SUCCESS", "finish b[y] SUCCESS", "finish b[x] FAILED", "finish a[y] SUCCESS"});
  EXPECT_EQ(m.State(), "FAILED");
  m.DoAll({"restart", "finish b[x] SUCCESS"});
  EXPECT_EQ(m.State(), "SUCCESS");
  EXPECT_EQ(m.faults(), "");
}

TEST(EachParallel, KeepsToItsLimit) {
  Machine m(Build({.tasks = {
      Make("each", "EachParallel", {{"value", Array{"x", "y"}}, {"concurrent", 3}}, {Job("a"), Job("b")})}}));
  m.Do("submit");
  EXPECT_EQ(m.StateOf("a[y]"), "SUBMITTED");
  EXPECT_FALSE(m.Has("b[y]"));
  m.Do("finish a[x] SUCCESS");
  EXPECT_EQ(m.StateOf("b[y]"), "SUBMITTED");
  EXPECT_EQ(m.faults(), "");
}

model::TaskFinished Directory(const Machine& m, model::State outcome, std::vector<model::NestedRun> nested) {
  return {m.Newest("dir").fence(), WorkerId("w1"), outcome, {}, "", m.now(), std::move(nested)};
}

model::FlowPtr DirectoryFlow() {
  return Build({.tasks = {Make("dir", "Job", {}, {Job("a"), Job("b"), Job("c")}), Job("after")}});
}

TEST(Nested, WhatTheWorkerRanInsideBecomesKnownAtTheEnd) {
  Machine m(DirectoryFlow());
  m.Do("submit");
  m.Post(Directory(m, model::State::kWarning,
                   {{"a", model::State::kSuccess, {{"x", 1}}, "", m.now(), m.now()},
                    {"b", model::State::kSkipped, {}, "", m.now(), m.now()},
                    {"c", model::State::kWarning, {}, "meh", m.now(), m.now()},
                    {"stranger", model::State::kSuccess, {}, "", m.now(), m.now()}}));
  EXPECT_EQ(Machine::History(m.Newest("a").state), "CREATED SUBMITTED RUNNING SUCCESS");
  EXPECT_EQ(ToJson(Value(m.Newest("a").outputs)), "{\"x\":1}");
  EXPECT_EQ(Machine::History(m.Newest("b").state), "CREATED SKIPPED");
  EXPECT_EQ(m.Newest("c").message, "meh");
  EXPECT_EQ(m.Newest("c").parent, m.Newest("dir").index);
  m.Do("finish after SUCCESS");
  EXPECT_EQ(m.State(), "WARNING");
  EXPECT_EQ(m.faults(), "");
}

TEST(Nested, ARestartRunsTheWholeJobAgain) {
  Machine m(DirectoryFlow());
  m.Do("submit");
  m.Post(Directory(m, model::State::kFailed,
                   {{"a", model::State::kSuccess, {}, "", m.now(), m.now()},
                    {"b", model::State::kFailed, {}, "no", m.now(), m.now()}}));
  EXPECT_EQ(m.State(), "FAILED");
  m.Do("restart");
  EXPECT_EQ(m.StateOf("dir"), "SUBMITTED");
  EXPECT_FALSE(m.Has("a"));
  m.Post(Directory(m, model::State::kSuccess, {{"a", model::State::kSuccess, {}, "", m.now(), m.now()}}));
  m.Do("finish after SUCCESS");
  EXPECT_EQ(m.State(), "SUCCESS");
  EXPECT_EQ(m.faults(), "");
}

model::FlowPtr DirectoryWithErrors() {
  return Build({.tasks = {Make("dir", "Job", {}, {Job("a")}).Errors({Job("err")}).Finally({Job("fin")}), Job("after")}});
}

TEST(Nested, ItsErrorsAndFinallyRunWhenItsJobIsOver) {
  Machine m(DirectoryWithErrors());
  m.Do("submit");
  m.Post(Directory(m, model::State::kFailed, {{"a", model::State::kFailed, {}, "no", m.now(), m.now()}}));
  EXPECT_EQ(m.StateOf("dir"), "RUNNING");
  EXPECT_EQ(m.StateOf("err"), "SUBMITTED");
  ASSERT_EQ(m.live().InFlight().size(), 1u) << "the job itself is out of its worker's hands";
  EXPECT_EQ(m.live().InFlight().front(), m.Newest("err").index);
  const model::TaskFinished late = Directory(m, model::State::kSuccess, {});
  EXPECT_TRUE(m.Post(late).delta.empty()) << "the result counts once";
  EXPECT_TRUE(m.Post(model::TaskLost{late.fence, "late"}).delta.empty());
  m.DoAll({"finish err SUCCESS", "finish fin SUCCESS"});
  EXPECT_EQ(m.StateOf("dir"), "FAILED");
  EXPECT_EQ(m.State(), "FAILED");
  m.Do("restart");
  EXPECT_EQ(m.StateOf("dir"), "SUBMITTED");
  EXPECT_FALSE(m.Has("err"));
  m.Post(Directory(m, model::State::kSuccess, {{"a", model::State::kSuccess, {}, "", m.now(), m.now()}}));
  m.DoAll({"finish fin SUCCESS", "finish after SUCCESS"});
  EXPECT_EQ(m.State(), "SUCCESS");
  EXPECT_EQ(m.faults(), "");
}

TEST(Nested, AKillEndsItsErrors) {
  Machine m(DirectoryWithErrors());
  m.Do("submit");
  m.Post(Directory(m, model::State::kFailed, {{"a", model::State::kFailed, {}, "no", m.now(), m.now()}}));
  m.DoAll({"kill", "finish err KILLED"});
  EXPECT_EQ(m.StateOf("dir"), "KILLED");
  EXPECT_EQ(m.State(), "KILLED");
  EXPECT_EQ(m.faults(), "");
}

}  // namespace
}  // namespace headrace::executor_test
