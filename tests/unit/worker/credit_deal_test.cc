// Slots shown to several schedulers: all of them until somebody is turned away, then a share each, in turns.
#include <map>

#include "tests/unit/worker/links_fixture.h"

namespace headrace::worker {
namespace {

TEST(CreditDealTest, SharesNeverExceedWhatIsFreeAndTheRestGoesRound) {
  for (std::size_t places = 1; places <= 5; ++places) {
    for (std::uint32_t free = 0; free <= 11; ++free) {
      CreditDeal deal;
      deal.OnTurnedAway(0s, 10s, 2s);
      std::map<std::size_t, std::uint32_t> least;
      for (std::size_t turn = 0; turn < places; ++turn) {
        std::uint32_t sum = 0;
        for (std::size_t place = 0; place < places; ++place) {
          const std::uint32_t share = deal.Share(place, places, free);
          sum += share;
          least[place] = std::max(least[place], share);
        }
        ASSERT_EQ(sum, free);
        deal.OnTick(Duration(250ms) * (static_cast<int>(turn) + 1), places, free);
      }
      // Within as many turns as there are places everybody had the larger share once.
      for (std::size_t place = 0; place < places; ++place)
        ASSERT_EQ(least[place], (free + places - 1) / places) << places << " places, " << free << " free";
    }
  }
}

TEST(CreditDealTest, EndsThreeLeasesAfterTheLastRefusal) {
  CreditDeal deal;
  EXPECT_EQ(deal.NextWake(), CreditDeal::kNever);
  EXPECT_EQ(deal.Share(1, 3, 1), 1U);
  deal.OnTurnedAway(0s, 10s, 2s);
  deal.OnTurnedAway(5s, 10s, 2s);
  deal.OnTick(34s, 3, 1);
  EXPECT_TRUE(deal.dealing());
  deal.OnTick(35s, 3, 1);
  EXPECT_FALSE(deal.dealing());
  EXPECT_EQ(deal.NextWake(), CreditDeal::kNever);
}

// Schedulers that count as docs/protocol.md says: what they assign against the newest number they were shown.
class CreditTest : public LinksTest {
 protected:
  struct Scheduler {
    std::uint64_t seq = 0;
    std::uint32_t credit = 0;
    bool full = false;
    std::uint32_t ran = 0;
    std::uint32_t nacked = 0;
  };

  void Read(LinkId link) {
    Scheduler& scheduler = schedulers[link];
    const auto show = [&](std::uint32_t free, std::uint64_t seq) {
      ASSERT_GT(seq, scheduler.seq);
      scheduler.seq = seq;
      scheduler.credit = free;
      if (free > 0) scheduler.full = false;
    };
    for (const auto& message : std::exchange(port.sent[link], {})) {
      if (const auto* credit = std::get_if<wire::Credit>(&message)) show(credit->free_slots, credit->seq);
      if (const auto* beat = std::get_if<wire::Heartbeat>(&message)) {
        show(beat->free_slots, beat->credit_seq);
        Tell(link, wire::HeartbeatAck{.renewed = beat->tasks, .credit_seq = beat->credit_seq});
      }
      if (std::holds_alternative<wire::AssignNack>(message)) {
        ++scheduler.nacked;
        scheduler.full = true;
      }
    }
  }
  void ReadAll() {
    for (const LinkId link : {kAda, kBob, kCyd}) Read(link);
  }
  std::uint32_t Promised() const {
    std::uint32_t sum = 0;
    for (const auto& [link, scheduler] : schedulers) sum += scheduler.credit;
    return sum;
  }
  std::uint32_t Nacked() const {
    std::uint32_t sum = 0;
    for (const auto& [link, scheduler] : schedulers) sum += scheduler.nacked;
    return sum;
  }
  // Whoever may assign something does.
  void Give(const std::vector<LinkId>& links) {
    for (const LinkId link : links) {
      Scheduler& scheduler = schedulers[link];
      if (scheduler.full || scheduler.credit == 0) continue;
      --scheduler.credit;
      const std::size_t before = port.begun.size();
      Tell(link, wire::Assign{.key = Key(++next), .epoch = 1, .spec_id = 1, .spec = wire::TaskSpec{.type = "t"},
                              .credit_seq = scheduler.seq});
      if (port.begun.size() == before) continue;
      ++scheduler.ran;
      running.push_back({Key(next), link});
    }
  }
  void EndOldest() {
    if (running.empty()) return;
    const auto [key, link] = running.front();
    running.erase(running.begin());
    End(key);
    Tell(link, wire::ResultAck{.key = key});
  }

