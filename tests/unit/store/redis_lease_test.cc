// Leases of partitions on a real redis-server (rows 11, 12, 45 and 46 of docs/failures.md).
#include <algorithm>
#include <array>
#include <thread>

#include "tests/unit/store/redis_server.h"
#include "tests/unit/store/stores.h"

namespace headrace::store {
namespace {

constexpr Duration kLong = std::chrono::minutes(5);
constexpr Duration kShort = std::chrono::milliseconds(100);

class RedisLease : public testing::Test {
 protected:
  RedisLease() : one_(Open()), other_(Open()) {}
  RedisStores Open() {
    auto stores = OpenRedis({.url = server_.url(), .durability = RedisDurability::kMemory});
    EXPECT_TRUE(stores) << stores.error().ToString();
    return std::move(*stores);
  }
  // Which epoch `owner` gets, 0 if none.
  static Epoch Take(RedisStores& stores, const std::string& owner, Duration lease = kLong) {
    const auto epoch = stores.leases->Acquire(3, owner, lease);
    EXPECT_TRUE(epoch) << epoch.error().ToString();
    return epoch->value_or(0);
  }
  LeaseHolder Holder() { return one_.leases->Holders({3})->at(0); }

  RedisServer server_;
  RedisStores one_;
  RedisStores other_;
};

TEST_F(RedisLease, OneHasItAtATime) {
  const Epoch epoch = Take(one_, "a");
  ASSERT_NE(epoch, 0U);
  EXPECT_EQ(Take(other_, "b"), 0U);
  const LeaseHolder holder = Holder();
  EXPECT_EQ(holder.owner, "a");
  EXPECT_EQ(holder.epoch, epoch);
  EXPECT_GT(holder.left, kLong / 2);
  EXPECT_TRUE(CommitAndWait(*one_.store, {.partition = 3, .epoch = epoch}));
}

TEST_F(RedisLease, OfManyThatRaceOneGetsIt) {
  std::vector<std::thread> threads;
  std::array<Epoch, 8> epochs{};
  for (std::size_t i = 0; i < epochs.size(); ++i) {
    threads.emplace_back([&, i] { epochs[i] = Take(i % 2 == 0 ? one_ : other_, "owner " + std::to_string(i)); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(std::count(epochs.begin(), epochs.end(), Epoch{0}), 7);
}

TEST_F(RedisLease, WhoWasPausedCannotRenewNorCommitAfterATakeover) {
  const Epoch old = Take(one_, "a", kShort);
  Epoch next = 0;
  Eventually("it runs out", [&] { return (next = Take(other_, "b")) != 0; });
  EXPECT_GT(next, old);
  EXPECT_EQ(one_.leases->Renew(3, "a", old, kLong).error().code, Code::kAborted);
  EXPECT_EQ(one_.leases->Release(3, "a", old).error().code, Code::kAborted);
  EXPECT_EQ(CommitAndWait(*one_.store, {.partition = 3, .epoch = old}).error().code, Code::kAborted);
  EXPECT_TRUE(CommitAndWait(*other_.store, {.partition = 3, .epoch = next}));
  EXPECT_EQ(Holder().owner, "b");
}

TEST_F(RedisLease, ALateRenewalHoldsWhenNobodyCameBetween) {
  const Epoch epoch = Take(one_, "a", Duration(1000));
  Eventually("it runs out", [&] { return Holder().left == Duration(0); });
  EXPECT_TRUE(one_.leases->Renew(3, "a", epoch, kLong));
  EXPECT_EQ(Take(other_, "b"), 0U);
}

TEST_F(RedisLease, WhatIsReleasedIsTakenAtOnce) {
  const Epoch epoch = Take(one_, "a");
  ASSERT_TRUE(one_.leases->Release(3, "a", epoch));
  EXPECT_GT(Take(other_, "b"), epoch);
  EXPECT_EQ(CommitAndWait(*one_.store, {.partition = 3, .epoch = epoch}).error().code, Code::kAborted);
}

TEST_F(RedisLease, TakingOnesOwnAgainFencesTheEarlierSelf) {
  const Epoch first = Take(one_, "a");
  const Epoch second = Take(one_, "a");
  EXPECT_GT(second, first);
  EXPECT_EQ(CommitAndWait(*one_.store, {.partition = 3, .epoch = first}).error().code, Code::kAborted);
}

// The server's clock went back by an hour: the lease would last an hour and more; it is cut to what was asked for.
TEST_F(RedisLease, AClockThatGoesBackDoesNotKeepADeadOwner) {
  ASSERT_NE(Take(one_, "a", kShort), 0U);
  const std::int64_t ends = server_.Do({"HGET", "{p3}:p", "u"}).number();
  server_.Do({"HSET", "{p3}:p", "u", std::to_string(ends + 3'600'000)});
  EXPECT_LE(Holder().left, kShort);
  Eventually("another gets it", [&] { return Take(other_, "b") != 0; });
}

// … or forward: the lease ends early, and the fence keeps the first owner from doing harm.
TEST_F(RedisLease, AClockThatGoesForwardEndsItEarlyAndSafely) {
  const Epoch old = Take(one_, "a");
  const std::int64_t ends = server_.Do({"HGET", "{p3}:p", "u"}).number();
  server_.Do({"HSET", "{p3}:p", "u", std::to_string(ends - 3'600'000)});
  EXPECT_GT(Take(other_, "b"), old);
  EXPECT_EQ(CommitAndWait(*one_.store, {.partition = 3, .epoch = old}).error().code, Code::kAborted);
}

TEST_F(RedisLease, AHolderOfNothingIsNobody) {
  const auto holders = one_.leases->Holders({8, 3, 9});
  ASSERT_TRUE(holders);
  ASSERT_EQ(holders->size(), 3U);
  EXPECT_EQ(holders->at(0).partition, 8U);
  EXPECT_EQ(holders->at(0).owner, "");
  EXPECT_EQ(holders->at(0).left, Duration(0));
}

TEST_F(RedisLease, ThereAreSoManyPartitions) {
  EXPECT_TRUE(one_.leases->Acquire(255, "a", kLong));
  EXPECT_EQ(one_.leases->Acquire(256, "a", kLong).error().code, Code::kInvalidArgument);
}

}  // namespace
}  // namespace headrace::store
