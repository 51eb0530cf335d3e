// A loop over a million values costs what runs, not what waits.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/unit/executor/flow_builder.h"
#include "tests/unit/executor/machine.h"

namespace headrace::executor_test {
namespace {

Array Million() {
  Array values;
  for (int i = 0; i < 1'000'000; ++i) values.emplace_back(i);
  return values;
}

model::TaskFinished Success(const Machine& m, model::TaskRunIndex run) {
  return {m.execution().task_runs[run].fence(), WorkerId("w"), model::State::kSuccess, {}, "", m.now()};
}

TEST(LargeLoop, AMillionValuesAreBegunAsTheLimitAllows) {
  Machine m(Build({.tasks = {Make("f", "ForEach", {{"values", Million()}, {"concurrencyLimit", 4}}, {Job("a")})}}), /*check_laws=*/false);
  m.Post(model::Submitted{m.execution().id});
  EXPECT_EQ(m.execution().task_runs.size(), 5U);
  for (model::TaskRunIndex run = 1; run <= 2'000; ++run) {
    const executor::Applied applied = m.Post(Success(m, run));
    EXPECT_EQ(m.execution().task_runs.size(), run + 5U);
    // The run of the loop holds all values: written again with every one of them it would cost their square.
    const auto& changed = applied.delta.task_runs;
    ASSERT_EQ(std::count(changed.begin(), changed.end(), 0U), 0) << run;
  }
}

TEST(LargeLoop, AKillEndsWhatRunsAndBeginsNothing) {
  Machine m(Build({.tasks = {Make("f", "ForEach", {{"values", Million()}, {"concurrencyLimit", 4}}, {Job("a")})}}), /*check_laws=*/false);
  m.Post(model::Submitted{m.execution().id});
  m.Do("kill");
  for (model::TaskRunIndex run = 1; run <= 4; ++run) {
    m.Post(model::TaskFinished{m.execution().task_runs[run].fence(), WorkerId("w"), model::State::kKilled, {}, "", m.now()});
  }
  EXPECT_EQ(m.State(), "KILLED");
  EXPECT_EQ(m.execution().task_runs.size(), 5U);
}

TEST(LargeLoop, WhatAnExpressionCannotMakeWithinItsStepsFailsTheTask) {
  Machine m(Build({.tasks = {Make("f", "ForEach", {{"values", "{{ range(1, 2000000) }}"}}, {Job("a")})}}), /*check_laws=*/false);
  m.Post(model::Submitted{m.execution().id});
  EXPECT_EQ(m.State(), "FAILED");
  EXPECT_EQ(m.execution().task_runs.size(), 1U);
}

}  // namespace
}  // namespace headrace::executor_test
