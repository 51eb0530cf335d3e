// A worker between several schedulers: whose its tasks and results are, and what happens when a scheduler goes.
#include "tests/unit/worker/links_fixture.h"

namespace headrace::worker {
namespace {

using Keys = std::vector<TaskKey>;

TEST_F(LinksTest, EachSchedulerHearsOfItsOwnTasks) {
  Join({kAda, kBob});
  owners = {{1, kAda}, {2, kBob}};
  Assign(kAda, Key(1));
  Assign(kBob, Key(2));
  EXPECT_EQ(Take<wire::AssignAck>(kAda).at(0).key, Key(1));
  EXPECT_EQ(Take<wire::AssignAck>(kBob).at(0).key, Key(2));
  session->OnTaskStarted(Key(1), FromMicros(5));
  EXPECT_EQ(Take<wire::Started>(kAda).size(), 1U);
  EXPECT_TRUE(Take<wire::Started>(kBob).empty());
  Advance(2s);
  EXPECT_EQ(LastBeat(kAda), Keys{Key(1)});
  EXPECT_EQ(LastBeat(kBob), Keys{Key(2)});
  session->OnLog(Key(2), {.level = "INFO", .message = "hello"});
  End(Key(2));
  EXPECT_EQ(Take<wire::Logs>(kBob).size(), 1U);
  EXPECT_EQ(Take<wire::TaskResult>(kBob).size(), 1U);
  EXPECT_TRUE(Take<wire::TaskResult>(kAda).empty());
  Tell(kBob, wire::ResultAck{.key = Key(2)});
  EXPECT_EQ(session->held(), 1U);
  EXPECT_EQ(port.dropped, Keys{Key(2)});
}

TEST_F(LinksTest, ABrokenConnectionTellsTheOthersAtOnceAndTheTaskGoesOnWithWhoTakesIt) {
  Join({kAda, kBob, kCyd});
  owners = {{1, kAda}};
  Assign(kAda, Key(1));
  port.sent.clear();
  session->OnDisconnected(kAda, now);
  EXPECT_EQ(Resynced(kBob), Keys{Key(1)});
  EXPECT_EQ(Resynced(kCyd), Keys{Key(1)});
  Answer({kBob, kCyd});  // elsewhere: nobody has taken it over yet
  EXPECT_TRUE(port.abandoned.empty());
  // Cyd takes the partition over and asks.
  owners = {{1, kCyd}};
  now += 3s;
  Tell(kCyd, wire::ResyncRequired{});
  EXPECT_EQ(Resynced(kCyd), Keys{Key(1)});
  Answer({kCyd});
  for (int i = 0; i < 20; ++i) {
    Advance(2s);
    Answer({kBob, kCyd});
  }
  EXPECT_TRUE(port.abandoned.empty());
  End(Key(1));
  EXPECT_EQ(Take<wire::TaskResult>(kCyd).size(), 1U);
  EXPECT_TRUE(Take<wire::TaskResult>(kBob).empty());
}

TEST_F(LinksTest, ATaskThatNobodyTakesEndsBeforeItsLease) {
  Join({kAda, kBob});
  Assign(kAda, Key(1));
  session->OnDisconnected(kAda, now);
  const Duration begun = now;
  while (port.abandoned.empty() && now < begun + 20s) {
    Advance(100ms);
    Answer({kBob});
  }
  EXPECT_EQ(now, begun + 8s);
}

TEST_F(LinksTest, ASilentSchedulersTasksAreToldToWhoAsks) {
  Join({kAda, kBob});
  owners = {{1, kAda}};
  Assign(kAda, Key(1));
  Tell(kBob, wire::ResyncRequired{});
  EXPECT_TRUE(Resynced(kBob).empty());  // Ada answers
  // Ada hangs; her connection stands.
  Advance(2s);
  Answer({kBob});
  Advance(2s);
  Answer({kBob});
  Advance(1s);
  owners = {{1, kBob}};
  Tell(kBob, wire::ResyncRequired{});
  EXPECT_EQ(Resynced(kBob), Keys{Key(1)});
  Answer({kBob});
  while (now < 130s) {
    Advance(1s);
    Answer({kBob});
  }
  EXPECT_TRUE(port.abandoned.empty());
  // Ada wakes up: what she says of it ends nothing.
  Tell(kAda, wire::HeartbeatAck{.unknown = {Key(1)}});
  EXPECT_TRUE(port.abandoned.empty());
}

TEST_F(LinksTest, OnlyItsHomeEndsATask) {
  Join({kAda, kBob});
  owners = {{1, kAda}};
  Assign(kAda, Key(1));
  Tell(kBob, wire::HeartbeatAck{.unknown = {Key(1)}});
  Tell(kBob, wire::Cancel{.key = Key(1)});
  EXPECT_TRUE(port.abandoned.empty());
  EXPECT_TRUE(port.cancelled.empty());
  EXPECT_TRUE(Take<wire::CancelAck>(kBob).empty());  // so that Bob says it again, should it become his
  Tell(kAda, wire::Cancel{.key = Key(1)});
  EXPECT_EQ(port.cancelled, Keys{Key(1)});
  EXPECT_EQ(Take<wire::CancelAck>(kAda).size(), 1U);
  Tell(kAda, wire::HeartbeatAck{.unknown = {Key(1)}});
  EXPECT_EQ(port.abandoned, Keys{Key(1)});
}

TEST_F(LinksTest, AHomelessTaskThatASchedulerDoesNotKnowEnds) {
  Join({kAda, kBob});
  Assign(kAda, Key(1));
  session->OnDisconnected(kAda, now);
  Tell(kBob, wire::HeartbeatAck{.unknown = {Key(1)}});
  EXPECT_EQ(port.abandoned, Keys{Key(1)});
}

TEST_F(LinksTest, ElsewhereFromItsHomeAsksTheOthersAtOnce) {
  Join({kAda, kBob});
  owners = {{1, kAda}};
  Assign(kAda, Key(1));
  owners = {{1, kBob}};  // handed over
  Advance(2s);
  EXPECT_TRUE(LastBeat(kBob).empty());
  Answer({kAda});
  EXPECT_EQ(Resynced(kBob), Keys{Key(1)});
  Answer({kBob});
  // Elsewhere from who is not its home says nothing.
  Tell(kAda, wire::HeartbeatAck{.elsewhere = {Key(1)}});
  Advance(2s);
  EXPECT_EQ(LastBeat(kBob), Keys{Key(1)});
  EXPECT_TRUE(LastBeat(kAda).empty());
}

TEST_F(LinksTest, ALateRenewalOfTheFormerOwnerDoesNotTakeItBack) {
  Join({kAda, kBob});
  owners = {{1, kAda}};
  Assign(kAda, Key(1));
  Advance(2s);
  const auto late = Take<wire::Heartbeat>(kAda).at(0).credit_seq;
  Advance(1s);
  session->OnDisconnected(kAda, now);
  owners = {{1, kBob}};
  Answer({kBob});
  session->OnConnected(kAda, now);
  Tell(kAda, wire::HeartbeatAck{.renewed = {Key(1)}, .credit_seq = late});
  Advance(2s);
  EXPECT_EQ(LastBeat(kBob), Keys{Key(1)});
}

TEST_F(LinksTest, WhoAssignsWhatIsHereAlreadyIsItsHome) {
  Join({kAda, kBob});
  owners = {{1, kBob}};
  Assign(kAda, Key(1), 1);
  Assign(kBob, Key(1), 2);
  EXPECT_EQ(Take<wire::AssignAck>(kBob).size(), 1U);
  EXPECT_EQ(port.begun.size(), 1U);
  End(Key(1));
  EXPECT_EQ(Take<wire::TaskResult>(kBob).size(), 1U);
  EXPECT_TRUE(Take<wire::TaskResult>(kAda).empty());
}

TEST_F(LinksTest, AFormerOwnerIsRefusedByTheEpochOfThatPartitionOnly) {
  Join({kAda, kBob});
  Assign(kBob, Key(1), 7, 20);
  Assign(kAda, Key(2), 6, 20);
  EXPECT_EQ(Take<wire::AssignNack>(kAda).at(0).reason, wire::NackReason::kOldEpoch);
  Assign(kAda, Key(3), 1, 21);
  EXPECT_EQ(port.begun, (Keys{Key(1), Key(3)}));
  // What is held stays its home's, too.
  Assign(kAda, Key(1), 6, 20);
  EXPECT_EQ(Take<wire::AssignNack>(kAda).at(0).reason, wire::NackReason::kOldEpoch);
  Advance(2s);
  EXPECT_EQ(LastBeat(kBob), Keys{Key(1)});
}

TEST_F(LinksTest, AnUnackedResultGoesToWhoeverTakesOver) {
  Join({kAda, kBob, kCyd});
  Assign(kAda, Key(1));
  End(Key(1));
  EXPECT_EQ(Take<wire::TaskResult>(kAda).size(), 1U);
  session->OnDisconnected(kAda, now);
  for (const LinkId link : {kBob, kCyd}) {
    EXPECT_EQ(Resynced(link), Keys{Key(1)});
    EXPECT_EQ(Take<wire::TaskResult>(link).size(), 1U);
    Tell(link, wire::ResultAck{.key = Key(1), .verdict = wire::Verdict::kElsewhere});
  }
  EXPECT_EQ(session->held(), 1U);
  // Bob has it now, and is asked soon after he says so.
  for (int i = 0; i < 10; ++i) {
    Advance(2s);
    Answer({kBob, kCyd});
  }
  (void)Take<wire::TaskResult>(kBob);
  Tell(kBob, wire::ResyncRequired{});
  Advance(1s);
  EXPECT_EQ(Take<wire::TaskResult>(kBob).size(), 1U);
  Tell(kBob, wire::ResultAck{.key = Key(1), .verdict = wire::Verdict::kAccepted});
  EXPECT_EQ(session->held(), 0U);
  EXPECT_EQ(port.dropped, Keys{Key(1)});
}

TEST_F(LinksTest, AResultThatItsHomeDoesNotOwnAnyMoreIsOfferedToTheOthersAtOnce) {
  Join({kAda, kBob});
  Assign(kAda, Key(1));
  End(Key(1));
  EXPECT_TRUE(Take<wire::TaskResult>(kBob).empty());
  // Not its home: nothing is forgotten on a stranger's word.
  Tell(kBob, wire::ResultAck{.key = Key(1), .verdict = wire::Verdict::kUnknown});
  EXPECT_EQ(session->held(), 1U);
  Tell(kAda, wire::ResultAck{.key = Key(1), .verdict = wire::Verdict::kElsewhere});
  EXPECT_EQ(Take<wire::TaskResult>(kBob).size(), 1U);
  Tell(kBob, wire::ResultAck{.key = Key(1), .verdict = wire::Verdict::kStale});
  EXPECT_EQ(session->held(), 0U);
}

TEST_F(LinksTest, ATaskThatEndsWithoutAHomeIsReportedToAll) {
  Join({kAda, kBob, kCyd});
  Assign(kAda, Key(1));
  session->OnDisconnected(kAda, now);
  session->OnTaskStarted(Key(1), FromMicros(5));
  End(Key(1));
  for (const LinkId link : {kBob, kCyd}) {
    EXPECT_EQ(Take<wire::Started>(link).size(), 1U);
    EXPECT_EQ(Take<wire::TaskResult>(link).size(), 1U);
  }
}

TEST_F(LinksTest, LogsWaitForAHomeAndGoThere) {
  Join({kAda, kBob});
  owners = {{1, kBob}};
  Assign(kAda, Key(1));
  session->OnDisconnected(kAda, now);
  session->OnLog(Key(1), {.level = "INFO", .message = "hello"});
  Tick();
  EXPECT_TRUE(Take<wire::Logs>(kBob).empty());
  Answer({kBob});
  Tick();
  EXPECT_EQ(Take<wire::Logs>(kBob).at(0).entries.at(0).message, "hello");
}

TEST_F(LinksTest, ARestartedSchedulerGetsItsTasksBack) {
  Join({kAda, kBob});
  owners = {{1, kAda}};
  Assign(kAda, Key(1));
  Tell(kAda, wire::HelloRequired{});
  EXPECT_EQ(Take<wire::Hello>(kAda).size(), 1U);
  Answer({kBob});
  Welcome(kAda, 2);
  EXPECT_EQ(Resynced(kAda), Keys{Key(1)});
  Answer({kAda, kBob});
  Advance(2s);
  EXPECT_EQ(LastBeat(kAda), Keys{Key(1)});
  EXPECT_TRUE(LastBeat(kBob).empty());
}

TEST_F(LinksTest, ARemovedLinkLeavesItsTasksToTheOthers) {
  Join({kAda, kBob});
  Assign(kAda, Key(1));
  port.sent.clear();
  session->RemoveLink(kAda, now);
  EXPECT_EQ(Resynced(kBob), Keys{Key(1)});
  Advance(2s);
  EXPECT_TRUE(port.sent[kAda].empty());
  EXPECT_FALSE(session->refused());
  Tell(kAda, wire::HelloRequired{});
  EXPECT_TRUE(port.sent[kAda].empty());
}

TEST_F(LinksTest, OneRefusalForGoodEndsOneLinkAndAllOfThemTheWorker) {
  Join({kAda, kBob});
  Assign(kAda, Key(1));
  Tell(kAda, wire::Refused{.reason = "too old", .permanent = true});
  EXPECT_FALSE(session->refused());
  EXPECT_TRUE(session->connected());
  EXPECT_EQ(Resynced(kBob), Keys{Key(1)});
  EXPECT_TRUE(port.abandoned.empty());
  port.sent.clear();
  Advance(60s);
  EXPECT_TRUE(port.sent[kAda].empty());
  Tell(kBob, wire::Refused{.reason = "much too old", .permanent = true});
  EXPECT_EQ(session->refused(), "much too old");
}

TEST_F(LinksTest, DrainTellsAllAndLeavesWhenEverythingIsAcked) {
  Join({kAda, kBob});
  Assign(kAda, Key(1));
  session->BeginDrain(now);
  EXPECT_EQ(Take<wire::Draining>(kAda).size(), 1U);
  EXPECT_EQ(Take<wire::Draining>(kBob).size(), 1U);
  End(Key(1));
  Tick();
  EXPECT_FALSE(session->done());
  Tell(kAda, wire::ResultAck{.key = Key(1)});
  Tick();
  EXPECT_TRUE(session->done());
  EXPECT_EQ(Take<wire::Bye>(kAda).size(), 1U);
  EXPECT_EQ(Take<wire::Bye>(kBob).size(), 1U);
}

// Two addresses of one scheduler: it has one session a worker, which the later hello takes.
TEST_F(LinksTest, OneSchedulerAtTwoAddressesIsSpokenToOverOne) {
  Join({kAda});
  owners = {{1, kBob}};
  Assign(kAda, Key(1));
  session->OnConnected(kBob, now);
  Welcome(kBob, 2, "s0");
  Tell(kAda, wire::HelloRequired{});
  EXPECT_EQ(Resynced(kBob), Keys{Key(1)});
  Answer({kBob});
  port.sent.clear();
  for (int i = 0; i < 20; ++i) {
    Advance(1s);
    Answer({kBob});
  }
  EXPECT_TRUE(port.sent[kAda].empty());
  EXPECT_TRUE(port.abandoned.empty());
  // The other address breaks: the first one is tried again.
  session->OnDisconnected(kBob, now);
  EXPECT_EQ(Take<wire::Hello>(kAda).size(), 1U);
}

TEST_F(LinksTest, ARestoredResultIsHandedOverAndTakesNoSlot) {
  session->RestoreResult({.key = Key(9)});
  EXPECT_EQ(session->free_slots(), 4U);
  session->OnConnected(kAda, now);
  Welcome(kAda);
  EXPECT_EQ(Resynced(kAda), Keys{Key(9)});
  EXPECT_EQ(Take<wire::TaskResult>(kAda).size(), 1U);
  Tell(kAda, wire::ResultAck{.key = Key(9), .verdict = wire::Verdict::kStale});
  EXPECT_EQ(session->held(), 0U);
  EXPECT_EQ(port.dropped, Keys{Key(9)});
}

TEST_F(LinksTest, ANewerDeliveryReplacesARestoredResult) {
  session->RestoreResult({.key = Key(1, 1)});
  Join({kAda});
  Assign(kAda, Key(1, 2));
  EXPECT_EQ(port.dropped, Keys{Key(1, 1)});
  EXPECT_EQ(port.begun, Keys{Key(1, 2)});
}

}  // namespace
}  // namespace headrace::worker
