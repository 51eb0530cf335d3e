// The scheduler's half of the worker protocol, message by message.
#include <gtest/gtest.h>

#include <set>

#include "scheduler/dispatcher.h"

namespace headrace::scheduler {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

wire::TaskKey Key(model::TaskRunIndex task_run, std::uint32_t delivery = 1) {
  return {ExecutionId("execution"), {task_run, 1, delivery}};
}

// Keeps what the dispatcher says; every delivery is wanted unless it is in `unwanted`.
class ScriptedHost final : public DispatchHost {
 public:
  std::optional<wire::Assign> MakeAssign(const wire::TaskKey& key) override {
    if (unwanted.contains(key.fence.task_run)) return std::nullopt;
    wire::Assign assign;
    assign.key = key;
    assign.spec_id = 7;
    return assign;
  }
  wire::TaskSpec MakeSpec(const wire::TaskKey&) override { return {.type = "t"}; }
  bool Drives(const wire::TaskKey&) override { return true; }
  bool IsCurrent(const wire::TaskKey& key) override { return !unwanted.contains(key.fence.task_run); }
  bool IsSuspect(const wire::TaskKey& key) override { return suspects.contains(key.fence.task_run); }
  void OnStarted(const wire::TaskKey& key, const WorkerId&, Timestamp) override { started.push_back(key); }
  void OnResult(const std::string&, const WorkerId&, wire::TaskResult result) override {
    results.push_back(std::move(result));
  }
  void OnLost(const wire::TaskKey& key, const Loss& loss) override {
    lost.push_back(key);
    lost_with.emplace_back(loss.worker.str(), loss.process);
  }
  void OnLogs(wire::Logs) override {}
  void Send(const std::string& peer, wire::ToWorker message) override { sent.emplace_back(peer, std::move(message)); }

  template <typename Message>
  std::vector<Message> Take() {
    std::vector<Message> found;
    for (auto& [peer, message] : sent) {
      if (auto* wanted = std::get_if<Message>(&message)) found.push_back(*wanted);
    }
    sent.clear();
    return found;
  }

  std::set<model::TaskRunIndex> unwanted;
  std::set<model::TaskRunIndex> suspects;
  std::vector<wire::TaskKey> started;
  std::vector<wire::TaskKey> lost;
  std::vector<std::pair<std::string, std::uint64_t>> lost_with;
  std::vector<wire::TaskResult> results;
  std::vector<std::pair<std::string, wire::ToWorker>> sent;
};

class DispatcherTest : public testing::Test {
 protected:
  void Join(const std::string& peer, const std::string& name, std::uint32_t slots, std::uint64_t incarnation = 1,
            Duration now = Duration(0)) {
    wire::Hello hello;
    hello.worker = WorkerId(name);
    hello.incarnation = incarnation;
    hello.capacity = slots;
    dispatcher.OnMessage(peer, hello, now);
    dispatcher.OnMessage(peer, wire::Credit{slots, 1}, now);
  }

