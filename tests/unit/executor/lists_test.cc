// Sequences, Parallel, branches, errors, finally, afterExecution: what comes next, and what the end is.
#include <gtest/gtest.h>

#include "tests/unit/executor/flow_builder.h"
#include "tests/unit/executor/machine.h"

namespace headrace::executor_test {
namespace {

void Allow(model::Task& task) { task.allow_failure = true; }
void Tolerate(model::Task& task) { task.allow_failure = task.allow_warning = true; }

TEST(Lists, ASequenceRunsOneAfterTheOther) {
  Machine m(Build({.tasks = {Job("a"), Job("b")}}));
  EXPECT_EQ(m.Do("submit"),
            "  execution: CREATED RUNNING\n"
            "  a: CREATED SUBMITTED\n"
            "  DispatchTask a attempt 1 delivery 1\n");
  EXPECT_EQ(m.Do("start a"), "  a: RUNNING\n");
  EXPECT_EQ(m.Do("finish a SUCCESS {\"x\":1}"),
            "  a: SUCCESS\n"
            "  a outputs {\"x\":1}\n"
            "  b: CREATED SUBMITTED\n"
            "  DispatchTask b attempt 1 delivery 1\n");
  m.Do("wait PT61.5S");
  EXPECT_EQ(m.Do("finish b SUCCESS"),
            "  execution: SUCCESS\n"
            "  b: RUNNING SUCCESS\n"
            "  EmitLog INFO: Flow completed with state SUCCESS in 00:01:01.500\n"
            "  EndExecution SUCCESS\n");
  EXPECT_TRUE(m.live().ended());
  EXPECT_EQ(m.faults(), "");
}

TEST(Lists, AFailedTaskStopsTheListAndTheFlowsErrorsRun) {
  Machine m(Build({.tasks = {Job("a"), Job("b")}, .errors = {Job("e1"), Job("e2")}, .finally = {Job("f")}}));
  m.DoAll({"submit", "finish a FAILED boom"});
  EXPECT_FALSE(m.Has("b"));
  m.DoAll({"finish e1 SUCCESS", "finish e2 SUCCESS"});
  EXPECT_EQ(m.State(), "RUNNING");
  m.Do("finish f SUCCESS");
  EXPECT_EQ(m.State(), "FAILED");
  EXPECT_EQ(m.Newest("a").message, "boom");
  EXPECT_EQ(m.faults(), "");
}

TEST(Lists, WhatRunsInErrorsFinallyAndAfterwardsDoesNotDecideTheState) {
  Machine m(Build({.tasks = {Job("a")}, .finally = {Job("f")}, .after_execution = {Job("z"), Job("zz")}}));
  m.DoAll({"submit", "finish a SUCCESS"});
  EXPECT_EQ(m.Do("finish f FAILED"),
            "  execution: SUCCESS\n"
            "  f: RUNNING FAILED\n"
            "  z: CREATED SUBMITTED\n"
            "  EmitLog INFO: Flow completed with state SUCCESS in 00:00:00.000\n"
            "  DispatchTask z attempt 1 delivery 1\n");
  EXPECT_FALSE(m.live().ended());
  m.DoAll({"finish z FAILED", "finish zz FAILED"});
  EXPECT_EQ(m.State(), "SUCCESS");
  EXPECT_TRUE(m.live().ended());
  EXPECT_EQ(m.faults(), "");
}

TEST(Lists, ParallelStartsAllAndWaitsForAll) {
  Machine m(Build({.tasks = {Parallel("p", {Job("a"), Job("b"), Job("c")}).Errors({Job("e1"), Job("e2")}), Job("d")}}));
  m.Do("submit");
  EXPECT_EQ(m.live().InFlight().size(), 3U);
  m.DoAll({"finish a FAILED", "finish b SUCCESS"});
  EXPECT_FALSE(m.Has("e1"));  // no fail-fast: c still runs
  m.Do("finish c SUCCESS");
  EXPECT_EQ(m.live().InFlight().size(), 1U);  // errors are a sequence even here
  m.DoAll({"finish e1 SUCCESS", "finish e2 SUCCESS"});
  EXPECT_EQ(m.StateOf("p"), "FAILED");
  EXPECT_FALSE(m.Has("d"));
  EXPECT_EQ(m.State(), "FAILED");
  EXPECT_EQ(m.faults(), "");
}

TEST(Lists, ParallelHoldsItsLimit) {
  Machine m(Build({.tasks = {Parallel("p", {Job("a"), Job("b"), Job("c"), Job("d")}, 2)}}));
  m.Do("submit");
  EXPECT_FALSE(m.Has("c"));
  m.Do("finish b SUCCESS");
  EXPECT_TRUE(m.Has("c"));
  EXPECT_FALSE(m.Has("d"));
  m.DoAll({"finish a SUCCESS", "finish c WARNING", "finish d SUCCESS"});
  EXPECT_EQ(m.StateOf("p"), "WARNING");
  EXPECT_EQ(m.State(), "WARNING");
  EXPECT_EQ(m.faults(), "");
}

TEST(Lists, AFlowableHasOneAttemptThatMirrorsIt) {
  Machine m(Build({.tasks = {Sequential("s", {Job("a")}).Finally({Job("f")})}}));
  m.DoAll({"submit", "finish a SUCCESS"});
  EXPECT_EQ(Machine::History(m.Newest("s").state), "CREATED RUNNING");
  m.Do("finish f SUCCESS");
  EXPECT_EQ(Machine::History(m.Newest("s").state), "CREATED RUNNING SUCCESS");
  ASSERT_EQ(m.Newest("s").attempts.size(), 1U);
  EXPECT_EQ(Machine::History(m.Newest("s").attempts[0].state), "CREATED RUNNING SUCCESS");
  EXPECT_EQ(m.faults(), "");
}

TEST(Lists, AllowFailureMakesAWarningAndTheListGoesOn) {
  Machine m(Build({.tasks = {Job("a").With(Allow), Job("b").With(Tolerate), Job("c")}}));
  m.DoAll({"submit", "finish a FAILED", "finish b FAILED", "finish c SUCCESS"});
  EXPECT_EQ(m.StateOf("a"), "WARNING");
  EXPECT_EQ(m.StateOf("b"), "SUCCESS");
  EXPECT_EQ(m.State(), "WARNING");
  EXPECT_EQ(m.faults(), "");
}

TEST(Lists, TheAllowFailureTaskRunsItsErrorsAndWarns) {
  Machine m(Build({.tasks = {Make("t", "AllowFailure", {}, {Job("a"), Job("b")}).Errors({Job("e")}), Job("c")}}));
  m.DoAll({"submit", "finish a FAILED"});
  EXPECT_EQ(m.StateOf("e"), "SUBMITTED");
  m.Do("finish e SUCCESS");
  EXPECT_EQ(m.StateOf("t"), "WARNING");
  EXPECT_FALSE(m.Has("b"));
  EXPECT_TRUE(m.Has("c"));
  EXPECT_EQ(m.faults(), "");
}

TEST(Lists, IfChoosesOnceAndKeepsWhatItSaw) {
  const auto flow = [](const char* condition) {
    return Build({.tasks = {Make("i", "If", {{"condition", condition}}).Group("then", {Job("t")}).Group("else", {Job("e")})}});
  };
  Machine yes(flow("{{ inputs.x == 1 }}"));
  yes.Do("submit {\"x\":1}");
  EXPECT_TRUE(yes.Has("t"));
  EXPECT_EQ(ToJson(Value(yes.Newest("i").outputs)), "{\"evaluationResult\":true}");
  Machine no(flow("{{ inputs.x == 1 }}"));
  no.Do("submit {\"x\":2}");
  EXPECT_TRUE(no.Has("e"));
  Machine wrong(flow("{{ inputs.y }}"));
  wrong.Do("submit");
  EXPECT_EQ(wrong.State(), "FAILED");
  EXPECT_NE(wrong.Newest("i").message.find("Failed evaluating condition: Unable to find `inputs`"), std::string::npos)
      << wrong.Newest("i").message;
  EXPECT_EQ(yes.faults() + no.faults() + wrong.faults(), "");
}

TEST(Lists, AnIfWithoutTheBranchSucceeds) {
  Machine m(Build({.tasks = {Make("i", "If", {{"condition", "{{ false }}"}}).Group("then", {Job("t")})}}));
  m.Do("submit");
  EXPECT_EQ(m.State(), "SUCCESS");
  EXPECT_EQ(m.faults(), "");
}

TEST(Lists, SwitchTakesItsCaseItsDefaultsOrFails) {
  const auto flow = [](bool defaults) {
    TaskSpec task = Make("s", "Switch", {{"value", "{{ inputs.v }}"}}).Group("cases.a", {Job("a")});
    if (defaults) task.groups.push_back({"defaults", {Job("d")}});
    return Build({.tasks = {task}});
  };
  Machine a(flow(true));
  a.Do("submit {\"v\":\"a\"}");
  EXPECT_TRUE(a.Has("a"));
  Machine other(flow(true));
  other.Do("submit {\"v\":\"z\"}");
  EXPECT_TRUE(other.Has("d"));
  EXPECT_EQ(ToJson(Value(other.Newest("s").outputs)), "{\"value\":\"z\",\"defaults\":true}");
  Machine none(flow(false));
  none.Do("submit {\"v\":\"z\"}");
  EXPECT_EQ(none.State(), "FAILED");
  EXPECT_EQ(a.faults() + other.faults() + none.faults(), "");
}

TEST(Lists, RunIfSkipsAndItsErrorFails) {
  Machine m(Build({.tasks = {Job("a").With([](auto& t) { t.run_if = "{{ inputs.x == 2 }}"; }),
                             Sequential("s", {Job("b")}).With([](auto& t) { t.run_if = "0"; }),
                             Job("c").With([](auto& t) { t.run_if = "{{ outputs.missing.x }}"; })}}));
  m.Do("submit {\"x\":1}");
  EXPECT_EQ(Machine::History(m.Newest("a").state), "CREATED SKIPPED");
  EXPECT_EQ(m.Newest("a").attempts.size(), 1U);
  EXPECT_EQ(m.StateOf("s"), "SKIPPED");
  EXPECT_EQ(m.StateOf("c"), "FAILED");
  EXPECT_TRUE(m.Newest("c").message.starts_with("Failed evaluating runIf: ")) << m.Newest("c").message;
  EXPECT_EQ(m.State(), "FAILED");
  EXPECT_EQ(m.faults(), "");
}

TEST(Lists, ARunIfThatNeedsASecretIsTheWorkersToRender) {
  Machine m(Build({.tasks = {Job("a").With([](auto& t) { t.run_if = "{{ secret('X') == inputs.y }}"; })}}));
  m.Do("submit {\"y\":1}");
  EXPECT_EQ(m.StateOf("a"), "SUBMITTED");
  EXPECT_TRUE(m.live().program().worker_renders_run_if(0));
  EXPECT_EQ(m.live().program().worker_references(0).paths,
            (std::vector<std::vector<std::string>>{{"inputs", "y"}}));
  m.Do("finish a SKIPPED");
  EXPECT_EQ(m.State(), "SUCCESS");
  EXPECT_EQ(m.faults(), "");
}

TEST(Lists, OutputsAreRenderedAtTheEnd) {
  const auto flow = [](const char* text, bool required) {
    return Build({.tasks = {Job("a")}, .outputs = {{"o", "STRING", Value(text), required}}});
  };
  Machine m(flow("{{ outputs.a.x }}", true));
  m.DoAll({"submit", "finish a SUCCESS {\"x\":[1,2]}"});
  EXPECT_EQ(ToJson(Value(m.execution().outputs)), "{\"o\":[1,2]}");
  Machine missing(flow("{{ outputs.a.y }}", true));
  const std::string text = missing.DoAll({"submit", "finish a SUCCESS {\"x\":1}"});
  EXPECT_EQ(missing.State(), "FAILED");
  EXPECT_NE(text.find("EmitLog ERROR: Failed to render output values: o: Unable to find `y`"), std::string::npos) << text;
  Machine optional(flow("{{ outputs.a.y }}", false));
  optional.DoAll({"submit", "finish a SUCCESS {\"x\":1}"});
  EXPECT_EQ(optional.State(), "SUCCESS");
  EXPECT_EQ(ToJson(Value(optional.execution().outputs)), "{\"o\":null}");
  EXPECT_EQ(m.faults() + missing.faults() + optional.faults(), "");
}

TEST(Lists, AFlowOfTasksThatEndAtOnceEndsWithinItsSubmission) {
  std::vector<TaskSpec> tasks;
  for (int i = 0; i < 20'000; ++i) {
    tasks.push_back(Job("t" + std::to_string(i)).With([](auto& t) { t.run_if = "false"; }));
  }
  Machine m(Build({.tasks = std::move(tasks)}));
  m.Do("submit");  // a recursion a task would not survive this
  EXPECT_EQ(m.State(), "SUCCESS");
  EXPECT_EQ(m.execution().task_runs.size(), 20'000U);
  EXPECT_EQ(m.faults(), "");
}

TEST(Lists, LabelsAndVariablesAreSetByTasks) {
  Machine m(Build({.tasks = {Make("l", "Labels", {{"labels", Object{{"release", "{{ inputs.v }}"}, {"n", 1}}}}),
                             Make("m", "Labels", {{"labels", "[{\"key\":\"n\",\"value\":\"2\"}]"}}),
                             Make("v", "SetVariables", {{"variables", Object{{"x", "{{ vars.y }}!"}, {"z", 1}}}}),
                             Make("u", "UnsetVariables", {{"variables", Array{"z"}}}), Job("a")},
                   .variables = {{"y", "why"}}}));
  m.Do("submit {\"v\":\"1.2.3\"}");
  EXPECT_EQ(m.execution().labels,
            (std::vector<model::Label>{
                {"system.correlationId", m.execution().id.str()}, {"release", "1.2.3"}, {"n", "2"}}));
  EXPECT_EQ(ToJson(Value(m.execution().variables)), "{\"x\":\"why!\"}");
  EXPECT_EQ(m.StateOf("a"), "SUBMITTED");
  EXPECT_EQ(m.faults(), "");
}

TEST(Lists, BadLabelsFail) {
  for (const char* labels : {"{\"a\":\"\"}", "{\"\":\"b\"}", "plain", "{\"system.x\":\"y\"}", "[{\"key\":\"a\"}]"}) {
    Machine m(Build({.tasks = {Make("l", "Labels", {{"labels", labels}})}}));
    m.Do("submit");
    EXPECT_EQ(m.State(), "FAILED") << labels;
    EXPECT_EQ(m.execution().labels.size(), 1U);
    EXPECT_EQ(m.faults(), "");
  }
}

TEST(Lists, ExitEndsTheExecutionAndWhatRunsBesideIt) {
  Machine m(Build({.tasks = {Parallel("p", {Job("a"), Make("x", "Exit", {{"state", "CANCELED"}}), Job("b")}), Job("c")},
                   .errors = {Job("e")}, .after_execution = {Job("z")}}));
  EXPECT_EQ(m.Do("submit"),
            "  execution: CREATED RUNNING CANCELLED\n"
            "  p: CREATED RUNNING CANCELLED\n"
            "  a: CREATED SUBMITTED KILLED\n"
            "  x: CREATED RUNNING SUCCESS\n"
            "  z: CREATED SUBMITTED\n"
            "  DispatchTask a attempt 1 delivery 1\n"
            "  CancelTask a attempt 1 delivery 1: The execution exits\n"
            "  EmitLog INFO: Flow completed with state CANCELLED in 00:00:00.000\n"
            "  DispatchTask z attempt 1 delivery 1\n");
  m.Do("finish z SUCCESS");
  EXPECT_TRUE(m.live().ended());
  EXPECT_EQ(m.faults(), "");
}

TEST(Lists, ForEachBeginsValuesAsItsLimitAllows) {
  Machine m(Build({.tasks = {Make("f", "ForEach", {{"values", Array{"x", "y", "x", 3}}, {"concurrencyLimit", 2}},
                                  {Job("a"), Job("b")}),
                             Job("c")}}));
  m.Do("submit");
  EXPECT_EQ(ToJson(m.Newest("f").memo), "[\"x\",\"y\",\"3\"]");
  EXPECT_FALSE(m.Has("a[3]"));
  m.Do("finish a[x] SUCCESS {\"o\":1}");
  EXPECT_EQ(m.StateOf("b[x]"), "SUBMITTED");
  EXPECT_FALSE(m.Has("a[3]"));
  m.Do("finish b[x] SUCCESS");
  EXPECT_EQ(m.StateOf("a[3]"), "SUBMITTED");
  EXPECT_EQ(m.Newest("a[3]").iteration, 2);
  m.Do("finish a[y] FAILED");
  EXPECT_FALSE(m.Has("b[y]"));
  m.DoAll({"finish a[3] SUCCESS {\"o\":3}", "finish b[3] SUCCESS"});
  EXPECT_EQ(m.StateOf("f"), "FAILED");
  EXPECT_EQ(m.faults(), "");

  const Object context = BuildContext(m.live(), m.Newest("b[3]").index,
                                      {.paths = {{"outputs", "a"}, {"parents"}, {"taskrun", "value"}}});
  EXPECT_EQ(ToJson(*Member(Value(context), "outputs")), "{\"a\":{\"x\":{\"o\":1},\"3\":{\"o\":3}}}");
  EXPECT_EQ(ToText(*AtPath(Value(context), "taskrun.value")), "3");
}

TEST(Lists, ForEachRefusesNullsAndEndsAtOnceWithoutValues) {
  Machine none(Build({.tasks = {Make("f", "ForEach", {{"values", "[]"}}, {Job("a")})}}));
  none.Do("submit");
  EXPECT_EQ(none.State(), "SUCCESS");
  Machine null(Build({.tasks = {Make("f", "ForEach", {{"values", Array{"x", nullptr}}}, {Job("a")})}}));
  null.Do("submit");
  EXPECT_EQ(null.Newest("f").message, "Found '1' null values on Each, with values=[x, null]");
  EXPECT_EQ(none.faults() + null.faults(), "");
}

}  // namespace
}  // namespace headrace::executor_test
