// The worker's half of the protocol: connection, credit, assignments and leases, with lost, repeated and late messages.
#include "tests/unit/worker/session_fixture.h"

namespace headrace::worker {
namespace {

TEST_F(SessionTest, SaysHelloUntilWelcomedThenResyncsAndOffersItsSlots) {
  session->OnConnected(kLink, now);
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

}  // namespace
}  // namespace headrace::worker
