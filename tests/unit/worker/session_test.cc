// The worker's half of the protocol: each rule of docs/protocol.md, with lost, repeated and late messages.
#include "worker/session.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "common/base/random.h"

namespace headrace::worker {
namespace {

using namespace std::chrono_literals;
using wire::TaskKey;

TaskKey Key(std::uint32_t task_run, std::uint32_t delivery = 1, std::uint32_t attempt = 1) {
  return {ExecutionId("exec"), {task_run, attempt, delivery}};
}

// The outside of a session: keeps what is sent and begun.
class Port : public SessionPort {
 public:
  void Send(wire::FromWorker message) override { sent.push_back(std::move(message)); }
  void StartTask(StartOrder order) override { begun.push_back(std::move(order)); }
  void CancelTask(const TaskKey& key, Duration, const std::string& reason) override {
    cancelled.push_back(key);
    reasons.push_back(reason);
  }
  void AbandonTask(const TaskKey& key) override { abandoned.push_back(key); }

  template <typename T>
  std::vector<T> Take() {
    std::vector<T> taken;
    for (const auto& message : sent)
      if (const T* body = std::get_if<T>(&message)) taken.push_back(*body);
    std::erase_if(sent, [](const auto& message) { return std::holds_alternative<T>(message); });
    return taken;
  }
  template <typename T>
  std::size_t Count() const {
    return static_cast<std::size_t>(
        std::count_if(sent.begin(), sent.end(), [](const auto& m) { return std::holds_alternative<T>(m); }));
  }

  std::vector<wire::FromWorker> sent;
  std::vector<StartOrder> begun;
  std::vector<TaskKey> cancelled;
  std::vector<std::string> reasons;
  std::vector<TaskKey> abandoned;
};

class SessionTest : public testing::Test {
 protected:
  SessionTest() { Make(2); }

  void Make(std::uint32_t capacity) {
    port = Port();
    SessionOptions options{.worker = WorkerId("w1"), .incarnation = 7, .capacity = capacity};
    options.log_buffer_bytes = 4096;
    session = std::make_unique<WorkerSession>(options, port);
  }
  void Welcome(std::uint64_t id = 1, std::uint64_t log_credit = 1'000'000) {
    Tell(wire::Welcome{.session = id, .lease = 10s, .heartbeat = 2s, .log_credit_bytes = log_credit});
  }
  // Connected and welcomed, the first messages read.
  void Connect() {
    session->OnConnected(now);
    Welcome();
    Tick();
    port.sent.clear();
  }
  void Tell(wire::ToWorker message) { session->OnMessage(std::move(message), now); }
  void Tick() { session->OnTick(now); }
  void Advance(Duration by) {
    now += by;
    Tick();
  }
  void Assign(const TaskKey& key, std::uint64_t epoch = 1, bool with_spec = true) {
    wire::Assign assign{.key = key, .epoch = epoch, .spec_id = 5};
    if (with_spec) assign.spec = wire::TaskSpec{.type = "t", .task_id = "check"};
    Tell(std::move(assign));
  }
  void End(const TaskKey& key, model::State state = model::State::kSuccess) {
    session->OnTaskEnded({.key = key, .outcome = state}, now);
  }
  // The heartbeat that is due is answered for these keys.
  void Renew(std::vector<TaskKey> keys) {
    const auto beats = port.Take<wire::Heartbeat>();
    ASSERT_FALSE(beats.empty());
    Tell(wire::HeartbeatAck{.renewed = std::move(keys), .credit_seq = beats.back().credit_seq});
  }

