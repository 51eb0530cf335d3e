// Leases of partitions (rows 11, 12, 45 and 46 of docs/failures.md) and who is there: on a real redis-server, and in memory.
#include <algorithm>
#include <array>
#include <thread>

#include "tests/unit/store/redis_nodes.h"
#include "tests/unit/store/stores.h"

namespace headrace::store {
namespace {

constexpr Duration kLong = std::chrono::minutes(5);
constexpr Duration kShort = std::chrono::milliseconds(100);

// One process' view of the truth that both share.
struct View {
  std::unique_ptr<Store> store;
  std::unique_ptr<FlowStore> flows;
  std::unique_ptr<LeaseStore> leases;
};

enum class Place { kMemory, kRedis, kRedisCluster };

// One for all tests of a process.
RedisNodes& Nodes() {
  static RedisNodes nodes;
  return nodes;
}

class LeaseContract : public testing::TestWithParam<Place> {
 protected:
  LeaseContract() {
    if (GetParam() == Place::kRedis) server_.emplace();
    if (GetParam() == Place::kRedisCluster) Nodes().Emptied();
    one_ = Open();
    other_ = Open();
  }
  View Open() {
    if (GetParam() == Place::kMemory) {
      MemoryStores stores = memory_.Open();
      return {std::move(stores.store), std::move(stores.flows), std::move(stores.leases)};
    }
    auto stores = OpenRedis({.url = server_ ? server_->url() : Nodes().url(), .durability = RedisDurability::kMemory});
    EXPECT_TRUE(stores) << stores.error().ToString();
    return {std::move(stores->store), std::move(stores->flows), std::move(stores->leases)};
  }
  // Which epoch `owner` gets, 0 if none.
  static Epoch Take(View& view, const std::string& owner, Duration lease = kLong) {
    const auto epoch = view.leases->Acquire(3, owner, lease);
    EXPECT_TRUE(epoch) << epoch.error().ToString();
    return epoch->value_or(0);
  }
  static Status Write(View& view, Epoch epoch) { return CommitAndWait(*view.store, {.partition = 3, .epoch = epoch}); }
  LeaseHolder Holder() { return one_.leases->Holders({3})->at(0); }
  std::vector<std::string> Ids(View& view) {
    std::vector<std::string> ids;
    const auto members = view.leases->Members();
    EXPECT_TRUE(members) << members.error().ToString();
    for (const Member& member : *members) ids.push_back(member.id);
    return ids;
  }

