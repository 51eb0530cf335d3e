// What a worker is sent fits a frame, or is refused where somebody can read why.
#include "tests/unit/scheduler/core_fixture.h"

namespace headrace::scheduler {
namespace {

using model::State;

class LargeContextTest : public CoreTest {
 protected:
  void SendFrame(const std::string& peer, std::string bytes) override {
    largest_ = std::max(largest_, bytes.size());
    ++frames_;
    // As the queue does.
    if (bytes.size() > wire::kFrameBytesMax) return;
    CoreTest::SendFrame(peer, std::move(bytes));
  }
  void JoinWith(std::uint32_t slots) {
    wire::Hello hello;
    hello.worker = WorkerId("w");
    hello.incarnation = 1;
    hello.capacity = slots;
    FromWorker(hello);
    FromWorker(wire::Credit{slots, 1});
  }
  void End(const wire::Assign& assign, const std::string& outputs = "{}") {
    FromWorker(wire::TaskResult{.key = assign.key, .outcome = State::kSuccess, .outputs_json = outputs});
    CommitAll();
  }
  std::size_t largest_ = 0;
  std::size_t frames_ = 0;
};

std::string Large() { return R"({"value":")" + std::string(1'000'000, 'x') + "\"}"; }

TEST_F(LargeContextTest, ManyLargeAssignmentsGoInSeveralFrames) {
  std::string source = "id: wide\nnamespace: t\ntasks:\n  - {id: first, type: test.Task}\n  - id: p\n"
                       "    type: io.kestra.plugin.core.flow.Parallel\n    tasks:\n";
  for (int i = 0; i < 40; ++i) source += "      - {id: t" + std::to_string(i) + ", type: test.Task, text: \"{{ outputs.first.value }}\"}\n";
  Apply(source);
  JoinWith(64);
  Submit("", {}, "wide");
  CommitAll();
  End(Take<wire::Assign>().at(0), Large());
  const auto assigned = Take<wire::Assign>();
  EXPECT_EQ(assigned.size(), 40u);
  EXPECT_LE(largest_, wire::kFrameBytesMax / 2);
  EXPECT_GE(frames_, 20u);
}

TEST_F(LargeContextTest, OneThatFitsNoFrameFailsItsTaskAndNobodyElse) {
  std::string source = "id: deep\nnamespace: t\ntasks:\n";
  for (int i = 0; i < 9; ++i) source += "  - {id: t" + std::to_string(i) + ", type: test.Task}\n";
  Apply(source + "  - {id: last, type: test.Task, text: \"{{ outputs }}\"}\n");
  JoinWith(4);
  Submit("", {}, "deep");
  CommitAll();
  for (int i = 0; i < 9; ++i) {
    const auto assigned = Take<wire::Assign>();
    ASSERT_EQ(assigned.size(), 1u) << i;
    End(assigned[0], Large());
  }
  EXPECT_TRUE(Take<wire::Assign>().empty());
  EXPECT_EQ(StateOf(replies_.at(0)->id), State::kFailed);
  const auto stored = store_.Read(replies_.at(0)->id);
  const auto run = wire::DecodeTaskRun(stored->task_runs.back());
  EXPECT_NE(run->message.find("CONTEXT_TOO_LARGE: the task and what its expressions name are 9000"), std::string::npos) << run->message;
  EXPECT_LE(largest_, wire::kFrameBytesMax);
  // The worker is none the worse for it.
  Submit("");
  CommitAll();
  EXPECT_EQ(Take<wire::Assign>().size(), 1u);
}

}  // namespace
}  // namespace headrace::scheduler
