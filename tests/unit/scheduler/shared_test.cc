// What tasks share, and runs that wait for the same thing.
#include "tests/unit/scheduler/core_fixture.h"

namespace headrace::scheduler {
namespace {

using model::SharedPut;
using model::ShareReply;
using model::ShareRequest;

constexpr Duration kHour = std::chrono::hours(1);

class SharedTest : public CoreTest {
 protected:
  ShareReply Share(ShareRequest request) {
    Result<ShareReply> got = Fail(Code::kInternal, "no answer");
    core_->Share(request, [&](Result<ShareReply> reply) { got = std::move(reply); }, now_);
    Tick();
    CommitAll();
    EXPECT_TRUE(got) << got.error().ToString();
    return got ? *got : ShareReply();
  }
  bool Put(const std::string& key, std::optional<std::uint64_t> version, const std::string& value, Duration keep = kHour) {
    return Share({.put = {{key, version, value, keep}}}).applied;
  }
  model::SharedRecord Read(const std::string& key) { return Share({.read = {key}}).records.at(0); }
  void Pass(Duration span) {
    now_.wall += span;
    now_.monotonic += span;
    Tick();
    CommitAll();
  }

  // A run of the flow's first task that was looked at and waits.
  wire::TaskKey Waiting(const std::string& request, wire::LookLater look) {
    Submit(request);
    CommitAll();
    const auto assigns = Take<wire::Assign>();
    EXPECT_EQ(assigns.size(), 1U);
    Answer(assigns.at(0).key, std::move(look));
    return assigns.at(0).key;
  }
  void Answer(const wire::TaskKey& key, wire::LookLater look) {
    wire::TaskResult result{.key = key};
    result.look_later = std::move(look);
    FromWorker(result);
    CommitAll();
    FromWorker(wire::Credit{4, ++credits_});
    sent_.clear();
  }
  std::vector<ExecutionId> Looked() {
    CommitAll();
    std::vector<ExecutionId> ids;
    for (const wire::Assign& assign : Take<wire::Assign>()) ids.push_back(assign.key.execution);
    return ids;
  }

