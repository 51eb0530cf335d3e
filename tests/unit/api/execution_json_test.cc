// The shape of REST.md "Execution JSON".
#include "api/execution_json.h"

#include <gtest/gtest.h>

#include "api/translate.h"
#include "tests/unit/api/fake_engine.h"

namespace headrace::api {
namespace {

Object JsonOf(const model::Execution& execution) {
  v1::Execution proto;
  ToProto(execution, testing::LoopFlow().get(), &proto);
  return ExecutionObject(proto);
}

TEST(ExecutionJson, HasTheShapeOfKestra) {
  const Value out = JsonOf(testing::LoopExecution("e1"));
  EXPECT_EQ(*AtPath(out, "id"), "e1");
  EXPECT_EQ(*AtPath(out, "namespace"), "release");
  EXPECT_EQ(*AtPath(out, "flowRevision"), 3);
  EXPECT_EQ(ToJson(*AtPath(out, "inputs")), R"({"version":"1.2.3"})");
  EXPECT_EQ(ToJson(*AtPath(out, "outputs")), "{}");
  EXPECT_EQ(ToJson(*AtPath(out, "labels")), R"([{"key":"release","value":"1.2.3"}])");
  EXPECT_EQ(ToJson(*AtPath(out, "metadata")),
            R"({"attemptNumber":1,"originalCreatedDate":"1970-01-01T00:00:01.000000Z"})");
  EXPECT_EQ(*AtPath(out, "originalId"), "e1");
  EXPECT_EQ(ToJson(*AtPath(out, "state")),
            R"({"current":"RUNNING","histories":[{"state":"CREATED","date":"1970-01-01T00:00:01.000000Z"},)"
            R"({"state":"RUNNING","date":"1970-01-01T00:00:01.500000Z"}],"startDate":"1970-01-01T00:00:01.000000Z"})");
}

TEST(ExecutionJson, TaskRunListIsThePresentIterationAndHistoryTheRest) {
  const Value out = JsonOf(testing::LoopExecution("e1"));
  const Array& list = AtPath(out, "taskRunList")->as_array();
  ASSERT_EQ(list.size(), 2u);
  EXPECT_EQ(ToJson(list[1]),
            R"({"tenantId":"main","id":"run2","executionId":"e1","namespace":"release","flowId":"poll-it",)"
            R"("taskId":"check","parentTaskRunId":"run0","attempts":[{"state":{"current":"RUNNING","histories":)"
            R"([{"state":"CREATED","date":"1970-01-01T00:00:02.000000Z"},)"
            R"({"state":"RUNNING","date":"1970-01-01T00:00:03.250000Z"}],"startDate":"1970-01-01T00:00:02.000000Z"},)"
            R"("workerId":"w1"}],"outputs":{},"state":{"current":"RUNNING","histories":)"
            R"([{"state":"CREATED","date":"1970-01-01T00:00:02.000000Z"},)"
            R"({"state":"RUNNING","date":"1970-01-01T00:00:03.250000Z"}],"startDate":"1970-01-01T00:00:02.000000Z"},)"
            R"("iteration":1})");
  const Array& history = AtPath(out, "taskRunHistory")->as_array();
  ASSERT_EQ(history.size(), 1u);
  EXPECT_EQ(*AtPath(history[0], "id"), "run1");
  EXPECT_EQ(*AtPath(history[0], "state.duration"), "PT1.25S");
  EXPECT_EQ(*AtPath(history[0], "state.endDate"), "1970-01-01T00:00:03.250000Z");
}

TEST(ExecutionJson, WhatAForEachItemIsMadeOfInsideIsNotShown) {
  v1::Execution proto;
  for (const char* task : {"each_items", "each_items/batch"}) {
    v1::TaskRun* run = proto.add_task_runs();
    run->set_id(task);
    run->set_task_id(task);
  }
  const Value out = ExecutionObject(proto);
  ASSERT_EQ(AtPath(out, "taskRunList")->as_array().size(), 1u);
  EXPECT_EQ(*AtPath(AtPath(out, "taskRunList")->as_array()[0], "taskId"), "each_items");
}

TEST(ExecutionJson, NullsAreLeftOut) {
  model::Execution execution = testing::LoopExecution("e1");
  const Value bare = JsonOf(execution);
  for (const char* key : {"parentId", "trigger", "variables", "message"}) EXPECT_EQ(AtPath(bare, key), nullptr) << key;
  execution.parent = model::ParentLink{ExecutionId("p1")};
  execution.trigger = Object{{"id", "t"}, {"type", "Schedule"}};
  execution.outputs["digest"] = Object{{"n", 9007199254740993}};
  execution.message = "no such flow";
  const Value full = JsonOf(execution);
  EXPECT_EQ(*AtPath(full, "parentId"), "p1");
  EXPECT_EQ(*AtPath(full, "trigger.id"), "t");
  EXPECT_EQ(AtPath(full, "outputs.digest.n")->as_int64(), 9007199254740993);
  EXPECT_EQ(*AtPath(full, "message"), "no such flow");
}

TEST(ExecutionJson, ATextThatIsNoJsonIsShownAsItIs) {
  v1::Execution proto;
  proto.set_inputs_json("{broken");
  EXPECT_EQ(ExecutionObject(proto).at("inputs"), "{broken");
}

}  // namespace
}  // namespace headrace::api
