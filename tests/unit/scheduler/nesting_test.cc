// Flows that start themselves, one another, or more than anybody meant: told at deployment, ended at the latest by a bound.
#include "tests/unit/scheduler/core_fixture.h"

namespace headrace::scheduler {
namespace {

using model::State;

std::string Starts(const std::string& id, const std::string& other, int times = 1) {
  std::string source = "id: " + id + "\nnamespace: t\ntasks:\n  - id: all\n    type: io.kestra.plugin.core.flow.Parallel\n    tasks:\n";
  for (int i = 0; i < times; ++i) {
    source += "      - {id: s" + std::to_string(i) + ", type: io.kestra.plugin.core.flow.Subflow, namespace: t, flowId: " + other + "}\n";
  }
  return source;
}

class NestingTest : public CoreTest {
 protected:
  std::vector<model::Execution> All() {
    std::vector<model::Execution> all;
    store::ExecutionQuery query{.limit = 1000};
    do {
      const auto page = store_.List(query);
      EXPECT_TRUE(page);
      for (const std::string& record : page->records) all.push_back(*wire::DecodeExecution(record));
      query.page_token = page->next_page_token;
    } while (!query.page_token.empty());
    return all;
  }
  std::string MessageOf(const model::Execution& execution) {
    const auto stored = store_.Read(execution.id);
    for (const std::string& record : stored->task_runs) {
      const auto run = wire::DecodeTaskRun(record);
      if (!run->message.empty()) return run->message;
    }
    return "";
  }
};

TEST_F(NestingTest, ACircleIsToldWhenItIsClosed) {
  const auto a = registry_->Apply(Starts("a", "b"), "a.yaml", now_.wall);
  ASSERT_TRUE(a);
  EXPECT_TRUE(a->warnings.empty()) << "nobody knows b yet";
  const auto b = registry_->Apply(Starts("b", "a"), "b.yaml", now_.wall);
  ASSERT_TRUE(b);
  ASSERT_EQ(b->warnings.size(), 1u);
  EXPECT_EQ(ToString(b->warnings[0]),
            "b.yaml:7:9: s0.flowId: these flows start one another in a circle: t.b -> t.a -> t.b; unless a condition ends it, "
            "executions fail when subflows are nested too deep");
  EXPECT_EQ(registry_->Check(Starts("b", "f"), "b.yaml")->warnings.size(), 0u) << "what is checked counts, not what is there";
}

TEST_F(NestingTest, ACircleEndsThirtyTwoDeep) {
  Apply(Starts("a", "b"));
  Apply(Starts("b", "a"));
  Submit("", {}, "a");
  CommitAll();
  const auto all = All();
  EXPECT_EQ(all.size(), 1u + 32u);
  for (const model::Execution& execution : all) EXPECT_EQ(execution.state.current(), State::kFailed);
  const bool told = std::any_of(all.begin(), all.end(), [&](const model::Execution& execution) {
    return MessageOf(execution).find("subflows are nested more than 32 deep: does a flow start itself?") != std::string::npos;
  });
  EXPECT_TRUE(told);
}

TEST_F(NestingTest, AChainThatIsThirtyTwoDeepRuns) {
  Apply("id: f33\nnamespace: t\ntasks:\n  - {id: end, type: io.kestra.plugin.core.execution.Labels, labels: {deep: 'yes'}}\n");
  for (int i = 32; i >= 1; --i) Apply(Starts("f" + std::to_string(i), "f" + std::to_string(i + 1)));
  Submit("", {}, "f1");
  CommitAll();
  const auto all = All();
  EXPECT_EQ(all.size(), 33u);
  for (const model::Execution& execution : all) EXPECT_EQ(execution.state.current(), State::kSuccess) << execution.flow_id;
}

// Twice as many at every level would be four thousand million at the bottom.
TEST_F(NestingTest, ATreeThatGrowsAtEveryLevelEnds) {
  core_options_.recursions_max = 100;
  Boot();
  Apply(Starts("a", "b", 2));
  Apply(Starts("b", "a", 2));
  Submit("", {}, "a");
  CommitAll();
  const auto all = All();
  EXPECT_LE(all.size(), 103u);
  EXPECT_GT(all.size(), 60u);
  for (const model::Execution& execution : all) EXPECT_EQ(execution.state.current(), State::kFailed);
  const bool told = std::any_of(all.begin(), all.end(), [&](const model::Execution& execution) {
    return MessageOf(execution).find("more than 100 subflows run inside executions of their own flow") != std::string::npos;
  });
  EXPECT_TRUE(told);
}

TEST_F(NestingTest, ManySubflowsThatDoNotRunInsideThemselvesAreFine) {
  core_options_.recursions_max = 3;
  Boot();
  Apply("id: leaf\nnamespace: t\ntasks:\n  - {id: end, type: io.kestra.plugin.core.execution.Labels, labels: {x: 'y'}}\n");
  Apply(Starts("wide", "leaf", 50));
  Submit("", {}, "wide");
  CommitAll();
  EXPECT_EQ(StateOf(replies_.at(0)->id), State::kSuccess);
  EXPECT_EQ(All().size(), 51u);
}

}  // namespace
}  // namespace headrace::scheduler