  Duration now = 100s;
  Port port;
  std::unique_ptr<WorkerSession> session;
};

TEST_F(SessionTest, SaysHelloUntilWelcomedThenResyncsAndOffersItsSlots) {
  session->OnConnected(now);
  ASSERT_EQ(port.Count<wire::Hello>(), 1u);
  EXPECT_EQ(std::get<wire::Hello>(port.sent[0]).incarnation, 7u);
  EXPECT_EQ(std::get<wire::Hello>(port.sent[0]).capacity, 2u);
  // Unanswered hellos are repeated, ever more seldom.
  std::vector<Duration> waits;
  for (int i = 0; i < 8; ++i) {
    const Duration due = session->NextWake();
    ASSERT_GT(due, now);
    waits.push_back(due - now);
    now = due;
    Tick();
  }
  EXPECT_EQ(port.Take<wire::Hello>().size(), 9u);
  EXPECT_LE(waits.front(), 200ms);
  EXPECT_GT(waits.back(), 3s);
  EXPECT_LE(waits.back(), 5s);
  Welcome();
  ASSERT_GE(port.sent.size(), 3u);
  EXPECT_TRUE(std::holds_alternative<wire::Resync>(port.sent[0]));
  EXPECT_EQ(port.Take<wire::Credit>().at(0).free_slots, 2u);
  // A repeated Welcome of the same session is no new session.
  port.sent.clear();
  Welcome();
  EXPECT_TRUE(port.sent.empty());
}

TEST_F(SessionTest, CreditIsAbsoluteAndItsNumberRises) {
  Connect();
  Assign(Key(1));
  Assign(Key(2));
  EXPECT_EQ(session->free_slots(), 0u);
  std::uint64_t last = 0;
  for (std::uint32_t run : {1u, 2u}) {
    End(Key(run));
    Tick();
    const auto credits = port.Take<wire::Credit>();
    ASSERT_EQ(credits.size(), 1u);
    EXPECT_EQ(credits[0].free_slots, run);
    EXPECT_GT(credits[0].seq, last);
    last = credits[0].seq;
  }
  Advance(2s);
  const auto beats = port.Take<wire::Heartbeat>();
  ASSERT_EQ(beats.size(), 1u);
  EXPECT_EQ(beats[0].free_slots, 2u);
  EXPECT_GT(beats[0].credit_seq, last);
}

TEST_F(SessionTest, RepeatedAssignIsAckedAndRunsOnce) {
  Connect();
  Assign(Key(1));
  Tick();
  EXPECT_EQ(port.Take<wire::AssignAck>().size(), 1u);
  Assign(Key(1));
  Tick();
  EXPECT_EQ(port.Take<wire::AssignAck>().size(), 1u);
  EXPECT_EQ(port.begun.size(), 1u);
  End(Key(1));
  EXPECT_EQ(port.Take<wire::TaskResult>().size(), 1u);
  // Ended and not acked: the result is the answer.
  Assign(Key(1));
  EXPECT_EQ(port.Take<wire::TaskResult>().size(), 1u);
  // Ended and acked: a late copy must not run it again.
  Tell(wire::ResultAck{.key = Key(1)});
  Assign(Key(1));
  EXPECT_EQ(port.begun.size(), 1u);
  EXPECT_EQ(port.Take<wire::AssignNack>().size(), 1u);
}

TEST_F(SessionTest, KeyThatEndedLongAgoMayComeAgain) {
  Connect();
  Assign(Key(1));
  End(Key(1));
  Tell(wire::ResultAck{.key = Key(1), .verdict = wire::Verdict::kUnknown});
  now += 21s;
  Assign(Key(1));
  EXPECT_EQ(port.begun.size(), 2u);
}

TEST_F(SessionTest, NewerDeliveryEndsTheOlderWithoutAReport) {
  Connect();
  Assign(Key(1, 1));
  Assign(Key(1, 2));
  EXPECT_EQ(port.abandoned, std::vector<TaskKey>{Key(1, 1)});
  EXPECT_EQ(port.begun.size(), 2u);
  port.sent.clear();
  End(Key(1, 1), model::State::kKilled);
  EXPECT_EQ(port.Count<wire::TaskResult>(), 0u);
  // The older one comes late: the newer one stays.
  Assign(Key(1, 1));
  EXPECT_EQ(port.Take<wire::AssignNack>().size(), 1u);
  EXPECT_EQ(port.abandoned.size(), 1u);
  // A newer attempt replaces too, and drops a result that nobody wants any more.
  End(Key(1, 2));
  Assign(Key(1, 3, 2));
  EXPECT_EQ(port.begun.size(), 3u);
  EXPECT_EQ(session->held(), 1u);
}

TEST_F(SessionTest, OtherTaskRunsAreNotReplaced) {
  Connect();
  Assign(Key(1, 1));
  Assign(Key(2, 2));
  EXPECT_TRUE(port.abandoned.empty());
  EXPECT_EQ(session->held(), 2u);
}

TEST_F(SessionTest, NacksWithoutASlot) {
  Make(1);
  Connect();
  Assign(Key(1));
  Assign(Key(2));
  const auto nacks = port.Take<wire::AssignNack>();
  ASSERT_EQ(nacks.size(), 1u);
  EXPECT_EQ(nacks[0].key, Key(2));
  EXPECT_EQ(nacks[0].reason, wire::NackReason::kNoSlot);
  // An abandoned task holds its slot until it has really ended.
  Assign(Key(1, 2));
  EXPECT_EQ(port.Take<wire::AssignNack>().at(0).reason, wire::NackReason::kNoSlot);
  EXPECT_EQ(port.abandoned.size(), 1u);
  End(Key(1, 1));
  Assign(Key(1, 2));
  EXPECT_EQ(port.begun.size(), 2u);
}

TEST_F(SessionTest, NacksASpecThatThisSessionNeverHad) {
  Connect();
  Assign(Key(1), 1, false);
  EXPECT_EQ(port.Take<wire::AssignNack>().at(0).reason, wire::NackReason::kUnknownSpec);
  Assign(Key(1), 1, true);
  Assign(Key(2), 1, false);
  ASSERT_EQ(port.begun.size(), 2u);
  EXPECT_EQ(port.begun[1].spec->task_id, "check");
  // Numbers of specs belong to a session.
  Welcome(2);
  End(Key(1));
  Assign(Key(3), 1, false);
  EXPECT_EQ(port.Take<wire::AssignNack>().at(0).reason, wire::NackReason::kUnknownSpec);
}

TEST_F(SessionTest, RemembersTheHighestEpochOverSessions) {
  Connect();
  Assign(Key(1), 4);
  Welcome(2);
  Assign(Key(2), 3);
  EXPECT_EQ(port.Take<wire::AssignNack>().at(0).reason, wire::NackReason::kOldEpoch);
  EXPECT_EQ(port.begun.size(), 1u);
}

TEST_F(SessionTest, HeartbeatNamesEverythingHeld) {
  Connect();
  Assign(Key(1));
  Assign(Key(2));
  End(Key(2));
  Advance(2s);
  const auto beats = port.Take<wire::Heartbeat>();
  ASSERT_EQ(beats.size(), 1u);
  EXPECT_EQ(beats[0].tasks, (std::vector<TaskKey>{Key(1), Key(2)}));
}

TEST_F(SessionTest, LeaseCountsFromWhenTheHeartbeatWasSent) {
  Connect();
  Assign(Key(1));
  const Duration begun = now;
  Advance(2s);  // heartbeat
  const Duration sent = now;
  now += 3s;    // its ack is slow
  Renew({Key(1)});
  // The first lease would end at 10 s less a margin of 2 s; the renewed one 2 s later.
  while (port.abandoned.empty() && now < begun + 20s) {
    const Duration due = session->NextWake();
    now = std::max(due, now);
    Tell(wire::LogCredit{});  // the scheduler is not silent, it only renews nothing
    Tick();
  }
  EXPECT_EQ(now, sent + 8s);
  ASSERT_EQ(port.abandoned.size(), 1u);
  port.sent.clear();
  End(Key(1), model::State::kKilled);
  Tick();
  EXPECT_EQ(port.Count<wire::TaskResult>(), 0u);
  EXPECT_EQ(port.Take<wire::Credit>().at(0).free_slots, 2u);
}

TEST_F(SessionTest, RepeatedAndUnnumberedAcksNeverMakeALeaseLonger) {
  Connect();
  Assign(Key(1));
  const Duration begun = now;
  Advance(2s);
  const std::uint64_t first = port.Take<wire::Heartbeat>().at(0).credit_seq;
  Tell(wire::HeartbeatAck{.renewed = {Key(1)}, .credit_seq = first});
  Advance(2s);
  Advance(2s);
  // Copies of the first ack come late; the later heartbeats were lost.
  for (int i = 0; i < 5; ++i) Tell(wire::HeartbeatAck{.renewed = {Key(1)}, .credit_seq = first});
  while (port.abandoned.empty() && now < begun + 20s) Advance(100ms);
  EXPECT_EQ(now, begun + 2s + 8s);
}

TEST_F(SessionTest, RenewedTasksRunOn) {
  Connect();
  Assign(Key(1));
  for (int i = 0; i < 30; ++i) {
    Advance(2s);
    Renew({Key(1)});
  }
  EXPECT_TRUE(port.abandoned.empty());
}

TEST_F(SessionTest, UnknownTaskEndsSilentlyButAResultWaitsForItsAck) {
  Connect();
  Assign(Key(1));
  Assign(Key(2));
  End(Key(2));
  Advance(2s);
  port.sent.clear();
  Tell(wire::HeartbeatAck{.unknown = {Key(1), Key(2), Key(9)}});
  EXPECT_EQ(port.abandoned, std::vector<TaskKey>{Key(1)});
  End(Key(1), model::State::kKilled);
  Advance(60s);
  for (const auto& result : port.Take<wire::TaskResult>()) EXPECT_EQ(result.key, Key(2));
  EXPECT_EQ(session->held(), 1u);
}

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
  session->OnConnected(now);
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
  session->OnConnected(now);
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
  session->OnConnected(now);
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
    session.OnConnected(now);
    for (int step = 0; step < 2000; ++step) {
      now += Duration(random.Below(200'000));
      while (!network.empty() && network.begin()->first <= now) {
        wire::ToWorker message = std::move(network.begin()->second);
        network.erase(network.begin());
        if (const auto* ack = std::get_if<wire::ResultAck>(&message)) acked.insert(ack->key);
        session.OnMessage(std::move(message), now);
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
          session.OnMessage(wire::Welcome{.session = ++sessions, .lease = 10s, .heartbeat = 2s}, now);
        if (const auto* beat = std::get_if<wire::Heartbeat>(&message))
          session.OnMessage(wire::HeartbeatAck{.renewed = beat->tasks, .credit_seq = beat->credit_seq}, now);
        if (const auto* result = std::get_if<wire::TaskResult>(&message)) {
          acked.insert(result->key);
          session.OnMessage(wire::ResultAck{.key = result->key}, now);
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
