#include <gtest/gtest.h>

#include "cli/watch/plain.h"
#include "cli/watch/render.h"
#include "cli/watch/summary.h"
#include "cli/watch/text.h"
#include "scene.h"

namespace headrace::cli {
namespace {

using namespace scene;  // NOLINT: the words of these tests

std::string Join(const std::vector<std::string>& lines) {
  std::string out = "\n";
  for (const std::string& line : lines) out += line + "\n";
  return out;
}

// The release of UX.md: one child polls, the other is done, the rest waits.
Scene Release() {
  Scene root("4JxAAAAAAAAAAAAAAAAAq2", "release-oss-and-ee");
  root.Task("update_labels").Task("parallel_oss_and_ee", -1, v1::TASK_ROLE_FLOWABLE);
  root.Task("oss", 1, v1::TASK_ROLE_EXECUTABLE).LastTask().set_child_flow_id("release-oss");
  root.Task("ee", 1, v1::TASK_ROLE_EXECUTABLE).LastTask().set_child_flow_id("release-ee");
  root.Task("log_release_ok").Task("tell", -1, v1::TASK_ROLE_RUNNABLE, "errors");
  root.State({{v1::STATE_CREATED, 0}, {v1::STATE_RUNNING, 0}}).Label("release", "0.22.12").Label("system.correlationId", "x");
  root.Run("update_labels", {{v1::STATE_RUNNING, 0}, {v1::STATE_SUCCESS, 0.12}});
  root.Run("parallel_oss_and_ee", {{v1::STATE_CREATED, 1}, {v1::STATE_RUNNING, 2}});
  root.Run("oss", {{v1::STATE_RUNNING, 2}}, 1).set_outputs_json(R"({"executionId":"child-oss"})");
  v1::TaskRun& ee = root.Run("ee", {{v1::STATE_RUNNING, 2}, {v1::STATE_SUCCESS, 2894}}, 1);
  ee.set_outputs_json(R"({"executionId":"child-ee"})");
  ee.set_attempt(2);
  return root;
}

Scene Child() {
  Scene child("child-oss", "release-oss");
  child.Task("start");
  child.Task("poll", -1, v1::TASK_ROLE_FLOWABLE, "tasks", "core.flow.LoopUntil").Task("check", 1);
  child.State({{v1::STATE_RUNNING, 2}, {v1::STATE_PAUSED, 4000}});
  child.Run("start", {{v1::STATE_RUNNING, 2}, {v1::STATE_SUCCESS, 5.25}});
  v1::TaskRun& poll = child.Run("poll", {{v1::STATE_CREATED, 6}, {v1::STATE_RUNNING, 6}, {v1::STATE_PAUSED, 4229}});
  poll.set_iteration(13);
  Put(poll.mutable_due(), 4491);
  Put(poll.mutable_deadline(), 21'606);
  v1::TaskRun& old = child.Run("check", {{v1::STATE_RUNNING, 10}, {v1::STATE_WARNING, 12}}, 1);
  old.set_superseded(true);
  old.set_outputs_json(R"({"exitCode":9})");
  child.Run("check", {{v1::STATE_RUNNING, 4200}, {v1::STATE_WARNING, 4228}}, 1).set_outputs_json(R"({"exitCode":1})");
  return child;
}

WatchModel Known() {
  WatchModel model("4JxAAAAAAAAAAAAAAAAAq2");
  model.Apply(model.root_id(), Release().update());
  model.Apply("child-oss", Child().update());
  return model;
}

TEST(RenderTest, ShowsTheReleaseAsThePlanHasIt) {
  EXPECT_EQ(Join(Render(Known(), At(4360), {})), R"(
release-oss-and-ee  4JxAAAAAAAAAAAAAAAAAq2  RUNNING 01:12:40  release=0.22.12
├─ ✔ update_labels         0.1s
├─ ● parallel_oss_and_ee   01:12:39
│  ├─ ● oss → release-oss  01:12:38
│  │  ├─ ✔ start           3.2s
│  │  └─ ● poll            poll 14 · exit 1 · next 02:11 · 4h47m left
│  │     └─ ⚠ check        28.0s
│  └─ ✔ ee → release-ee    48m12s  (retried 1×)
└─ ○ log_release_ok        waiting
)");
}

TEST(RenderTest, CutsToTheWidthOfTheTerminal) {
  const auto lines = Render(Known(), At(4360), {.width = 40});
  for (const std::string& line : lines) EXPECT_LE(Width(line), 40U) << line;
  EXPECT_EQ(lines[0], "release-oss-and-ee  4Jx…q2  RUNNING 01:…");
  EXPECT_EQ(lines[5], "│  │  └─ ● poll       poll 14 · exit 1 …");
}

TEST(RenderTest, LongNamesGiveWayToWhatGoesOn) {
  Scene scene("id", "long");
  scene.Task("a_task_with_a_name_that_nobody_should_have_to_read_as_a_whole");
  scene.Task("poll", -1, v1::TASK_ROLE_FLOWABLE, "tasks", "core.flow.LoopUntil").State({{v1::STATE_RUNNING, 0}});
  v1::TaskRun& poll = scene.Run("poll", {{v1::STATE_RUNNING, 0}, {v1::STATE_PAUSED, 1}});
  poll.set_iteration(122);
  Put(poll.mutable_due(), 300);
  Put(poll.mutable_deadline(), 21'600);
  WatchModel model("id");
  model.Apply("id", scene.update());
  EXPECT_EQ(Join(Render(model, At(1), {.width = 60})), R"(
long  id  RUNNING 00:01
├─ ○ a_task_with_a_name…  waiting
└─ ● poll                 poll 123 · next 04:59 · 5h59m left
)");
}

TEST(RenderTest, WritesAsciiWhereNothingElseIsShown) {
  for (const std::string& line : Render(Known(), At(4360), {.width = 60, .ascii = true})) {
    for (const char c : line) EXPECT_GE(c, ' ') << line;
  }
}

TEST(RenderTest, ColoursCostNoColumns) {
  const auto plain = Render(Known(), At(4360), {});
  const auto color = Render(Known(), At(4360), {.color = true});
  ASSERT_EQ(plain.size(), color.size());
  for (std::size_t i = 0; i < plain.size(); ++i) EXPECT_EQ(Printable(color[i]), plain[i]);
  EXPECT_NE(plain, color);
}

TEST(RenderTest, FoldsWhatIsDoneWhenTheScreenIsLow) {
  Scene scene("id", "many");
  for (int i = 0; i < 50; ++i) scene.Task("t" + std::to_string(i));
  scene.State({{v1::STATE_RUNNING, 0}});
  for (int i = 0; i < 20; ++i) scene.Run("t" + std::to_string(i), {{v1::STATE_RUNNING, i * 1.0}, {v1::STATE_SUCCESS, i + 1.0}});
  scene.Run("t20", {{v1::STATE_RUNNING, 20}});
  WatchModel model("id");
  model.Apply("id", scene.update());
  EXPECT_EQ(Join(Render(model, At(25), {.height = 10})), R"(
many  id  RUNNING 00:25
├─ ✔ 20 tasks  done
├─ ● t20       00:05
└─ ○ 29 tasks  waiting
)");
}

TEST(RenderTest, CutsWhatCannotBeFolded) {
  Scene scene("id", "wide");
  scene.State({{v1::STATE_RUNNING, 0}});
  for (int i = 0; i < 30; ++i) scene.Task("t" + std::to_string(i)).Run("t" + std::to_string(i), {{v1::STATE_RUNNING, 0}});
  WatchModel model("id");
  model.Apply("id", scene.update());
  const auto lines = Render(model, At(1), {.height = 10});
  EXPECT_EQ(lines.size(), 10U);
  EXPECT_EQ(lines.back(), "… 22 more");
}

TEST(RenderTest, NeverLetsAScriptSteerTheTerminal) {
  Scene scene("id", "evil");
  scene.Task("t").State({{v1::STATE_RUNNING, 0}, {v1::STATE_FAILED, 1}});
  scene.Run("t", {{v1::STATE_RUNNING, 0}, {v1::STATE_FAILED, 1}}).set_message("a\x1b]0;title\x07" "b\x1b[2Jc\nd\xc2\x9b" "e");
  WatchModel model("id");
  model.Apply("id", scene.update());
  EXPECT_EQ(Render(model, At(1), {})[1], "└─ ✖ t  FAILED  1.0s  abc; de");
}

Scene FailedLoop() {
  Scene scene("id", "poller");
  scene.Task("poll", -1, v1::TASK_ROLE_FLOWABLE, "tasks", "core.flow.LoopUntil").Task("check", 0);
  scene.State({{v1::STATE_RUNNING, 0}, {v1::STATE_FAILED, 30}});
  v1::TaskRun& poll = scene.Run("poll", {{v1::STATE_RUNNING, 0}, {v1::STATE_FAILED, 30}});
  poll.set_iteration(2);
  poll.set_message("Max duration reached");
  for (int i = 0; i < 3; ++i) {
    v1::TaskRun& check = scene.Run("check", {{v1::STATE_CREATED, i * 10.0}, {v1::STATE_WARNING, i * 10 + 4.0}}, 0);
    check.set_superseded(i < 2);
    Put(check.add_attempts()->mutable_state(), {{v1::STATE_RUNNING, i * 10 + 1.0}, {v1::STATE_WARNING, i * 10 + 4.0}});
  }
  return scene;
}

TEST(RenderFailureTest, NamesThePlaceAndTheLastLines) {
  WatchModel model("id");
  model.Apply("id", FailedLoop().update());
  for (int i = 0; i < 12; ++i) {
    v1::LogEntry entry;
    entry.set_task_run_index(0);
    entry.set_message("line " + std::to_string(i));
    model.AddLog("id", entry);
  }
  const auto lines = RenderFailure(model, {});
  ASSERT_EQ(lines.size(), 12U);
  EXPECT_EQ(lines[0], "✖ poll FAILED");
  EXPECT_EQ(lines[1], "  Max duration reached");
  EXPECT_EQ(lines[2], "  │ line 2");
  EXPECT_EQ(lines[11], "  │ line 11");
}

TEST(RenderFailureTest, IsSilentAboutWhatWentWell) {
  EXPECT_TRUE(RenderFailure(Known(), {}).empty());
}

TEST(SummaryTest, CountsIterationsAndPartsWaitingFromRunning) {
  WatchModel model("id");
  model.Apply("id", FailedLoop().update());
  EXPECT_EQ(Join(RenderSummary(model, At(60), {})), R"(
task run     state    attempts  iterations  duration  running  waiting
poller     ✖ FAILED                            30.0s     9.0s    21.0s
  poll     ✖ FAILED                      3     30.0s     9.0s    21.0s
    check  ⚠ WARNING         3           3     12.0s     9.0s     3.0s
)");
}

TEST(TextTest, SaysSpansAsPeopleDo) {
  using std::chrono::hours;
  using std::chrono::milliseconds;
  using std::chrono::seconds;
  EXPECT_EQ(TookText(milliseconds(120)), "0.1s");
  EXPECT_EQ(TookText(seconds(2892)), "48m12s");
  EXPECT_EQ(TookText(seconds(18'120)), "5h02m");
  EXPECT_EQ(TickText(seconds(131)), "02:11");
  EXPECT_EQ(TickText(seconds(4360)), "01:12:40");
  EXPECT_EQ(TickText(seconds(-5)), "00:00");
  EXPECT_EQ(LeftText(hours(77)), "3d05h");
}

TEST(TextTest, CountsColumnsNotBytes) {
  EXPECT_EQ(Width("✔ é"), 3U);
  EXPECT_EQ(Width("日本"), 4U);
  EXPECT_EQ(Fit("日本語", 5, false), "日本…");
  EXPECT_EQ(Fit("abc", 3, false), "abc");
  EXPECT_EQ(Fit("abcd", 3, true), "ab~");
}

}  // namespace
}  // namespace headrace::cli
