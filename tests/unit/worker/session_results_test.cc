// The worker's half of the protocol: results, cancels, draining, logs, and a storm of everything.
#include "tests/unit/worker/session_fixture.h"

#include <set>

#include "common/base/random.h"

namespace headrace::worker {
namespace {

TEST_F(SessionTest, ResultIsResentWithBackOffUntilItsAck) {
  Connect();
  Assign(Key(1));
  End(Key(1), model::State::kFailed);
  EXPECT_EQ(port.Take<wire::TaskResult>().at(0).outcome, model::State::kFailed);
  int sends = 0;
  for (int i = 0; i < 1200; ++i) {
    Advance(100ms);
    sends += static_cast<int>(port.Take<wire::TaskResult>().size());
    if (port.Count<wire::Heartbeat>() > 0) Renew({Key(1)});
  }
  // 1 + 2 + 4 + 8 + 16 + 30 + 30 … seconds.
  EXPECT_GE(sends, 6);
  EXPECT_LE(sends, 8);
  Tell(wire::ResultAck{.key = Key(1)});
  EXPECT_EQ(session->held(), 0u);
  port.sent.clear();
  Advance(40s);
  EXPECT_EQ(port.Count<wire::TaskResult>(), 0u);
}

TEST_F(SessionTest, RestartedSchedulerGetsResyncAndTheResult) {
  Connect();
  Assign(Key(1));
  Assign(Key(2));
  session->OnTaskStarted(Key(1), FromMicros(42));
  End(Key(2));
  Tick();
  port.sent.clear();
  Tell(wire::HelloRequired{});
  // Several of these for several messages make one hello.
  Tell(wire::HelloRequired{});
  EXPECT_EQ(port.Take<wire::Hello>().size(), 1u);
  Welcome(2);
  const auto resync = port.Take<wire::Resync>();
  ASSERT_EQ(resync.size(), 1u);
  ASSERT_EQ(resync[0].running.size(), 1u);
  EXPECT_EQ(resync[0].running[0].key, Key(1));
  EXPECT_EQ(resync[0].running[0].started, FromMicros(42));
  EXPECT_EQ(resync[0].unacked, std::vector<TaskKey>{Key(2)});
  EXPECT_EQ(port.Take<wire::TaskResult>().size(), 1u);
  EXPECT_TRUE(port.abandoned.empty());
}

TEST_F(SessionTest, TaskThatEndsBetweenSessionsIsReportedInTheNext) {
  Connect();
  Assign(Key(1));
  Tell(wire::HelloRequired{});
  End(Key(1));
  EXPECT_EQ(port.Count<wire::TaskResult>(), 0u);
  Welcome(2);
  EXPECT_EQ(port.Take<wire::TaskResult>().size(), 1u);
}

TEST_F(SessionTest, SilenceLongerThanALeaseIsALostSession) {
  Connect();
  Assign(Key(1));
  Advance(8s);
  // The task ends before the scheduler may give it away.
  EXPECT_EQ(port.abandoned.size(), 1u);
  EXPECT_EQ(port.Count<wire::Hello>(), 0u);
  now = session->NextWake();
  while (port.Count<wire::Hello>() == 0 && now < 200s) {
    Tick();
    now = std::max(now, session->NextWake());
  }
  EXPECT_GT(port.Count<wire::Hello>(), 0u);
  EXPECT_LE(now, 100s + 11s);
  EXPECT_FALSE(session->connected());
  // Between sessions nothing is begun.
  Assign(Key(3));
  EXPECT_EQ(port.begun.size(), 1u);
}

TEST_F(SessionTest, CancelKillsOnceAndIsAckedAlways) {
  Connect();
  Assign(Key(1));
  Tell(wire::Cancel{.key = Key(1), .grace = 3s, .reason = "killed by ada"});
  Tell(wire::Cancel{.key = Key(1), .grace = 3s, .reason = "killed by ada"});
  EXPECT_EQ(port.cancelled, std::vector<TaskKey>{Key(1)});
  EXPECT_EQ(port.reasons.at(0), "killed by ada");
  EXPECT_EQ(port.Take<wire::CancelAck>().size(), 2u);
  End(Key(1), model::State::kKilled);
  EXPECT_EQ(port.Take<wire::TaskResult>().at(0).outcome, model::State::kKilled);
  // Before its assignment: acked, and the assignment that comes late is not begun.
  Tell(wire::Cancel{.key = Key(2)});
  EXPECT_EQ(port.Take<wire::CancelAck>().size(), 1u);
  Assign(Key(2));
  EXPECT_EQ(port.begun.size(), 1u);
}

TEST_F(SessionTest, CancelledTaskThatLosesItsLeaseEndsAtOnce) {
  Connect();
  Assign(Key(1));
  Tell(wire::Cancel{.key = Key(1), .grace = 60s});
  Advance(8s);
  EXPECT_EQ(port.abandoned.size(), 1u);
}

TEST_F(SessionTest, DrainTakesNothingNewAndLeavesWhenAllIsAcked) {
  Connect();
  Assign(Key(1));
  Tell(wire::Drain{});
  EXPECT_EQ(port.Take<wire::Draining>().size(), 1u);
  Tick();
  EXPECT_EQ(port.Take<wire::Credit>().at(0).free_slots, 0u);
  Assign(Key(2));
  EXPECT_EQ(port.Take<wire::AssignNack>().at(0).reason, wire::NackReason::kDraining);
  Advance(2s);
  EXPECT_TRUE(port.Take<wire::Heartbeat>().at(0).draining);
  // A failure while draining is reported as any other.
  End(Key(1), model::State::kFailed);
  Tick();
  EXPECT_FALSE(session->done());
  EXPECT_EQ(port.Take<wire::TaskResult>().size(), 1u);
  Tell(wire::ResultAck{.key = Key(1)});
  Tick();
  EXPECT_TRUE(session->done());
  EXPECT_EQ(port.Take<wire::Bye>().size(), 1u);
  EXPECT_EQ(session->NextWake(), WorkerSession::kNever);
}

TEST_F(SessionTest, DrainWithoutASchedulerKeepsAnUnackedResult) {
  Connect();
  Assign(Key(1));
  Tell(wire::HelloRequired{});
  End(Key(1));
  session->BeginDrain(now);
  Tick();
  EXPECT_FALSE(session->done());
  Welcome(2);
  EXPECT_EQ(port.Take<wire::Draining>().size(), 1u);
  Tell(wire::ResultAck{.key = Key(1)});
  Tick();
  EXPECT_TRUE(session->done());
}

TEST_F(SessionTest, RefusedForGoodEndsEverything) {
  Connect();
  Assign(Key(1));
  Tell(wire::Refused{.reason = "a newer process has this id", .permanent = true});
  EXPECT_EQ(session->refused(), "a newer process has this id");
  EXPECT_EQ(port.abandoned.size(), 1u);
  Tick();
  EXPECT_EQ(session->NextWake(), WorkerSession::kNever);
}

TEST_F(SessionTest, RefusedForNowTriesAgain) {
  session->OnConnected(kLink, now);
  Tell(wire::Refused{.reason = "another process is connected", .permanent = false});
  port.sent.clear();
  now = session->NextWake();
  Tick();
  EXPECT_EQ(port.Count<wire::Hello>(), 1u);
}

TEST_F(SessionTest, LogsGoAheadOfTheResultWithinTheWindow) {
  Connect();
  Assign(Key(1));
  session->OnLog(Key(1), {.level = "INFO", .message = "hello"});
  End(Key(1));
  ASSERT_GE(port.sent.size(), 2u);
  EXPECT_TRUE(std::holds_alternative<wire::Logs>(port.sent[0]));
  EXPECT_TRUE(std::holds_alternative<wire::TaskResult>(port.sent[1]));
}

TEST_F(SessionTest, LogsWithoutCreditAreBoundedAndDelayNothing) {
  session->OnConnected(kLink, now);
  Welcome(1, 100);
  Assign(Key(1));
  port.sent.clear();
  const std::string line(60, 'x');
  for (int i = 0; i < 1000; ++i) session->OnLog(Key(1), {.level = "INFO", .message = std::to_string(i) + line});
  Tick();
  // 100 bytes of window: the entry that uses the rest up may overdraw it.
  const auto first = port.Take<wire::Logs>();
  ASSERT_EQ(first.size(), 1u);
  EXPECT_LE(first[0].entries.size(), 3u);
  Advance(2s);
  EXPECT_EQ(port.Count<wire::Heartbeat>(), 1u);
  EXPECT_EQ(port.Count<wire::Logs>(), 0u);
  End(Key(1));
  EXPECT_EQ(port.Count<wire::TaskResult>(), 1u);
  Tell(wire::LogCredit{.bytes = 1'000'000});
  Tick();
  std::vector<wire::LogEntry> all;
  std::uint64_t next = 0;
  auto pieces = port.Take<wire::Logs>();
  pieces.insert(pieces.begin(), first.begin(), first.end());
  for (const auto& piece : pieces) {
    EXPECT_EQ(piece.seq, next);
    next += piece.entries.size();
    all.insert(all.end(), piece.entries.begin(), piece.entries.end());
  }
  // The newest are there, the oldest are counted in a marker, and memory stayed within 4 KiB.
  EXPECT_EQ(all.back().message, "999" + line);
  EXPECT_LT(all.size(), 60u);
  EXPECT_EQ(all[0].level, "WARN");
  const int dropped = std::stoi(all[0].message);
  int markers = 0;
  for (const auto& entry : all) markers += entry.level == "WARN" ? 1 : 0;
  EXPECT_EQ(markers, 1);
  EXPECT_EQ(dropped + static_cast<int>(all.size()) - markers, 1000);
}

TEST_F(SessionTest, FloodOfOneTaskDoesNotDropTheLogsOfAnother) {
  session->OnConnected(kLink, now);
  Welcome(1, 0);
  Assign(Key(1));
  Assign(Key(2));
  session->OnLog(Key(2), {.level = "INFO", .message = "quiet"});
  for (int i = 0; i < 1000; ++i) session->OnLog(Key(1), {.level = "INFO", .message = std::string(60, 'x')});
  Tell(wire::LogCredit{.bytes = 1'000'000});
  port.sent.clear();
  Tick();
  bool heard = false;
  for (const auto& piece : port.Take<wire::Logs>())
    if (piece.key == Key(2)) heard = piece.entries.at(0).message == "quiet";
  EXPECT_TRUE(heard);
}

// A hostile network: messages are lost, repeated and late. Whatever happens, the rules that protect the user's effects hold.
TEST(SessionChaos, NoKeyRunsTwiceAndEveryResultIsKeptUntilItsAck) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    Random random(seed);
    Port port;
    WorkerSession session({.worker = WorkerId("w"), .incarnation = 1, .capacity = 3}, port);
    Duration now = 1s;
    std::multimap<Duration, wire::ToWorker> network;
    std::map<TaskKey, int, TaskKeyLess> runs;
    std::set<TaskKey, TaskKeyLess> running, finished, acked;
    std::uint64_t sessions = 0;
    std::uint32_t assigned = 0;
    std::size_t begun_seen = 0, abandoned_seen = 0;
    const auto post = [&](wire::ToWorker message) {
      if (random.Chance(0.2)) return;
      const int copies = random.Chance(0.2) ? 2 : 1;
      for (int i = 0; i < copies; ++i) network.emplace(now + Duration(random.Below(3'000'000)), message);
    };
    session.OnConnected(kLink, now);
    for (int step = 0; step < 2000; ++step) {
      now += Duration(random.Below(200'000));
      while (!network.empty() && network.begin()->first <= now) {
        wire::ToWorker message = std::move(network.begin()->second);
        network.erase(network.begin());
        if (const auto* ack = std::get_if<wire::ResultAck>(&message)) acked.insert(ack->key);
        session.OnMessage(kLink, std::move(message), now);
      }
      if (assigned < 200 && random.Chance(0.3)) {
        wire::Assign assign{.key = Key(assigned++), .epoch = 1, .spec_id = 1, .spec = wire::TaskSpec{.type = "t"}};
        post(assign);
        post(assign);
      }
      if (random.Chance(0.01)) post(wire::HelloRequired{});
      session.OnTick(now);
      for (; begun_seen < port.begun.size(); ++begun_seen) {
        const TaskKey& key = port.begun[begun_seen].key;
        ASSERT_EQ(++runs[key], 1) << "seed " << seed;
        running.insert(key);
      }
      for (; abandoned_seen < port.abandoned.size(); ++abandoned_seen) {
        if (running.erase(port.abandoned[abandoned_seen]) > 0)
          session.OnTaskEnded({.key = port.abandoned[abandoned_seen], .outcome = model::State::kKilled}, now);
      }
      if (!running.empty() && random.Chance(0.5)) {
        const TaskKey key = *running.begin();
        running.erase(running.begin());
        finished.insert(key);
        session.OnTaskEnded({.key = key}, now);
      }
      for (const auto& message : port.sent) {
        if (std::holds_alternative<wire::Hello>(message))
          post(wire::Welcome{.session = ++sessions, .lease = 10s, .heartbeat = 2s, .log_credit_bytes = 1000});
        if (const auto* beat = std::get_if<wire::Heartbeat>(&message))
          post(wire::HeartbeatAck{.renewed = beat->tasks, .credit_seq = beat->credit_seq});
        if (const auto* result = std::get_if<wire::TaskResult>(&message)) {
          ASSERT_TRUE(finished.contains(result->key)) << "seed " << seed;
          post(wire::ResultAck{.key = result->key});
        }
      }
      port.sent.clear();
      ASSERT_LE(running.size(), 3u) << "seed " << seed;
    }
    // The network heals: everything that finished is acked in the end.
    for (int step = 0; step < 400 && session.held() > 0; ++step) {
      now += 1s;
      session.OnTick(now);
      for (const TaskKey& key : std::vector<TaskKey>(running.begin(), running.end())) {
        running.erase(key);
        finished.insert(key);
        session.OnTaskEnded({.key = key}, now);
      }
      auto sent = std::move(port.sent);
      port.sent.clear();
      for (const auto& message : sent) {
        if (std::holds_alternative<wire::Hello>(message))
          session.OnMessage(kLink, wire::Welcome{.session = ++sessions, .lease = 10s, .heartbeat = 2s}, now);
        if (const auto* beat = std::get_if<wire::Heartbeat>(&message))
          session.OnMessage(kLink, wire::HeartbeatAck{.renewed = beat->tasks, .credit_seq = beat->credit_seq}, now);
        if (const auto* result = std::get_if<wire::TaskResult>(&message)) {
          acked.insert(result->key);
          session.OnMessage(kLink, wire::ResultAck{.key = result->key}, now);
        }
      }
    }
    EXPECT_EQ(session.held(), 0u) << "seed " << seed;
    for (const TaskKey& key : finished) EXPECT_TRUE(acked.contains(key)) << "seed " << seed;
    EXPECT_GT(finished.size(), 20u) << "seed " << seed;
  }
}

}  // namespace
}  // namespace headrace::worker
