// Flows that start one another are told before they do.
#include "common/flow/subflow_circles.h"

#include <gtest/gtest.h>

#include <map>

#include "common/flow/builder.h"
#include "tests/unit/flow/sample_catalog.h"

namespace headrace::flow {
namespace {

class Flows {
 public:
  // A flow that starts these, each "id" in its own namespace or "ns/id".
  Flows& Add(const std::string& id, const std::vector<std::string>& starts) {
    std::string source = "id: " + id + "\nnamespace: n\ntasks:\n  - {id: log, type: io.kestra.plugin.core.log.Log, message: m}\n";
    for (std::size_t i = 0; i < starts.size(); ++i) {
      const std::size_t slash = starts[i].find('/');
      source += "  - {id: s" + std::to_string(i) + ", type: io.kestra.plugin.core.flow.Subflow, namespace: \"" +
                (slash == std::string::npos ? "n" : starts[i].substr(0, slash)) + "\", flowId: \"" +
                starts[i].substr(slash == std::string::npos ? 0 : slash + 1) + "\"}\n";
    }
    const auto built = BuildFlow(source, id + ".yaml", SampleCatalog());
    EXPECT_TRUE(built) << built.error().ToString();
    flows_[id] = built->flow;
    return *this;
  }

  std::string CircleOf(const std::string& id) {
    const auto found = FindCircle(*flows_.at(id), Find(), id + ".yaml");
    return found ? ToString(*found) : "";
  }

  FindFlow Find() {
    return [this](const std::string& ns, const std::string& id) -> model::FlowPtr {
      ++looks;
      const auto at = flows_.find(id);
      return ns == "n" && at != flows_.end() ? at->second : nullptr;
    };
  }

  int looks = 0;

 private:
  std::map<std::string, model::FlowPtr> flows_;
};

TEST(SubflowCircles, OfTwoAndThree) {
  Flows flows;
  flows.Add("a", {"x", "b"}).Add("b", {"c"}).Add("c", {"a"}).Add("d", {"a"}).Add("x", {});
  EXPECT_EQ(flows.CircleOf("a"),
            "a.yaml:6:5: s1.flowId: these flows start one another in a circle: n.a -> n.b -> n.c -> n.a; unless a condition ends it, "
            "executions fail when subflows are nested too deep");
  EXPECT_NE(flows.CircleOf("b").find("n.b -> n.c -> n.a -> n.b"), std::string::npos);
  EXPECT_EQ(flows.CircleOf("d"), "") << "it leads into a circle, and is not part of it";
  EXPECT_EQ(flows.CircleOf("x"), "");
}

TEST(SubflowCircles, TheShortestIsTold) {
  Flows flows;
  flows.Add("a", {"b", "c"}).Add("b", {"d"}).Add("c", {"a"}).Add("d", {"a"});
  EXPECT_NE(flows.CircleOf("a").find("s1.flowId: these flows start one another in a circle: n.a -> n.c -> n.a;"), std::string::npos);
}

TEST(SubflowCircles, NamesOfTheFlowItselfAreKnown) {
  Flows flows;
  flows.Add("a", {"{{ flow.namespace }}/b"}).Add("b", {"{{flow.namespace}}/a"}).Add("self", {"{{ flow.namespace }}/{{ flow.id }}"});
  EXPECT_NE(flows.CircleOf("a"), "");
  EXPECT_NE(flows.CircleOf("self").find("n.self -> n.self"), std::string::npos);
}

TEST(SubflowCircles, WhatOnlyARunKnowsIsNotGuessed) {
  Flows flows;
  flows.Add("a", {"{{ inputs.which ?? 'b' }}", "other/a", "gone"}).Add("b", {"a"});
  EXPECT_EQ(flows.CircleOf("a"), "");
}

// Everything starts everything: each flow is looked at once.
TEST(SubflowCircles, CostWhatIsReachedAndNoMoreThanAThousandFlows) {
  Flows flows;
  std::vector<std::string> all;
  for (int i = 0; i < 60; ++i) all.push_back("f" + std::to_string(i));
  for (const std::string& id : all) {
    std::vector<std::string> others = all;
    std::erase(others, id);
    flows.Add(id, others);
  }
  flows.Add("start", {"f0"});
  EXPECT_EQ(flows.CircleOf("start"), "");
  EXPECT_EQ(flows.looks, 60);
  Flows chain;
  for (int i = 0; i < 3000; ++i) chain.Add("c" + std::to_string(i), {"c" + std::to_string((i + 1) % 3000)});
  EXPECT_EQ(chain.CircleOf("c0"), "") << "longer than anything that could run";
  EXPECT_LE(chain.looks, 1000);
}

}  // namespace
}  // namespace headrace::flow
