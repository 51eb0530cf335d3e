// The watcher over a scripted feed: what it says, when it ends, and with which code.
#include "cli/watch/watch.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdlib>
#include <deque>
#include <sstream>

#include "cli/exit_code.h"
#include "scene.h"

namespace headrace::cli {
namespace {

using namespace scene;  // NOLINT: the words of these tests

// Each Take plays the next step.
class FakeFeed final : public Feed {
 public:
  FakeFeed() : fd_(eventfd(1, EFD_CLOEXEC)) {}
  ~FakeFeed() override { close(fd_); }

  FakeFeed& Then(std::vector<FeedItem> items) {
    steps_.push_back([items] { return items; });
    return *this;
  }
  FakeFeed& Then(std::function<void()> act) {
    steps_.push_back([act] { act(); return std::vector<FeedItem>(); });
    return *this;
  }
  FakeFeed& ThenUpdate(const Scene& scene) { return Then({{scene.update().execution().id(), scene.update()}}); }
  FakeFeed& ThenEnd(const std::string& id) { return Then({{id, StreamEnded{true, {}}}, {id, StreamEnded{false, {}}}}); }

  int fd() const override { return fd_; }
  std::vector<FeedItem> Take() override {
    if (steps_.empty()) return {};
    auto step = std::move(steps_.front());
    steps_.pop_front();
    return step();
  }
  void Watch(const std::string& execution, bool awaited) override {
    watched.push_back(execution + (awaited ? " awaited" : ""));
  }
  void FollowLogs(const std::string&, bool) override {}
  Duration NextRetry() const override { return Duration::max(); }
  Status Kill(const std::string& execution, const std::string&) override {
    killed.push_back(execution);
    if (on_kill) on_kill();
    return {};
  }

  std::vector<std::string> watched;
  std::vector<std::string> killed;
  std::function<void()> on_kill;

 private:
  const int fd_;
  std::deque<std::function<std::vector<FeedItem>()>> steps_;
};

class WatchTest : public testing::Test {
 protected:
  WatchTest() : signals_(std::move(*Signals::Catch())) {
    setenv("TZ", "UTC", 1);
    tzset();
  }

  int Watch(WatchOptions options = {}) {
    options.clock = &clock_;
    return WatchExecution(context_, feed_, signals_, "id", options).exit_code;
  }
  static Scene Simple(v1::State end) {
    Scene scene("id", "flow");
    scene.Task("t").State({{v1::STATE_CREATED, 0}, {v1::STATE_RUNNING, 0}, {end, 2}});
    scene.Run("t", {{v1::STATE_CREATED, 0}, {v1::STATE_RUNNING, 0.5}, {end, 1.5}});
    return scene;
  }
  static Scene Running() {
    Scene scene("id", "flow");
    scene.Task("t").State({{v1::STATE_RUNNING, 0}});
    return scene;
  }

