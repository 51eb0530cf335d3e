// A flow that took a template in: its revision stays what it was, whatever becomes of templates.
#include "common/flow/templates.h"

#include "tests/unit/scheduler/core_fixture.h"

namespace headrace::scheduler {
namespace {

const std::string kFlowWithTemplate =
    "id: f\nnamespace: t\ntasks:\n  - {id: take, type: io.kestra.plugin.core.flow.Template, namespace: t, templateId: steps}\n";

std::shared_ptr<const flow::Catalog> Types(const std::string& source) {
  flow::Catalog catalog;
  catalog.Add({.type = "test.Task"});
  catalog.AddAll(executor::TaskTypeSpecs());
  if (!source.empty()) {
    auto book = std::make_shared<flow::TemplateBook>();
    EXPECT_TRUE(book->Add(source, "t.yaml", catalog));
    catalog.AllowTemplates(std::move(book));
  }
  return std::make_shared<const flow::Catalog>(std::move(catalog));
}

std::string Steps(const std::string& task) { return "id: steps\nnamespace: t\ntasks:\n  - {id: " + task + ", type: test.Task}\n"; }

TEST(Templates, ARevisionKeepsTheOnesItTookIn) {
  const auto store = store::MakeMemoryFlowStore();
  const auto has = [&](const std::string& templates, int revision, const std::string& task) {
    FlowRegistry registry(Types(templates), *store);
    const auto flow = registry.Get("t", "f", revision);
    EXPECT_TRUE(flow) << flow.error().ToString();
    return flow && flow->program->FindTask(task).has_value();
  };
  FlowRegistry first(Types(Steps("one")), *store);
  ASSERT_TRUE(first.Apply(kFlowWithTemplate, "f.yaml", Timestamp{}));
  FlowRegistry changed(Types(Steps("two")), *store);
  const auto again = changed.Apply(kFlowWithTemplate, "f.yaml", Timestamp{});
  ASSERT_TRUE(again) << again.error().ToString();
  EXPECT_TRUE(again->changed);
  EXPECT_FALSE(changed.Apply(kFlowWithTemplate, "f.yaml", Timestamp{})->changed);

  EXPECT_TRUE(has(Steps("two"), 1, "one"));
  EXPECT_TRUE(has("", 2, "two"));
  const auto rows = first.Revisions("t", "f");
  ASSERT_EQ(rows->size(), 2u);
  for (const store::FlowRow& row : *rows) EXPECT_EQ(row.source, kFlowWithTemplate);
}

}  // namespace
}  // namespace headrace::scheduler