  ScriptedHost host;
  Dispatcher dispatcher{DispatcherOptions{.lease = seconds(10), .resend = seconds(1)}, host};
};

TEST_F(DispatcherTest, AStrangerMustSayHelloFirst) {
  dispatcher.OnMessage("p", wire::Credit{4, 1}, Duration(0));
  EXPECT_EQ(host.Take<wire::HelloRequired>().size(), 1u);
}

TEST_F(DispatcherTest, AnotherProtocolIsRefusedForGood) {
  wire::Hello hello;
  hello.worker = WorkerId("w");
  hello.protocol_min = hello.protocol_max = wire::kProtocolVersion + 1;
  dispatcher.OnMessage("p", hello, Duration(0));
  const auto refused = host.Take<wire::Refused>();
  ASSERT_EQ(refused.size(), 1u);
  EXPECT_TRUE(refused[0].permanent);
  EXPECT_NE(refused[0].reason.find("upgrade"), std::string::npos);
}

TEST_F(DispatcherTest, TwoProcessesOfOneWorkerIdDoNotShareIt) {
  Join("p1", "w", 2, 1);
  host.sent.clear();
  Join("p2", "w", 2, 2, seconds(1));
  const auto refused = host.Take<wire::Refused>();
  ASSERT_EQ(refused.size(), 1u);
  EXPECT_FALSE(refused[0].permanent);
  Join("p2", "w", 2, 2, seconds(30));
  EXPECT_EQ(host.Take<wire::Welcome>().size(), 1u) << "the old one's lease has ended";
}

// One that ends before the next heartbeat would leave them with nobody to turn to.
TEST_F(DispatcherTest, WorkersHearAtOnceOfASchedulerThatIsNew) {
  Join("p", "w", 2);
  Join("q", "v", 2);
  host.sent.clear();
  const std::vector<std::string> all{"tcp://a:5570", "tcp://b:5570"};
  dispatcher.SetSchedulers(all);
  const auto told = host.Take<wire::HeartbeatAck>();
  ASSERT_EQ(told.size(), 2u);
  for (const wire::HeartbeatAck& ack : told) {
    EXPECT_EQ(ack.schedulers, all);
    EXPECT_EQ(ack.credit_seq, 0u);
    EXPECT_TRUE(ack.renewed.empty() && ack.unknown.empty() && ack.elsewhere.empty());
  }
}

TEST_F(DispatcherTest, TheLogWindowIsRenewedBeforeItIsUsedUp) {
  Join("p", "w", 2);
  host.sent.clear();
  const std::uint64_t window = DispatcherOptions{}.log_credit_bytes;
  const auto log = [&] {
    wire::Logs logs{.key = Key(0)};
    logs.entries.push_back({.level = "INFO", .message = std::string(window / 4, 'x')});
    dispatcher.OnMessage("p", std::move(logs), Duration(0));
  };
  log();
  EXPECT_TRUE(host.Take<wire::LogCredit>().empty());
  log();
  const auto credits = host.Take<wire::LogCredit>();
  ASSERT_EQ(credits.size(), 1u);
  EXPECT_EQ(credits[0].bytes, window);
  host.sent.clear();
  dispatcher.OnMessage("p", wire::Heartbeat{}, Duration(0));
  EXPECT_EQ(host.Take<wire::LogCredit>().size(), 1u) << "logs may have been lost on the way";
}

TEST_F(DispatcherTest, GivesNoMoreThanThereAreSlotsAndTheSpecOnce) {
  Join("p", "w", 2);
  for (model::TaskRunIndex i = 0; i < 3; ++i) dispatcher.Enqueue(Key(i), "");
  dispatcher.Pump(Duration(0));
  const auto assigned = host.Take<wire::Assign>();
  ASSERT_EQ(assigned.size(), 2u);
  EXPECT_TRUE(assigned[0].spec.has_value());
  EXPECT_FALSE(assigned[1].spec.has_value());
  EXPECT_EQ(dispatcher.waiting(), 1u);
  dispatcher.OnMessage("p", wire::TaskResult{.key = Key(0)}, Duration(0));
  dispatcher.Pump(Duration(0));
  EXPECT_EQ(host.Take<wire::Assign>().size(), 1u);
}

TEST_F(DispatcherTest, ANackedAssignmentGoesToSomebodyElse) {
  Join("p1", "w1", 1);
  dispatcher.Enqueue(Key(0), "");
  dispatcher.Pump(Duration(0));
  host.sent.clear();
  dispatcher.OnMessage("p1", wire::AssignNack{Key(0), wire::NackReason::kNoSlot}, Duration(0));
  dispatcher.Pump(Duration(0));
  EXPECT_TRUE(host.Take<wire::Assign>().empty()) << "it has no slot until its next credit";
  Join("p2", "w2", 1);
  dispatcher.Pump(Duration(0));
  EXPECT_EQ(host.sent.back().first, "p2");
}

TEST_F(DispatcherTest, AnAssignmentWithoutAckIsSentAgainWithItsSpec) {
  Join("p", "w", 1);
  dispatcher.Enqueue(Key(0), "");
  dispatcher.Pump(Duration(0));
  host.sent.clear();
  dispatcher.Tick(milliseconds(1001));
  const auto again = host.Take<wire::Assign>();
  ASSERT_EQ(again.size(), 1u);
  EXPECT_TRUE(again[0].spec.has_value());
  dispatcher.OnMessage("p", wire::AssignAck{Key(0)}, milliseconds(1500));
  dispatcher.Tick(milliseconds(2500));
  EXPECT_TRUE(host.Take<wire::Assign>().empty());
}

TEST_F(DispatcherTest, ALeaseThatIsNotRenewedIsALoss) {
  Join("p", "w", 2);
  dispatcher.Enqueue(Key(0), "");
  dispatcher.Enqueue(Key(1), "");
  dispatcher.Pump(Duration(0));
  host.sent.clear();
  dispatcher.OnMessage("p", wire::Heartbeat{.tasks = {Key(1), Key(9)}, .free_slots = 0, .credit_seq = 2}, seconds(6));
  const auto answers = host.Take<wire::HeartbeatAck>();
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0].renewed, std::vector{Key(1)});
  EXPECT_EQ(answers[0].unknown, std::vector{Key(9)});
  dispatcher.Tick(seconds(10));
  EXPECT_EQ(host.lost, std::vector{Key(0)});
}