  std::map<LinkId, Scheduler> schedulers;
  std::vector<std::pair<TaskKey, LinkId>> running;
  std::uint32_t next = 0;
};

TEST_F(CreditTest, AllSeeEverythingWhileNobodyIsTurnedAway) {
  for (const LinkId link : {kAda, kBob, kCyd}) {
    session->OnConnected(link, now);
    Welcome(link);
  }
  Tick();
  ReadAll();
  for (const LinkId link : {kAda, kBob, kCyd}) EXPECT_EQ(schedulers[link].credit, 4U);
  // What one has used the others see.
  Give({kAda});
  Tick();
  ReadAll();
  for (const LinkId link : {kAda, kBob, kCyd}) EXPECT_EQ(schedulers[link].credit, 3U);
}

TEST_F(CreditTest, OneSlotIsNotPromisedTwiceOnceSomebodyWasTurnedAwayAndNobodyStarves) {
  Make(1);
  for (const LinkId link : {kAda, kBob, kCyd}) {
    session->OnConnected(link, now);
    Welcome(link);
  }
  Tick();
  ReadAll();
  EXPECT_EQ(Promised(), 3U);
  Give({kAda, kBob, kCyd});  // one gets it, two are turned away
  Tick();
  ReadAll();
  EXPECT_EQ(Nacked(), 2U);
  for (int i = 0; i < 300; ++i) {
    now += 100ms;
    EndOldest();
    Tick();
    ReadAll();
    if (now < 128s) {
      ASSERT_LE(Promised() + running.size(), 1U) << "round " << i;
    }
    Give({kAda, kBob, kCyd});
    Tick();
    ReadAll();
    if (now < 128s) {
      ASSERT_EQ(Nacked(), 2U) << "round " << i;
    }
  }
  for (const LinkId link : {kAda, kBob, kCyd}) EXPECT_GE(schedulers[link].ran, 90U);
}

TEST_F(CreditTest, AnIdleSchedulersTurnPasses) {
  Make(1);
  for (const LinkId link : {kAda, kBob, kCyd}) {
    session->OnConnected(link, now);
    Welcome(link);
  }
  Tick();
  ReadAll();
  Give({kAda, kBob, kCyd});
  Tick();
  ReadAll();
  EndOldest();
  // Only Ada has work: she gets the slot within a heartbeat, each time.
  for (int round = 0; round < 10; ++round) {
    const std::uint32_t before = schedulers[kAda].ran;
    for (int i = 0; i < 20 && schedulers[kAda].ran == before; ++i) {
      now += 100ms;
      Tick();
      ReadAll();
      Give({kAda});
    }
    ASSERT_EQ(schedulers[kAda].ran, before + 1);
    EndOldest();
  }
}

TEST_F(CreditTest, ItIsOverWhenNobodyWasTurnedAwayForLong) {
  Make(1);
  for (const LinkId link : {kAda, kBob, kCyd}) {
    session->OnConnected(link, now);
    Welcome(link);
  }
  Tick();
  ReadAll();
  Give({kAda, kBob});
  Tick();
  ReadAll();
  EndOldest();
  for (int i = 0; i < 320; ++i) {
    now += 100ms;
    Tick();
    ReadAll();
  }
  EXPECT_EQ(Promised(), 3U);
}

}  // namespace
}  // namespace headrace::worker
