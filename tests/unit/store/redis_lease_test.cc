// Leases while the clock of a real redis-server jumps, its memory is full, or what a scheduler says of itself is damaged.
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

TEST_F(RedisLease, WhoIsThereSaysSoAlsoWhenMemoryIsFull) {
  ASSERT_NE(Take(one_, "a"), 0U);
  server_.Do({"CONFIG", "SET", "maxmemory", "1000000"});
  ASSERT_EQ(server_.Do({"SET", "x", "y"}).text.substr(0, 3), "OOM");
  EXPECT_TRUE(one_.leases->Announce({.id = "a"}, kLong));
  EXPECT_EQ(other_.leases->Members()->size(), 1U);
  EXPECT_TRUE(one_.leases->Leave("a"));
  EXPECT_TRUE(other_.leases->Members()->empty());
}

TEST_F(RedisLease, WhatIsDamagedIsLeftOutUntilItIsSaidAgain) {
  ASSERT_TRUE(one_.leases->Announce({.id = "a"}, kLong));
  ASSERT_TRUE(one_.leases->Announce({.id = "b"}, kLong));
  server_.Do({"SET", "{hr}:m:a", "nonsense"});
  EXPECT_EQ(other_.leases->Members()->size(), 1U);
  ASSERT_TRUE(one_.leases->Announce({.id = "a"}, kLong));
  EXPECT_EQ(other_.leases->Members()->size(), 2U);
}

}  // namespace
}  // namespace headrace::store