// Its other slots are busy for other schedulers.
TEST_F(DispatcherTest, NoMoreIsGivenThanTheWorkerLastSaidIsFree) {
  Join("p", "w", 8);
  dispatcher.OnMessage("p", wire::Credit{2, 2}, Duration(0));
  for (const model::TaskRunIndex task_run : {0U, 1U, 2U, 3U, 4U}) dispatcher.Enqueue(Key(task_run), "");
  host.sent.clear();
  dispatcher.Pump(Duration(0));
  EXPECT_EQ(host.Take<wire::Assign>().size(), 2u);
  dispatcher.OnMessage("p", wire::TaskResult{.key = Key(0)}, Duration(0));
  dispatcher.Pump(Duration(0));
  EXPECT_EQ(host.Take<wire::Assign>().size(), 1u) << "what has ended made room for one";
  dispatcher.OnMessage("p", wire::Credit{0, 3}, Duration(0));
  dispatcher.OnMessage("p", wire::TaskResult{.key = Key(1)}, Duration(0));
  dispatcher.Pump(Duration(0));
  EXPECT_EQ(host.Take<wire::Assign>().size(), 0u) << "that slot is shown to another";
  dispatcher.OnMessage("p", wire::Credit{1, 4}, Duration(0));
  dispatcher.Pump(Duration(0));
  EXPECT_EQ(host.Take<wire::Assign>().size(), 1u);
}

using LostWith = std::vector<std::pair<std::string, std::uint64_t>>;

TEST_F(DispatcherTest, AWorkerThatFallsSilentIsNamed) {
  Join("p", "w", 1, 7);
  dispatcher.Enqueue(Key(0), "");
  dispatcher.Pump(Duration(0));
  dispatcher.OnMessage("p", wire::Heartbeat{.tasks = {Key(0)}, .credit_seq = 2}, seconds(2));
  dispatcher.OnMessage("p", wire::Logs{.key = Key(0)}, seconds(4));
  dispatcher.Tick(seconds(12));
  EXPECT_EQ(host.lost_with, (LostWith{{"w", 7}}));
}

TEST_F(DispatcherTest, AProcessThatAnotherOfItsNameHasReplacedIsNamed) {
  Join("p", "w", 1, 7);
  dispatcher.Enqueue(Key(0), "");
  dispatcher.Pump(Duration(0));
  dispatcher.OnMessage("p", wire::AssignAck{Key(0)}, Duration(0));
  Join("q", "w", 1, 8, seconds(10));
  dispatcher.Tick(seconds(10));
  EXPECT_EQ(host.lost_with, (LostWith{{"w", 7}}));
}

// None of these is the task's fault.
TEST_F(DispatcherTest, WhatIsNoDeathOfAWorkerNamesNone) {
  const auto give = [&](const std::string& peer, const std::string& worker, model::TaskRunIndex task_run, Duration now) {
    Join(peer, worker, 1, 7, now);
    dispatcher.Enqueue(Key(task_run), "");
    dispatcher.Pump(now);
    dispatcher.OnMessage(peer, wire::AssignAck{Key(task_run)}, now);
  };
  give("p", "alive", 0, Duration(0));
  dispatcher.OnMessage("p", wire::Heartbeat{.free_slots = 0, .credit_seq = 2}, seconds(8));
  dispatcher.Tick(seconds(10));
  give("q", "left", 1, seconds(10));
  dispatcher.OnMessage("q", wire::Bye{}, seconds(11));
  give("r", "draining", 2, seconds(11));
  dispatcher.OnMessage("r", wire::Draining{}, seconds(11));
  dispatcher.Tick(seconds(21));
  dispatcher.Adopt(Key(3), seconds(21));
  dispatcher.Tick(seconds(33));
  give("s", "unheard", 4, seconds(33));
  dispatcher.Tick(seconds(63));  // this scheduler slept
  Join("t", "dead", 1, 7, seconds(63));
  dispatcher.Enqueue(Key(5), "");
  dispatcher.Pump(seconds(63));  // nobody says that it has it
  dispatcher.Tick(seconds(73));
  EXPECT_EQ(host.lost, (std::vector{Key(0), Key(1), Key(2), Key(3), Key(4), Key(5)}));
  EXPECT_EQ(host.lost_with, (LostWith(6, {"", 0})));
}