  const SystemClock clock_{};
  const MemoryCluster memory_{clock_, 256};
  std::optional<RedisServer> server_;
  View one_;
  View other_;
};

TEST_P(LeaseContract, OneHasItAtATime) {
  const Epoch epoch = Take(one_, "a");
  ASSERT_NE(epoch, 0U);
  EXPECT_EQ(Take(other_, "b"), 0U);
  const LeaseHolder holder = Holder();
  EXPECT_EQ(holder.owner, "a");
  EXPECT_EQ(holder.epoch, epoch);
  EXPECT_GT(holder.left, kLong / 2);
  EXPECT_TRUE(Write(one_, epoch));
}

TEST_P(LeaseContract, OfManyThatRaceOneGetsIt) {
  std::vector<std::thread> threads;
  std::array<Epoch, 8> epochs{};
  for (std::size_t i = 0; i < epochs.size(); ++i) {
    threads.emplace_back([&, i] { epochs[i] = Take(i % 2 == 0 ? one_ : other_, "owner " + std::to_string(i)); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(std::count(epochs.begin(), epochs.end(), Epoch{0}), 7);
}

TEST_P(LeaseContract, WhoWasPausedCannotRenewNorCommitAfterATakeover) {
  const Epoch old = Take(one_, "a", kShort);
  Epoch next = 0;
  Eventually("it runs out", [&] { return (next = Take(other_, "b")) != 0; });
  EXPECT_GT(next, old);
  EXPECT_EQ(one_.leases->Renew(3, "a", old, kLong).error().code, Code::kAborted);
  EXPECT_EQ(one_.leases->Release(3, "a", old).error().code, Code::kAborted);
  EXPECT_EQ(Write(one_, old).error().code, Code::kAborted);
  EXPECT_TRUE(Write(other_, next));
  EXPECT_EQ(Holder().owner, "b");
}

TEST_P(LeaseContract, ALateRenewalHoldsWhenNobodyCameBetween) {
  const Epoch epoch = Take(one_, "a", Duration(1000));
  Eventually("it runs out", [&] { return Holder().left == Duration(0); });
  EXPECT_TRUE(one_.leases->Renew(3, "a", epoch, kLong));
  EXPECT_EQ(Take(other_, "b"), 0U);
}

TEST_P(LeaseContract, WhatIsReleasedIsTakenAtOnce) {
  const Epoch epoch = Take(one_, "a");
  ASSERT_TRUE(one_.leases->Release(3, "a", epoch));
  EXPECT_GT(Take(other_, "b"), epoch);
  EXPECT_EQ(Write(one_, epoch).error().code, Code::kAborted);
}

TEST_P(LeaseContract, TakingOnesOwnAgainFencesTheEarlierSelf) {
  const Epoch first = Take(one_, "a");
  const Epoch second = Take(one_, "a");
  EXPECT_GT(second, first);
  EXPECT_EQ(Write(one_, first).error().code, Code::kAborted);
  EXPECT_TRUE(Write(one_, second));
}

TEST_P(LeaseContract, WhoTakesByForceNeedsNoLease) {
  const Epoch old = Take(one_, "a");
  const Epoch next = *other_.store->Acquire(3);
  EXPECT_GT(next, old);
  EXPECT_EQ(one_.leases->Renew(3, "a", old, kLong).error().code, Code::kAborted);
  EXPECT_EQ(Write(one_, old).error().code, Code::kAborted);
}

TEST_P(LeaseContract, WhatOneWritesTheOtherReads) {
  const Epoch epoch = Take(one_, "a");
  ASSERT_TRUE(CommitAndWait(*one_.store, {.partition = 3, .epoch = epoch, .executions = {Row("e")}}));
  EXPECT_EQ(*other_.store->ReadRecord(ExecutionId("e")), "record of e");
  EXPECT_EQ(other_.store->Load(3)->active, std::vector<ExecutionId>{ExecutionId("e")});
  const std::uint64_t before = other_.flows->ChangedSince(0)->version;
  ASSERT_TRUE(one_.flows->Put({.ns = "a", .id = "f", .digest = "d"}));
  const auto changes = other_.flows->ChangedSince(before);
  EXPECT_GT(changes->version, before);
  EXPECT_EQ(changes->flows, (std::vector<std::pair<std::string, std::string>>{{"a", "f"}}));
  EXPECT_TRUE(other_.flows->ChangedSince(changes->version)->flows.empty());
  EXPECT_EQ(other_.flows->Get("a", "f", 0)->revision, 1);
}

TEST_P(LeaseContract, ManyAreRenewedTogetherUnlessOneIsAnothers) {
  const Epoch three = **one_.leases->Acquire(3, "a", kLong);
  const Epoch four = **one_.leases->Acquire(4, "a", kLong);
  EXPECT_TRUE(one_.leases->RenewAll("a", {{3, three}, {4, four}}, kLong));
  EXPECT_TRUE(one_.leases->RenewAll("a", {}, kLong));
  ASSERT_TRUE(other_.store->Acquire(4));
  EXPECT_EQ(one_.leases->RenewAll("a", {{3, three}, {4, four}}, kLong).error().code, Code::kAborted);
  EXPECT_TRUE(one_.leases->Renew(3, "a", three, kLong));
}

TEST_P(LeaseContract, AHolderOfNothingIsNobody) {
  const auto holders = one_.leases->Holders({8, 3, 9});
  ASSERT_TRUE(holders);
  ASSERT_EQ(holders->size(), 3U);
  EXPECT_EQ(holders->at(0).partition, 8U);
  EXPECT_EQ(holders->at(0).owner, "");
  EXPECT_EQ(holders->at(0).left, Duration(0));
}

TEST_P(LeaseContract, ThereAreSoManyPartitions) {
  EXPECT_EQ(one_.leases->partitions(), 256U);
  EXPECT_TRUE(one_.leases->Acquire(255, "a", kLong));
  EXPECT_EQ(one_.leases->Acquire(256, "a", kLong).error().code, Code::kInvalidArgument);
}

TEST_P(LeaseContract, WhoIsThereIsKnownToAllUntilItLeavesOrFallsSilent) {
  EXPECT_EQ(Ids(one_), std::vector<std::string>{});
  const Member b{"b", "host:9190", "tcp://host:9191", "0.4"};
  ASSERT_TRUE(one_.leases->Announce(b, kLong));
  ASSERT_TRUE(other_.leases->Announce({.id = "a"}, kShort));
  EXPECT_EQ(other_.leases->Members()->back(), b);
  EXPECT_LT(other_.leases->Members()->back().silent, kLong);
  Eventually("b is silent for a moment", [&] { return other_.leases->Members()->back().silent >= std::chrono::milliseconds(20); });
  Eventually("a falls silent", [&] { return Ids(one_) == std::vector<std::string>{"b"}; });
  ASSERT_TRUE(other_.leases->Announce({.id = "a"}, kLong));
  EXPECT_EQ(Ids(one_), (std::vector<std::string>{"a", "b"}));
  Member changed = b;
  changed.build = "0.5";
  ASSERT_TRUE(one_.leases->Announce(changed, kLong));
  EXPECT_EQ(other_.leases->Members()->back(), changed);
  ASSERT_TRUE(one_.leases->Leave("b"));
  ASSERT_TRUE(one_.leases->Leave("nobody"));
  EXPECT_EQ(Ids(other_), std::vector<std::string>{"a"});
}

INSTANTIATE_TEST_SUITE_P(Every, LeaseContract, testing::Values(Place::kMemory, Place::kRedis, Place::kRedisCluster), [](const auto& place) {
  return place.param == Place::kMemory ? "Memory" : place.param == Place::kRedis ? "Redis" : "RedisCluster";
});

// A clock that moves when told, which the memory of a simulated world has.
TEST(MemoryLease, RunsByTheClockItIsGiven) {
  ManualClock clock;
  const MemoryCluster cluster(clock, 4);
  const MemoryStores one = cluster.Open();
  const MemoryStores other = cluster.Open();
  const auto taken = one.leases->Acquire(2, "a", std::chrono::seconds(5));
  ASSERT_TRUE(taken && *taken);
  ASSERT_TRUE(one.leases->Announce({.id = "a"}, std::chrono::seconds(5)));
  clock.Advance(std::chrono::seconds(4));
  EXPECT_FALSE(*other.leases->Acquire(2, "b", std::chrono::seconds(5)));
  EXPECT_EQ(other.leases->Holders({2})->at(0).left, Duration(std::chrono::seconds(1)));
  ASSERT_EQ(other.leases->Members()->size(), 1U);
  EXPECT_EQ(other.leases->Members()->front().silent, Duration(std::chrono::seconds(4)));
  clock.StepWall(-std::chrono::hours(1));
  EXPECT_EQ(other.leases->Holders({2})->at(0).left, Duration(std::chrono::seconds(5)));
  clock.StepWall(std::chrono::hours(1) + std::chrono::seconds(1));
  EXPECT_TRUE(*other.leases->Acquire(2, "b", std::chrono::seconds(5)));
  EXPECT_TRUE(other.leases->Members()->empty());
  EXPECT_EQ(one.leases->partitions(), 4U);
}

}  // namespace
}  // namespace headrace::store
