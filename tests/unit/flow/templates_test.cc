// Templates: what a flow becomes that takes one in, what is refused, and that a stored flow keeps those of its time.
#include "common/flow/templates.h"

#include <gtest/gtest.h>

#include "common/flow/builder.h"

namespace headrace::flow {
namespace {

const std::string kTemplate = "id: steps\nnamespace: a.b\ndescription: d\ntasks:\n  - {id: one, type: t.Log, message: '{{ parent.outputs.args.x }}'}\n"
                              "  - {id: two, type: t.Log, message: '{{ outputs.one.x }}'}\nerrors:\n  - {id: three, type: t.Log, message: m}\n";
const std::string kFlow = "id: f\nnamespace: c\ntasks:\n"
                          "  - id: take\n    type: io.kestra.plugin.core.flow.Template\n    namespace: a.b\n    templateId: steps\n"
                          "    args: {x: 1}\n    errors:\n      - {id: own, type: t.Log, message: m}\n"
                          "  - {id: last, type: t.Log, message: '{{ outputs.two.x }}'}\n";

Catalog Types() {
  Catalog catalog;
  catalog.Add({.type = "t.Log", .properties = {{.name = "message"}}});
  catalog.Add({.type = "io.kestra.plugin.core.flow.Template",
               .role = model::TaskRole::kFlowable,
               .properties = {{.name = "namespace", .required = true, .rendered = false},
                              {.name = "templateId", .required = true, .rendered = false},
                              {.name = "args", .kind = model::PropertyKind::kMap},
                              {.name = "errors", .kind = model::PropertyKind::kTaskList, .rendered = false}}});
  return catalog;
}

Catalog With(const std::vector<std::string>& templates) {
  Catalog catalog = Types();
  auto book = std::make_shared<TemplateBook>();
  for (const std::string& source : templates) {
    const Status added = book->Add(source, "templates.yaml", catalog);
    EXPECT_TRUE(added) << added.error().ToString();
  }
  catalog.AllowTemplates(std::move(book));
  return catalog;
}

std::string Refused(const std::string& source, const Catalog& catalog) {
  const auto built = BuildFlow(source, "f.yaml", catalog);
  return built ? "nothing" : built.error().ToString();
}

void Says(const std::string& text, const std::string& part) { EXPECT_NE(text.find(part), std::string::npos) << text; }

std::string Ids(const model::Flow& flow, const model::Task& task, const char* group) {
  std::string ids;
  for (const model::TaskIndex index : task.FindGroup(group)->tasks) ids += flow.task(index).id + " ";
  return ids;
}

TEST(Templates, TheirTasksBecomeChildren) {
  const Catalog catalog = With({kTemplate});
  const auto built = BuildFlow(kFlow, "f.yaml", catalog);
  ASSERT_TRUE(built) << built.error().ToString();
  const model::Flow& flow = *built->flow;
  const model::Task& take = flow.task(flow.tasks.front());
  EXPECT_EQ(Ids(flow, take, "tasks"), "one two ");
  EXPECT_EQ(Ids(flow, take, "errors"), "three own ");
  EXPECT_EQ(flow.task(*flow.FindTask("two")).line, 4);
  EXPECT_TRUE(built->warnings.empty());
  EXPECT_EQ(flow.source, kFlow);
}

TEST(Templates, AreRefusedUnlessTheyAreSwitchedOn) {
  const std::string said = Refused(kFlow, Types());
  Says(said, "f.yaml:5:11: tasks[0].type: templates are switched off: give the folder that holds them with `--templates DIR`");
  EXPECT_EQ(said.find("has no task"), std::string::npos) << said;
}

TEST(Templates, AreNamedWhenTheyAreMissing) {
  std::string wrong = kFlow;
  wrong.replace(wrong.find("steps"), 5, "stops");
  Says(Refused(wrong, With({kTemplate})), "f.yaml:7:17: tasks[0].templateId: there is no template `a.b.stops`; did you mean `a.b.steps`?");
}

TEST(Templates, AnIdThatTheFlowHasAlreadyIsToldWhereItIsTakenIn) {
  const std::string twice = kFlow + "  - {id: again, type: io.kestra.plugin.core.flow.Template, namespace: a.b, templateId: steps}\n";
  Says(Refused(twice, With({kTemplate})), "f.yaml:12:5: tasks[2]: in the template `a.b.steps`: Duplicate task id with name [one]");
}

TEST(Templates, TakeOthersInButNotThemselves) {
  const std::string outer = "id: outer\nnamespace: a.b\ntasks:\n"
                            "  - {id: inner, type: io.kestra.plugin.core.flow.Template, namespace: a.b, templateId: steps}\n";
  std::string flow = kFlow;
  flow.replace(flow.find("steps"), 5, "outer");
  const auto built = BuildFlow(flow, "f.yaml", With({outer, kTemplate}));
  ASSERT_TRUE(built) << built.error().ToString();
  EXPECT_EQ(built->flow->task(*built->flow->FindTask("two")).parent, built->flow->FindTask("inner"));

  std::string round = outer;
  round.replace(round.find("steps"), 5, "outer");
  Says(Refused(flow, With({round})), "the template `a.b.outer` takes itself in");
}

TEST(Templates, AreCheckedWhenTheyAreRead) {
  const auto said = [](const std::string& source) {
    TemplateBook book;
    const Status added = book.Add(source, "t.yaml", Types());
    return added ? std::string() : added.error().ToString();
  };
  Says(said("id: x\nnamespace: a\ntasks:\n  - {id: one, type: t.Lag, message: m}\n"), "t.yaml:4:21: tasks[0].type: unknown task type `t.Lag`");
  Says(said("id: x\nnamespace: a\ntask: []\n"), "unknown property `task` of a template; did you mean `tasks`?");
  Says(said("id: x\nnamespace: a\n"), "tasks");
  Says(said("id: x\nnamespace: a\ntasks:\n  - {id: one, type: t.Log, message: '{{ a b }}'}\n"), "t.yaml:4");
  TemplateBook book;
  ASSERT_TRUE(book.Add(kTemplate, "t.yaml", Types()));
  const Status twice = book.Add(kTemplate, "u.yaml", Types());
  ASSERT_FALSE(twice);
  Says(twice.error().ToString(), "there is a template `a.b.steps` already");
}

TEST(Templates, AStoredFlowKeepsThoseOfItsTime) {
  const auto first = BuildFlow(kFlow, "f.yaml", With({kTemplate}));
  ASSERT_TRUE(first) << first.error().ToString();
  std::string changed = kTemplate;
  changed.replace(changed.find("two"), 3, "2nd");
  const auto stored = BuildStored(first->stored, "c/f", With({changed}), 1);
  ASSERT_TRUE(stored) << stored.error().ToString();
  EXPECT_TRUE(stored->flow->FindTask("two"));
  EXPECT_EQ(stored->flow->digest, first->flow->digest);
  EXPECT_EQ(stored->flow->source, kFlow);
  // Also where they are switched off by now.
  EXPECT_TRUE(BuildStored(first->stored, "c/f", Types(), 1));
  // Applied again it is another revision.
  std::string other = kTemplate;
  other.replace(other.find("message: m"), 10, "message: n");
  EXPECT_NE(BuildFlow(kFlow, "f.yaml", With({other}))->flow->digest, first->flow->digest);
  // Nobody brings templates of their own along.
  Says(Refused(first->stored, Types()), "a comment of this flow is one that headrace writes");
}

TEST(Templates, AFlowWithoutThemIsStoredAsItIs) {
  const std::string plain = "id: f\nnamespace: c\ntasks:\n  - {id: last, type: t.Log, message: m}\n";
  const auto built = BuildFlow(plain, "f.yaml", With({kTemplate}));
  ASSERT_TRUE(built);
  EXPECT_EQ(built->stored, plain);
  EXPECT_EQ(BuildStored(plain, "f.yaml", Types(), 1)->flow->digest, built->flow->digest);
}

}  // namespace
}  // namespace headrace::flow