TEST_F(DispatcherTest, TwoThatMayTakeTheirWorkerDownDoNotBeginOnOne) {
  host.suspects = {0, 1, 2};
  Join("p", "w", 8);
  for (const model::TaskRunIndex task_run : {0U, 1U, 2U, 3U}) dispatcher.Enqueue(Key(task_run), "");
  const auto given = [&](Duration now) {
    dispatcher.Pump(now);
    std::vector<wire::TaskKey> keys;
    for (const wire::Assign& assign : host.Take<wire::Assign>()) keys.push_back(assign.key);
    return keys;
  };
  EXPECT_EQ(given(Duration(0)), (std::vector{Key(0), Key(3)}));
  Join("q", "v", 8);
  host.sent.clear();
  EXPECT_EQ(given(seconds(1)), std::vector{Key(1)});
  EXPECT_EQ(given(seconds(2)), std::vector<wire::TaskKey>{});
  dispatcher.OnMessage("q", wire::TaskResult{.key = Key(1)}, seconds(3));
  host.sent.clear();
  EXPECT_EQ(given(seconds(3)), std::vector{Key(2)});
  // One that has run for a while has shown that it lets its worker live.
  host.suspects.insert(4);
  dispatcher.Enqueue(Key(4), "");
  EXPECT_EQ(given(seconds(4)), std::vector<wire::TaskKey>{});
  EXPECT_LE(*dispatcher.NextWake(), std::chrono::minutes(1));
  EXPECT_EQ(given(std::chrono::minutes(1)), std::vector{Key(4)});
}

TEST_F(DispatcherTest, AfterARestartAWorkerKeepsWhatItRuns) {
  dispatcher.Adopt(Key(0), Duration(0));
  dispatcher.Adopt(Key(1), Duration(0));
  Join("p", "w", 4);
  dispatcher.OnMessage("p", wire::Resync{.running = {{Key(0), Timestamp{}}, {Key(5, 3), Timestamp{}}}}, seconds(1));
  const auto answers = host.Take<wire::HeartbeatAck>();
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0].renewed, std::vector{Key(0)});
  EXPECT_EQ(answers[0].unknown, std::vector{Key(5, 3)});
  EXPECT_EQ(host.started, std::vector{Key(0)});
  dispatcher.Tick(seconds(13));
  EXPECT_EQ(host.lost, (std::vector{Key(0), Key(1)})) << "the claimed one was not renewed since";
}

TEST_F(DispatcherTest, CancelOfWhatWaitsIsAnsweredAtOnce) {
  dispatcher.Enqueue(Key(0), "");
  dispatcher.Cancel(Key(0), "killed", Duration(0));
  ASSERT_EQ(host.results.size(), 1u);
  EXPECT_EQ(host.results[0].outcome, model::State::kKilled);
  EXPECT_EQ(dispatcher.waiting(), 0u);
}

TEST_F(DispatcherTest, CancelOfWhatRunsIsRepeatedUntilItIsAcked) {
  Join("p", "w", 1);
  dispatcher.Enqueue(Key(0), "");
  dispatcher.Pump(Duration(0));
  host.sent.clear();
  dispatcher.Cancel(Key(0), "killed", Duration(0));
  EXPECT_EQ(host.Take<wire::Cancel>().size(), 1u);
  dispatcher.Tick(seconds(1));
  EXPECT_EQ(host.Take<wire::Cancel>().size(), 1u);
  dispatcher.OnMessage("p", wire::CancelAck{Key(0)}, seconds(1));
  dispatcher.Tick(seconds(3));
  EXPECT_TRUE(host.Take<wire::Cancel>().empty());
}

TEST_F(DispatcherTest, AWorkerThatLeavesGivesEverythingBackAtOnce) {
  Join("p", "w", 2);
  dispatcher.Enqueue(Key(0), "");
  dispatcher.Pump(Duration(0));
  dispatcher.OnMessage("p", wire::Bye{}, seconds(1));
  EXPECT_EQ(host.lost, std::vector{Key(0)});
  EXPECT_TRUE(dispatcher.Workers(seconds(1)).empty());
}

TEST_F(DispatcherTest, GroupsAndDrainingWorkersAreRespected) {
  Join("p", "w", 2);
  dispatcher.Enqueue(Key(0), "gpu");
  dispatcher.Pump(Duration(0));
  EXPECT_TRUE(host.Take<wire::Assign>().empty());
  ASSERT_TRUE(dispatcher.Drain(WorkerId("w")));
  dispatcher.Enqueue(Key(1), "");
  dispatcher.Pump(Duration(0));
  EXPECT_TRUE(host.Take<wire::Assign>().empty());
  EXPECT_FALSE(dispatcher.Drain(WorkerId("nobody")));
}

}  // namespace
}  // namespace headrace::scheduler