  std::istringstream in_;
  std::ostringstream out_, err_;
  Context context_{.in = in_, .out = out_, .err = err_};
  Signals signals_;
  FakeFeed feed_;
  ManualClock clock_{At(3)};
};

TEST_F(WatchTest, EndsWithTheCodeOfTheRun) {
  const std::pair<v1::State, int> kEnds[] = {{v1::STATE_SUCCESS, 0}, {v1::STATE_WARNING, 0}, {v1::STATE_FAILED, 10},
                                             {v1::STATE_KILLED, 11}, {v1::STATE_CANCELLED, 11}};
  for (const auto& [state, code] : kEnds) {
    feed_.ThenUpdate(Simple(state)).ThenEnd("id");
    EXPECT_EQ(Watch(), code) << v1::State_Name(state);
  }
}

TEST_F(WatchTest, SaysEachChangeOnceWithoutATerminal) {
  feed_.ThenUpdate(Simple(v1::STATE_SUCCESS)).ThenUpdate(Simple(v1::STATE_SUCCESS)).ThenEnd("id");
  Watch();
  EXPECT_EQ(err_.str(),
            "22:13:20 ● flow id RUNNING\n"
            "22:13:20 ● t RUNNING\n"
            "22:13:21 ✔ t SUCCESS 1.5s\n"
            "22:13:22 ✔ flow id SUCCESS 2.0s\n");
  EXPECT_EQ(out_.str(), "");
}

TEST_F(WatchTest, ShowsLogsOnlyWhenAsked) {
  v1::FollowLogsResponse logs;
  v1::LogEntry* entry = logs.add_entries();
  entry->set_task_id("t");
  entry->set_task_run_index(0);
  entry->set_level(v1::LOG_LEVEL_WARN);
  entry->set_message("one\ntwo");
  Put(entry->mutable_time(), 1);
  for (const bool asked : {false, true}) {
    err_.str("");
    feed_.ThenUpdate(Simple(v1::STATE_SUCCESS)).Then({{"id", logs}}).ThenEnd("id");
    Watch({.logs = asked});
    EXPECT_EQ(err_.str().find("22:13:21 WARN  t | one\n22:13:21 WARN  t | two\n") != std::string::npos, asked) << err_.str();
  }
}

TEST_F(WatchTest, WatchesWhatTheRunStarts) {
  Scene root("id", "parent");
  root.Task("sub", -1, v1::TASK_ROLE_EXECUTABLE).State({{v1::STATE_RUNNING, 0}, {v1::STATE_FAILED, 9}});
  root.Run("sub", {{v1::STATE_RUNNING, 0}, {v1::STATE_FAILED, 9}}).set_outputs_json(R"({"executionId":"kid"})");
  Scene kid("kid", "child");
  kid.Task("inner").State({{v1::STATE_RUNNING, 1}, {v1::STATE_FAILED, 8}});
  kid.Run("inner", {{v1::STATE_RUNNING, 1}, {v1::STATE_FAILED, 8}}).set_message("it broke");
  feed_.ThenUpdate(root).ThenUpdate(kid).ThenEnd("kid").ThenEnd("id");
  EXPECT_EQ(Watch(), kExitFailed);
  EXPECT_EQ(feed_.watched, (std::vector<std::string>{"id", "kid awaited"}));
  EXPECT_NE(err_.str().find("✖ sub › inner FAILED\n  it broke\n"), std::string::npos) << err_.str();
}

TEST_F(WatchTest, AnInterruptEndsARunThatIsOurs) {
  feed_.on_kill = [this] { feed_.ThenUpdate(Simple(v1::STATE_KILLED)).ThenEnd("id"); };
  feed_.ThenUpdate(Running()).Then([] { raise(SIGINT); });
  EXPECT_EQ(Watch({.owns_run = true}), kExitInterrupted);
  EXPECT_EQ(feed_.killed, std::vector<std::string>{"id"});
  EXPECT_NE(err_.str().find("asking the run to end"), std::string::npos);
}

TEST_F(WatchTest, ASecondInterruptDoesNotWait) {
  feed_.ThenUpdate(Running()).Then([] { raise(SIGINT); }).Then([] { raise(SIGINT); });
  EXPECT_EQ(Watch({.owns_run = true}), kExitInterrupted);
  EXPECT_NE(err_.str().find("ending at once"), std::string::npos);
}

TEST_F(WatchTest, AnInterruptLeavesARunThatIsTheServers) {
  feed_.ThenUpdate(Running()).Then([] { raise(SIGINT); });
  EXPECT_EQ(Watch({.resume = "headrace exec watch id"}), kExitInterrupted);
  EXPECT_TRUE(feed_.killed.empty());
  EXPECT_NE(err_.str().find("the run goes on. Come back with: headrace exec watch id"), std::string::npos);
}

TEST_F(WatchTest, ASecondInterruptAsksToKill) {
  setenv("TERM", "dumb", 1);
  context_.err_screen.is_terminal = true;
  feed_.ThenUpdate(Running()).Then([] { raise(SIGINT); }).Then([] { raise(SIGINT); });
  EXPECT_EQ(Watch({.resume = "headrace exec watch id"}), kExitInterrupted);
  EXPECT_EQ(feed_.killed, std::vector<std::string>{"id"});
}

TEST_F(WatchTest, ATimeoutEndsTheWatchAndARunThatIsOurs) {
  feed_.ThenUpdate(Running());
  EXPECT_EQ(Watch({.timeout = Duration(1), .resume = "again"}), kExitTimeout);
  EXPECT_TRUE(feed_.killed.empty());
  feed_.on_kill = [this] { feed_.ThenUpdate(Simple(v1::STATE_KILLED)).ThenEnd("id"); };
  feed_.ThenUpdate(Running());
  EXPECT_EQ(Watch({.timeout = Duration(1), .owns_run = true}), kExitTimeout);
  EXPECT_EQ(feed_.killed, std::vector<std::string>{"id"});
}

TEST_F(WatchTest, AServerThatIsGoneIsAnError) {
  feed_.ThenUpdate(Running());
  feed_.Then({{"id", StreamEnded{false, Fail(Code::kUnavailable, "no connection")}}});
  EXPECT_EQ(Watch({.resume = "headrace exec watch id"}), kExitUnreachable);
  EXPECT_NE(err_.str().find("no connection"), std::string::npos);
}

TEST_F(WatchTest, PaintsATreeOnATerminal) {
  setenv("TERM", "xterm", 1);
  setenv("COLUMNS", "80", 1);
  context_.err_screen.is_terminal = true;
  feed_.ThenUpdate(Simple(v1::STATE_SUCCESS)).ThenEnd("id");
  EXPECT_EQ(Watch(), 0);
  EXPECT_NE(err_.str().find("└─ ✔ t  1.5s"), std::string::npos) << err_.str();
  EXPECT_TRUE(err_.str().ends_with("\x1b[?25h")) << err_.str();
}

}  // namespace
}  // namespace headrace::cli
