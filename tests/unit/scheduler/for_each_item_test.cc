// A ForEachItem through the core: its children, what a worker is given to merge, its log, a scheduler that dies meanwhile.
#include "tests/unit/scheduler/core_fixture.h"

namespace headrace::scheduler {
namespace {

constexpr const char* kParent = R"(
id: parent
namespace: t
tasks:
  - {id: each, type: io.kestra.plugin.core.flow.ForEachItem, items: "kestra:///a", namespace: t, flowId: item, inputs: {x: "{{ taskrun.items }}", other: 1}}
)";
constexpr const char* kItem = R"(
id: item
namespace: t
inputs:
  - {id: x, type: STRING}
tasks:
  - {id: one, type: test.Task, text: "{{ inputs.x }}"}
outputs:
  - {id: x, type: STRING, value: "{{ inputs.x }}"}
)";

class ForEachItemTest : public CoreTest {
 protected:
  void AppendLogs(std::vector<store::LogRow> rows) override {
    for (store::LogRow& row : rows) logs_.push_back(std::move(row));
  }
  void End(const wire::Assign& assign, const std::string& outputs = "{}", model::State outcome = model::State::kSuccess) {
    FromWorker(wire::TaskResult{.key = assign.key, .outcome = outcome, .outputs_json = outputs});
    CommitAll();
  }
  std::vector<store::LogRow> logs_;
};

TEST_F(ForEachItemTest, SurvivesTheSchedulerAndMergesWhatItsChildrenGive) {
  Apply(kItem);
  Apply(kParent);
  Join();
  Submit("", {}, "parent");
  CommitAll();
  const auto split = Take<wire::Assign>();
  ASSERT_EQ(split.size(), 1u);
  EXPECT_EQ(split[0].spec->task_id, "each_split");
  End(split[0], R"({"numberOfBatches":3,"batchesBaseUri":"kestra:///b/","batchesExtension":".x"})");
  const auto items = Take<wire::Assign>();
  ASSERT_EQ(items.size(), 3u);
  End(items[1]);
  Take<wire::Assign>();

  Boot();
  Join();
  End(items[0]);
  End(items[2]);
  const auto part = Take<wire::Assign>();
  ASSERT_EQ(part.size(), 1u);
  EXPECT_EQ(part[0].spec->task_id, "each_merge/part");
  const Value context = *ParseJson(part[0].context_json);
  EXPECT_EQ(*Member(context, "documents"),
            "{\"x\":\"kestra:///b/1.x\"}\n{\"x\":\"kestra:///b/2.x\"}\n{\"x\":\"kestra:///b/3.x\"}\n");
  End(part[0], R"({"uri":"kestra:///merged"})");
  EXPECT_EQ(StateOf(replies_.at(0)->id), model::State::kSuccess);

  // What the children have no use for is said once.
  std::size_t warnings = 0;
  for (const store::LogRow& row : logs_) {
    if (row.message.find("isn't declared") == std::string::npos) continue;
    ++warnings;
    EXPECT_EQ(row.task_id, "each_items");
  }
  EXPECT_EQ(warnings, 1u);
}

TEST_F(ForEachItemTest, TheLogOfAPartIsThatOfTheMerge) {
  Apply(kItem);
  Apply(kParent);
  Join();
  Submit("", {}, "parent");
  CommitAll();
  End(Take<wire::Assign>().at(0), R"({"numberOfBatches":0})");
  const auto part = Take<wire::Assign>();
  ASSERT_EQ(part.size(), 1u);
  FromWorker(wire::Logs{.key = part[0].key, .seq = 1, .entries = {{.at = now_.wall, .level = "INFO", .message = "merging"}}});
  End(part[0], "{}", model::State::kFailed);
  const auto line = std::find_if(logs_.begin(), logs_.end(), [](const store::LogRow& row) { return row.message == "merging"; });
  ASSERT_NE(line, logs_.end());
  EXPECT_EQ(line->task_id, "each_merge");
  EXPECT_EQ(line->task_run, std::optional<model::TaskRunIndex>(3));
  EXPECT_EQ(StateOf(replies_.at(0)->id), model::State::kFailed);
}

}  // namespace
}  // namespace headrace::scheduler