  std::uint64_t credits_ = 1;
};

TEST_F(SharedTest, AChangeIsMadeOnlyToTheVersionThatWasSeen) {
  EXPECT_TRUE(Put("k", 0, "a"));
  EXPECT_FALSE(Put("k", 0, "b"));
  const auto first = Read("k");
  EXPECT_EQ(first.value, "a");
  EXPECT_TRUE(Put("k", first.version, "b"));
  EXPECT_FALSE(Put("k", first.version, "c"));
  EXPECT_EQ(Read("k").value, "b");
  EXPECT_GT(Read("k").version, first.version);
  EXPECT_TRUE(Put("k", std::nullopt, "whatever it was"));
}

TEST_F(SharedTest, AllPutsAreMadeOrNone) {
  EXPECT_TRUE(Put("a", 0, "1"));
  const ShareReply reply = Share({.put = {{"b", 0, "2", kHour}, {"a", 0, "2", kHour}}});
  EXPECT_FALSE(reply.applied);
  EXPECT_EQ(reply.records.at(0).version, 0U);
  EXPECT_EQ(reply.records.at(1).value, "1");
  EXPECT_EQ(Read("b").version, 0U);
}

TEST_F(SharedTest, TheAnswerWaitsForTheDisk) {
  int answers = 0;
  core_->Share({.put = {{"k", 0, "v", kHour}}}, [&](Result<ShareReply>) { ++answers; }, now_);
  Tick();
  EXPECT_EQ(answers, 0);
  CommitAll();
  EXPECT_EQ(answers, 1);
}

TEST_F(SharedTest, ARestartKeepsThemAndTheirVersions) {
  EXPECT_TRUE(Put("kept", 0, "v"));
  EXPECT_TRUE(Put("gone", 0, "v"));
  const std::uint64_t last = Read("gone").version;
  EXPECT_TRUE(Put("gone", std::nullopt, "", Duration(0)));
  Boot();
  EXPECT_EQ(Read("kept").value, "v");
  EXPECT_EQ(Read("gone").version, 0U);
  EXPECT_TRUE(Put("gone", 0, "anew"));
  EXPECT_GT(Read("gone").version, last);
}

TEST_F(SharedTest, TheyAreForgottenInTime) {
  EXPECT_TRUE(Put("k", 0, "v", std::chrono::minutes(5)));
  Pass(std::chrono::minutes(4));
  EXPECT_EQ(Read("k").value, "v");
  EXPECT_EQ(core_->NextTimer(), now_.wall + std::chrono::minutes(1));
  Pass(std::chrono::minutes(1));
  EXPECT_EQ(Read("k").version, 0U);
  Boot();
  EXPECT_TRUE(Put("k", 0, "again"));
}

TEST_F(SharedTest, WhatCanNeverBeKeptIsRefused) {
  const auto code = [&](ShareRequest request) {
    Code got = Code::kOk;
    core_->Share(request, [&](Result<ShareReply> reply) { got = reply ? Code::kOk : reply.error().code; }, now_);
    return got;
  };
  EXPECT_EQ(code({.put = {{"", 0, "v", kHour}}}), Code::kInvalidArgument);
  EXPECT_EQ(code({.put = {{std::string(5000, 'k'), 0, "v", kHour}}}), Code::kInvalidArgument);
  EXPECT_EQ(code({.put = {{"k", 0, std::string(model::kSharedValueBytesMax + 1, 'v'), kHour}}}), Code::kInvalidArgument);
  EXPECT_EQ(code({.put = {{"k", 0, "v", Duration::max()}}}), Code::kInvalidArgument);
  EXPECT_EQ(code({.put = {{"k", 0, "v", kHour}, {"k", 0, "w", kHour}}}), Code::kInvalidArgument);
  EXPECT_EQ(code({.read = std::vector<std::string>(model::kSharedKeysMax + 1, "k")}), Code::kInvalidArgument);
}

TEST_F(SharedTest, OneOfThoseWhoWaitForTheSameIsLookedAtAnInterval) {
  Join();
  const wire::LookLater look{.after = std::chrono::seconds(15), .topic = "repo"};
  std::set<ExecutionId> waiting;
  for (int i = 0; i < 3; ++i) {
    waiting.insert(Waiting("r" + std::to_string(i), look).execution);
    Pass(std::chrono::seconds(4));
    EXPECT_EQ(Looked().size(), 0U);
  }
  std::set<ExecutionId> seen;
  for (int round = 0; round < 5; ++round) {
    Pass(std::chrono::seconds(15));
    CommitAll();
    const auto assigns = Take<wire::Assign>();
    ASSERT_EQ(assigns.size(), 1U) << round;
    EXPECT_TRUE(waiting.contains(assigns[0].key.execution));
    Answer(assigns[0].key, look);
  }
}

TEST_F(SharedTest, NewsWakeThoseWhomTheyConcern) {
  Join();
  const auto look = [](const std::string& key) {
    return wire::LookLater{.after = std::chrono::minutes(10), .memo_json = "{\"n\":1}", .topic = "repo", .keys = {key}};
  };
  const ExecutionId one = Waiting("r1", look("run/1")).execution;
  const ExecutionId two = Waiting("r2", look("run/2")).execution;
  Share({.news = {{"repo", {"run/2"}}}});
  CommitAll();
  const auto assigns = Take<wire::Assign>();
  ASSERT_EQ(assigns.size(), 1U);
  EXPECT_EQ(assigns[0].key.execution, two);
  EXPECT_EQ(assigns[0].memo_json, "{\"n\":1}");
  EXPECT_NE(assigns[0].started, Timestamp{});
  Share({.news = {{"repo", {}}, {"another", {}}}});
  EXPECT_EQ(Looked(), std::vector<ExecutionId>{one});
  Share({.news = {{"repo", {}}}});
  EXPECT_EQ(Looked().size(), 0U);
}

TEST_F(SharedTest, NewsOfPutsThatWereNotMadeWakeNobody) {
  Join();
  EXPECT_TRUE(Put("k", 0, "v"));
  Waiting("r1", {.after = std::chrono::minutes(10), .topic = "repo"});
  Share({.put = {{"k", 0, "w", kHour}}, .news = {{"repo", {}}}});
  EXPECT_EQ(Looked().size(), 0U);
}

TEST_F(SharedTest, ItsOwnLatestMomentCountsWhoeverElseWasLookedAt) {
  Join();
  const wire::LookLater often{.after = std::chrono::seconds(15), .topic = "repo"};
  const ExecutionId late = Waiting("late", {.after = std::chrono::seconds(15), .at_latest = std::chrono::seconds(40), .topic = "repo"}).execution;
  Waiting("other", often);
  bool looked = false;
  for (int second = 0; second < 41 && !looked; ++second) {
    Pass(std::chrono::seconds(1));
    CommitAll();
    for (const wire::Assign& assign : Take<wire::Assign>()) {
      if (assign.key.execution == late && second >= 39) looked = true;
      // The one that has a limit is never the first to look again here.
      else Answer(assign.key, assign.key.execution == late ? wire::LookLater{.after = std::chrono::seconds(15), .at_latest = std::chrono::seconds(39 - second), .topic = "repo"} : often);
    }
  }
  EXPECT_TRUE(looked);
}

TEST_F(SharedTest, OneThatWasKilledTakesNoTurn) {
  Join();
  const wire::LookLater look{.after = std::chrono::seconds(15), .topic = "repo"};
  const ExecutionId killed = Waiting("r1", look).execution;
  const ExecutionId alive = Waiting("r2", look).execution;
  core_->Post(killed, model::KillRequested{}, [](const Status&) {}, now_);
  Tick();
  CommitAll();
  EXPECT_EQ(StateOf(killed), model::State::kKilled);
  Pass(std::chrono::seconds(15));
  EXPECT_EQ(Looked(), std::vector<ExecutionId>{alive});
}

TEST_F(SharedTest, AfterARestartEachIsLookedAtOnceAndSaysAnewWhatItWaitsFor) {
  Join();
  const wire::LookLater look{.after = std::chrono::seconds(15), .topic = "repo"};
  Waiting("r1", look);
  Waiting("r2", look);
  Boot();
  Join();
  Pass(std::chrono::seconds(15));
  CommitAll();
  const auto assigns = Take<wire::Assign>();
  ASSERT_EQ(assigns.size(), 2U);
  for (const wire::Assign& assign : assigns) Answer(assign.key, look);
  Pass(std::chrono::seconds(15));
  EXPECT_EQ(Looked().size(), 1U);
}

}  // namespace
}  // namespace headrace::scheduler
