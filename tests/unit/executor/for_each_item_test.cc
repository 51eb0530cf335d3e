// ForEachItem: a file is cut, an execution is started a batch, their outputs are merged; what fails, is killed, comes again.
#include <gtest/gtest.h>

#include "common/model/for_each_item.h"
#include "executor/flowable/for_each_item.h"
#include "tests/unit/executor/flow_builder.h"
#include "tests/unit/executor/machine.h"

namespace headrace::executor_test {
namespace {

// Up to the moment when the file is cut into `batches`.
Machine Cut(TaskSpec task, int batches, bool check_laws = true) {
  Machine m(Build({.tasks = {std::move(task)}}), check_laws);
  m.Do("submit");
  m.Do("finish each_split SUCCESS {\"numberOfBatches\":" + std::to_string(batches) +
       ",\"batchesBaseUri\":\"kestra:///x/\",\"batchesExtension\":\".txt\"}");
  return m;
}

TaskSpec WithItems() { return ForEachItem("each", {{"inputs", Object{{"file", "{{ taskrun.items }}"}, {"n", "{{ taskrun.iteration }}"}}}}); }

std::string Iterations(const Machine& m) { return ToJson(m.Newest("each_items").outputs.at("iterations")); }

TEST(ForEachItem, StartsOneExecutionABatchAndMergesTheirOutputs) {
  Machine m(Build({.tasks = {WithItems(), Job("next")}}));
  EXPECT_EQ(m.Do("submit"),
            "  execution: CREATED RUNNING\n"
            "  each: CREATED RUNNING\n"
            "  each_split: CREATED SUBMITTED\n"
            "  DispatchTask each_split attempt 1 delivery 1\n");
  EXPECT_EQ(m.Do("finish each_split SUCCESS {\"numberOfBatches\":2,\"batchesBaseUri\":\"kestra:///x/\",\"batchesExtension\":\".txt\"}"),
            "  each_split: RUNNING SUCCESS\n"
            "  each_split outputs {\"numberOfBatches\":2,\"batchesBaseUri\":\"kestra:///x/\",\"batchesExtension\":\".txt\"}\n"
            "  each_items: CREATED RUNNING\n"
            "  each_items outputs {\"numberOfBatches\":2,\"iterations\":{\"CREATED\":0,\"RUNNING\":2}}\n"
            "  each_items/batch: CREATED SUBMITTED\n"
            "  each_items/batch: CREATED SUBMITTED\n"
            "  StartChild of each_items/batch attempt 1: n.child inputs {\"file\":\"kestra:///x/1.txt\",\"n\":0}\n"
            "  StartChild of each_items/batch attempt 1: n.child inputs {\"file\":\"kestra:///x/2.txt\",\"n\":1}\n");
  m.DoAll({"child-started #3", "child-started #4", "child-ended #4 SUCCESS {\"x\":2}"});
  EXPECT_EQ(Iterations(m), "{\"CREATED\":0,\"RUNNING\":1,\"SUCCESS\":1}");
  EXPECT_EQ(m.Do("child-ended #3 SUCCESS {\"x\":1}"),
            "  each_items: SUCCESS\n"
            "  each_items outputs {\"numberOfBatches\":2,\"iterations\":{\"CREATED\":0,\"RUNNING\":0,\"SUCCESS\":2}}\n"
            "  each_items/batch: SUCCESS\n"
            "  each_merge: CREATED RUNNING\n"
            "  each_merge/part: CREATED SUBMITTED\n"
            "  DispatchTask each_merge/part attempt 1 delivery 1\n");
  EXPECT_EQ(ToJson(PartVariables(m.live(), m.Newest("each_merge/part"))),
            "{\"documents\":\"{\\\"x\\\":1}\\n{\\\"x\\\":2}\\n\",\"partsBefore\":[]}");
  m.Do("finish each_merge/part SUCCESS {\"uri\":\"kestra:///merged\"}");
  EXPECT_EQ(ToJson(Value(m.Newest("each_merge").outputs)), "{\"subflowOutputs\":\"kestra:///merged\"}");
  EXPECT_EQ(m.StateOf("each"), "SUCCESS");
  EXPECT_EQ(m.StateOf("next"), "SUBMITTED");
  EXPECT_EQ(m.faults(), "");
}

TEST(ForEachItem, AFileWithoutItemsStartsNothing) {
  Machine m = Cut(ForEachItem("each"), 0);
  EXPECT_TRUE(m.Newest("each_items").outputs.empty());
  EXPECT_EQ(m.StateOf("each_items"), "SUCCESS");
  m.Do("finish each_merge/part SUCCESS {\"uri\":\"u\"}");
  EXPECT_EQ(m.State(), "SUCCESS");
  EXPECT_EQ(m.faults(), "");
}

TEST(ForEachItem, TellsTheChildThatItComesFromTheItems) {
  Machine m(Build({.tasks = {ForEachItem("each")}}));
  m.Do("submit");
  model::TaskFinished cut{m.Newest("each_split").fence(), WorkerId("w"), model::State::kSuccess, {{"numberOfBatches", 2}}};
  const executor::Applied applied = m.Post(cut);
  const auto& start = std::get<model::StartChild>(applied.commands.back());
  EXPECT_EQ(ToJson(start.trigger),
            "{\"id\":\"each_items\",\"type\":\"" + std::string(model::kItemsExecutable) +
                "\",\"variables\":{\"executionId\":\"" + m.execution().id.str() +
                "\",\"namespace\":\"company.team\",\"flowId\":\"flow\",\"flowRevision\":1,\"taskRunId\":\"" +
                m.Newest("each_items").id.str() + "\",\"taskId\":\"each_items\",\"taskRunIteration\":1}}");
}

TEST(ForEachItem, FailedChildrenFailItAndARestartRestartsThoseOnly) {
  Machine m = Cut(ForEachItem("each"), 3);
  m.DoAll({"child-started #3", "child-started #4", "child-started #5", "child-ended #3 SUCCESS", "child-ended #4 FAILED"});
  EXPECT_EQ(m.State(), "RUNNING");
  EXPECT_EQ(m.Do("child-ended #5 FAILED"),
            "  execution: FAILED\n"
            "  each: FAILED\n"
            "  each_items: FAILED\n"
            "  each_items outputs {\"numberOfBatches\":3,\"iterations\":{\"CREATED\":0,\"RUNNING\":0,\"SUCCESS\":1,\"FAILED\":2}}\n"
            "  each_items/batch: FAILED\n"
            "  EmitLog ERROR each_items: The subflow's execution " +
                ToText(m.execution().task_runs[5].outputs.at("executionId")) +
                " ended FAILED\n"
                "  EmitLog INFO: Flow completed with state FAILED in 00:00:00.000\n"
                "  EndExecution FAILED\n");
  EXPECT_EQ(m.Newest("each_items").message, "2 of 3 batches failed");
  EXPECT_FALSE(m.Has("each_merge"));
  const std::string restarted = m.Do("restart");
  EXPECT_NE(restarted.find("  RestartChild of each_items/batch\n  RestartChild of each_items/batch\n"), std::string::npos) << restarted;
  EXPECT_EQ(restarted.find("StartChild"), std::string::npos) << restarted;
  EXPECT_EQ(Iterations(m), "{\"CREATED\":0,\"RUNNING\":2,\"SUCCESS\":1}");
  m.DoAll({"child-ended #4 SUCCESS", "child-ended #5 SUCCESS", "finish each_merge/part SUCCESS {\"uri\":\"u\"}"});
  EXPECT_EQ(m.State(), "SUCCESS");
  EXPECT_EQ(m.faults(), "");
}

TEST(ForEachItem, AChildThatIsRestartedByItselfTakesItAlong) {
  Machine m = Cut(ForEachItem("each"), 2);
  m.DoAll({"child-started #3", "child-started #4", "child-ended #3 FAILED", "child-ended #4 SUCCESS"});
  EXPECT_EQ(m.State(), "FAILED");
  m.Do("child-restarted #3");
  EXPECT_EQ(m.State(), "RUNNING");
  EXPECT_EQ(m.StateOf("each_items"), "RUNNING");
  m.DoAll({"child-ended #3 SUCCESS", "finish each_merge/part SUCCESS {\"uri\":\"u\"}"});
  EXPECT_EQ(m.State(), "SUCCESS");
  EXPECT_EQ(m.faults(), "");
}

TEST(ForEachItem, TheStateFollowsTheChildrenAsTransmitFailedSays) {
  struct Case {
    const char* child;
    bool transmit;
    const char* expected;
  };
  for (const Case& c : {Case{"FAILED", true, "FAILED"}, Case{"WARNING", true, "WARNING"}, Case{"KILLED", true, "KILLED"},
                        Case{"CANCELLED", true, "SUCCESS"}, Case{"FAILED", false, "SUCCESS"}, Case{"KILLED", false, "SUCCESS"}}) {
    Machine m = Cut(ForEachItem("each", {{"transmitFailed", c.transmit}}), 2);
    m.DoAll({"child-started #3", "child-started #4", "child-ended #3 SUCCESS", std::string("child-ended #4 ") + c.child});
    EXPECT_EQ(m.StateOf("each_items"), c.expected) << c.child;
    EXPECT_EQ(Iterations(m), "{\"CREATED\":0,\"RUNNING\":0,\"SUCCESS\":1,\"" + std::string(c.child) + "\":1}");
    EXPECT_EQ(m.faults(), "");
  }
}

TEST(ForEachItem, WithoutWaitingSucceedsOnceTheChildrenExist) {
  Machine m = Cut(ForEachItem("each", {{"wait", false}}), 2);
  m.Do("child-started #3");
  EXPECT_EQ(m.StateOf("each_items"), "RUNNING");
  m.Do("child-started #4");
  EXPECT_EQ(m.StateOf("each_items"), "SUCCESS");
  EXPECT_EQ(ToJson(PartVariables(m.live(), m.Newest("each_merge/part"))), "{\"documents\":\"\",\"partsBefore\":[]}");
  EXPECT_EQ(m.faults(), "");
}

// As many as are asked for at once, and as many as exist at once, are bounded.
TEST(ForEachItem, ChildrenAreAskedForAFewAtATime) {
  Machine m = Cut(ForEachItem("each"), 5'000, /*check_laws=*/false);
  EXPECT_EQ(m.execution().task_runs.size(), 3U + 32);
  model::TaskRunIndex next = 3;
  while (next < m.execution().task_runs.size()) {
    const std::size_t before = m.execution().task_runs.size();
    m.Do("child-started #" + std::to_string(next++));
    EXPECT_LE(m.execution().task_runs.size(), before + 1);
  }
  EXPECT_EQ(next, 3U + 1'000);
  m.DoAll({"child-ended #3 SUCCESS", "child-ended #4 FAILED"});
  EXPECT_EQ(m.execution().task_runs.size(), 3U + 1'002);
  EXPECT_EQ(Iterations(m), "{\"CREATED\":3998,\"RUNNING\":1000,\"SUCCESS\":1,\"FAILED\":1}");
}

TEST(ForEachItem, WhatCannotBeStartedIsNotAskedForAgainAndAgain) {
  Machine m = Cut(ForEachItem("each"), 100);
  m.Do("child-started #3");
  const std::size_t asked = m.execution().task_runs.size();
  for (std::size_t i = 4; i < asked; ++i) m.Do("child-rejected #" + std::to_string(i) + " no such flow");
  EXPECT_EQ(m.execution().task_runs.size(), asked);
  m.Do("child-ended #3 SUCCESS");
  EXPECT_EQ(m.StateOf("each_items"), "FAILED");
  EXPECT_EQ(m.Newest("each_items").message, "no such flow");
  EXPECT_EQ(m.State(), "FAILED");
  m.Do("restart");
  EXPECT_EQ(m.StateOf("each_items"), "RUNNING");
  EXPECT_EQ(m.StateOf("#4"), "SUBMITTED");
  EXPECT_EQ(m.StateOf("#3"), "SUCCESS");
  EXPECT_EQ(m.faults(), "");
}

TEST(ForEachItem, AKillEndsTheChildrenFirst) {
  Machine m = Cut(ForEachItem("each"), 2);
  m.DoAll({"child-started #3", "child-started #4"});
  const std::string killed = m.Do("kill");
  EXPECT_NE(killed.find("  KillChild of each_items/batch\n  KillChild of each_items/batch\n"), std::string::npos) << killed;
  EXPECT_EQ(m.State(), "KILLING");
  m.Do("child-ended #3 KILLED");
  EXPECT_EQ(m.State(), "KILLING");
  m.Do("child-ended #4 KILLED");
  EXPECT_EQ(m.State(), "KILLED");
  EXPECT_EQ(m.StateOf("each_items"), "KILLED");
  EXPECT_EQ(Iterations(m), "{\"CREATED\":0,\"RUNNING\":0,\"KILLED\":2}");
  EXPECT_EQ(m.faults(), "");
}

TEST(ForEachItem, ATimeoutEndsTheChildren) {
  Machine m = Cut(ForEachItem("each").With([](model::Task& task) { task.timeout = "PT1H"; }), 2);
  m.DoAll({"child-started #3", "child-started #4"});
  const std::string late = m.Do("fire timeout each");
  EXPECT_NE(late.find("KillChild"), std::string::npos) << late;
  EXPECT_EQ(m.StateOf("each"), "FAILED");
  EXPECT_EQ(m.StateOf("each_items"), "KILLED");
  EXPECT_EQ(Iterations(m), "{\"CREATED\":0,\"RUNNING\":0,\"KILLED\":2}");
  EXPECT_EQ(m.Do("child-ended #3 KILLED"), "  nothing\n");
  EXPECT_EQ(m.faults(), "");
}

TEST(ForEachItem, ARetryStartsTheFailedBatchAnew) {
  Machine m = Cut(ForEachItem("each").With([](model::Task& task) {
    task.retry = model::RetryPolicy{.interval = std::chrono::seconds(30), .max_attempts = 2};
  }), 2);
  m.DoAll({"child-started #3", "child-started #4", "child-ended #3 SUCCESS", "child-ended #4 FAILED"});
  EXPECT_EQ(m.State(), "RETRYING");
  const std::string again = m.Do("fire retry #4");
  EXPECT_NE(again.find("StartChild of each_items/batch attempt 2"), std::string::npos) << again;
  m.DoAll({"child-started #4", "child-ended #4 SUCCESS", "finish each_merge/part SUCCESS {\"uri\":\"u\"}"});
  EXPECT_EQ(m.State(), "SUCCESS");
  EXPECT_EQ(m.faults(), "");
}

TEST(ForEachItem, WhileHeldNothingIsAskedFor) {
  Machine m = Cut(ForEachItem("each"), 40);
  m.Do("pause");
  for (int i = 3; i < 35; ++i) m.Do("child-started #" + std::to_string(i));
  for (int i = 3; i < 35; ++i) EXPECT_EQ(m.Do("child-ended #" + std::to_string(i) + " SUCCESS").find("StartChild"), std::string::npos);
  EXPECT_EQ(m.State(), "PAUSED");
  const std::string resumed = m.Do("resume");
  EXPECT_NE(resumed.find("StartChild"), std::string::npos) << resumed;
  EXPECT_EQ(m.execution().task_runs.size(), 43U);
  EXPECT_EQ(m.faults(), "");
}

TEST(ForEachItem, ManyOutputsAreMergedInParts) {
  Machine m = Cut(ForEachItem("each"), 3);
  const std::string wide = "{\"x\":\"" + std::string(400'000, 'x') + "\"}";
  for (int i = 3; i < 6; ++i) m.Do("child-started #" + std::to_string(i));
  for (int i = 3; i < 6; ++i) m.Do("child-ended #" + std::to_string(i) + " SUCCESS " + wide);
  const model::TaskRunIndex first = m.Newest("each_merge/part").index;
  EXPECT_EQ(PartVariables(m.live(), m.execution().task_runs[first]).at("documents").as_string().size(), 2 * (wide.size() + 1));
  EXPECT_FALSE(PartVariables(m.live(), m.execution().task_runs[first]).contains("partsBefore"));
  m.Do("finish each_merge/part SUCCESS {\"uri\":\"kestra:///1\"}");
  EXPECT_NE(m.Newest("each_merge/part").index, first);
  const Object last = PartVariables(m.live(), m.Newest("each_merge/part"));
  EXPECT_EQ(ToJson(last.at("partsBefore")), "[\"kestra:///1\"]");
  EXPECT_EQ(last.at("documents").as_string().size(), wide.size() + 1);
  m.Do("finish each_merge/part SUCCESS {\"uri\":\"kestra:///2\"}");
  EXPECT_EQ(ToText(m.Newest("each_merge").outputs.at("subflowOutputs")), "kestra:///2");
  EXPECT_EQ(m.State(), "SUCCESS");
  EXPECT_EQ(m.faults(), "");
}

TEST(ForEachItem, AMergeThatFailsIsRestartedWithoutTheChildren) {
  Machine m = Cut(ForEachItem("each"), 1);
  m.DoAll({"child-started #3", "child-ended #3 SUCCESS {\"x\":1}", "finish each_merge/part FAILED the disk is full"});
  EXPECT_EQ(m.State(), "FAILED");
  EXPECT_EQ(m.Newest("each_merge").message, "the disk is full");
  const std::string restarted = m.Do("restart");
  EXPECT_EQ(restarted.find("Child"), std::string::npos) << restarted;
  EXPECT_EQ(m.StateOf("each_merge/part"), "SUBMITTED");
  m.Do("finish each_merge/part SUCCESS {\"uri\":\"u\"}");
  EXPECT_EQ(m.State(), "SUCCESS");
  EXPECT_EQ(m.faults(), "");
}

TEST(ForEachItem, WhatIsInsideIsNoOutputOfTheFlow) {
  Machine m = Cut(ForEachItem("each"), 1);
  m.DoAll({"child-started #3", "child-ended #3 SUCCESS"});
  const Object context = BuildContext(m.live(), std::nullopt, {.paths = {{"outputs"}, {"tasks"}}});
  EXPECT_FALSE(context.at("outputs").as_object().contains("each_items/batch"));
  EXPECT_FALSE(context.at("tasks").as_object().contains("each_merge/part"));
  EXPECT_TRUE(context.at("tasks").as_object().contains("each_items"));
}

}  // namespace
}  // namespace headrace::executor_test
