// Which flow triggers a state of an execution touches: those that name its flow, and as few others as can be.
#include "scheduler/triggers/flow_index.h"
#include "tests/unit/scheduler/trigger_fixture.h"

namespace headrace::scheduler {
namespace {

using model::State;

const std::string kCondition = "io.kestra.plugin.core.condition.";

std::string After(const std::string& id, const std::string& more) {
  return "id: " + id + "\nnamespace: t\ntasks:\n  - {id: one, type: test.Task}\ntriggers:\n"
         "  - id: after\n    type: io.kestra.plugin.core.trigger.Flow\n" + more;
}
std::string OfFlow(const std::string& ns, const std::string& flow) {
  return "    conditions: [{type: " + kCondition + "ExecutionFlow, namespace: " + ns + ", flowId: " + flow + "}]\n";
}

class FlowIndexTest : public TriggerCoreTest {
 protected:
  // Of an execution of t/f that is killed at once: CREATED, RUNNING and KILLING to KILLED.
  std::size_t MetByOne(const std::string& request) {
    const std::size_t before = Met();
    Submit(request);
    CommitAll();
    core_->Post((*replies_.back()).id, model::KillRequested{}, [](const Status&) {}, now_);
    Settle();
    return Met() - before;
  }
  std::size_t Met() {
    std::size_t met = 0;
    With([&](TriggerRunner& runner) {
      met = runner.flow_triggers_met();
      return Status();
    });
    return met;
  }
  std::vector<std::string> Given(const std::string& ns, const std::string& flow, State state) {
    FlowIndex index;
    for (const auto& spec : specs_) index.Put(*spec);
    std::vector<std::string> ids;
    for (const model::TriggerName& name : index.Of(ns, flow, state)) ids.push_back(name.flow_id);
    return ids;
  }
  void Read(const std::string& source) {
    Deploy(source);
    const std::string id = source.substr(4, source.find('\n') - 4);
    const auto flow = registry_->Get("t", id, 0);
    const auto specs = ReadTriggers(flow->program->flow(), "UTC");
    ASSERT_TRUE(specs) << specs.error().ToString();
    specs_.insert(specs_.end(), specs->begin(), specs->end());
  }
  std::vector<TriggerSpecPtr> specs_;
};
using Ids = std::vector<std::string>;

TEST_F(FlowIndexTest, OnlyTriggersThatCouldMatchAreGiven) {
  Read(After("any", ""));
  Read(After("exact", OfFlow("t", "f")));
  Read(After("failed", "    states: [FAILED]\n" + OfFlow("t", "f")));
  Read(After("of_ns", "    conditions: [{type: " + kCondition + "ExecutionNamespace, namespace: t}]\n"));
  Read(After("prefix", "    conditions: [{type: " + kCondition + "ExecutionNamespace, namespace: t, comparison: PREFIX}]\n"));
  Read(After("rendered", OfFlow("t", "\"{{ vars.x }}\"")));
  Read(After("window", "    preconditions:\n      id: w\n      flows: [{namespace: t, flowId: f}, {namespace: u}]\n"));
  Read(After("where", "    preconditions:\n      id: w\n      where:\n        - {id: a, filters: [{field: FLOW_ID, type: EQUAL_TO, value: f}]}\n"));
  Read(After("either", "    preconditions:\n      id: w\n      where:\n        - id: a\n          operand: OR\n"
                       "          filters: [{field: FLOW_ID, type: EQUAL_TO, value: x}, {field: STATE, type: EQUAL_TO, value: KILLED}]\n"));
  EXPECT_EQ(Given("t", "f", State::kSuccess), (Ids{"any", "either", "exact", "of_ns", "prefix", "rendered", "where", "window"}));
  EXPECT_EQ(Given("t", "f", State::kFailed), (Ids{"any", "either", "exact", "failed", "of_ns", "prefix", "rendered", "where", "window"}));
  EXPECT_EQ(Given("t", "f", State::kRunning), Ids{});
  EXPECT_EQ(Given("t", "g", State::kSuccess), (Ids{"any", "either", "of_ns", "prefix", "rendered"}));
  EXPECT_EQ(Given("u", "g", State::kSuccess), (Ids{"any", "either", "prefix", "window"}));
  EXPECT_EQ(Given("v", "f", State::kSuccess), (Ids{"any", "either", "prefix", "where"}));
}

TEST_F(FlowIndexTest, WhatIsEvaluatedDoesNotGrowWithTriggersOfOtherFlows) {
  Deploy(After("follows", OfFlow("t", "f")));
  const std::size_t alone = MetByOne("r1");
  EXPECT_EQ(alone, 1u);  // KILLED, and no other state
  for (int i = 0; i < 200; ++i) Deploy(After("other" + std::to_string(i), OfFlow("t", "elsewhere" + std::to_string(i))));
  EXPECT_EQ(MetByOne("r2"), alone);
  // Nor after a restart, when the rows alone are known.
  Boot();
  CommitAll();
  EXPECT_EQ(MetByOne("r3"), alone);
  EXPECT_EQ(Of("follows").size(), 3u);
}

TEST_F(FlowIndexTest, ATriggerThatChangedOrWentIsFoundNoMore) {
  Deploy(After("follows", OfFlow("t", "f")));
  Deploy(After("follows", OfFlow("t", "g")));
  EXPECT_EQ(MetByOne("r1"), 0u);
  Deploy(After("follows", OfFlow("t", "f")));
  Deploy("id: follows\nnamespace: t\ntasks:\n  - {id: one, type: test.Task}\n");
  With([&](TriggerRunner& runner) {
    EXPECT_FALSE(runner.wants_states());
    return Status();
  });
  EXPECT_EQ(MetByOne("r2"), 0u);
}

}  // namespace
}  // namespace headrace::scheduler
