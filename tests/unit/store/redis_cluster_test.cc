// A Redis Cluster of real servers: slots that move in the middle of commits, masters that die, come back empty, or are no cluster.
#include <atomic>
#include <fstream>
#include <iterator>
#include <sstream>
#include <thread>

#include "common/store/redis_locator.h"
#include "tests/unit/store/redis_nodes.h"
#include "tests/unit/store/redis_stores.h"
#include "tests/unit/store/stores.h"

namespace headrace::store {
namespace {

// Commits an execution, a task run and a note each time, many in flight: keys that are there and keys that are new.
class Committer {
 public:
  Committer(Store& store, PartitionId partition, Epoch epoch)
      : store_(store), partition_(partition), epoch_(epoch), thread_([this] { Run(); }) {}
  ~Committer() { Stop(); }
  void WaitFor(int more) {
    const int wanted = confirmed_ + more;
    Eventually("commits are confirmed", [&] { return confirmed_ >= wanted; });
  }
  int confirmed() const { return confirmed_; }
  int made() const { return made_; }
  int Stop() {
    stopping_ = true;
    if (thread_.joinable()) thread_.join();
    Eventually("all are answered", [&] { return confirmed_ == made_; });
    return made_;
  }
  // Every commit as a whole, once.
  void ExpectAllThere() {
    const int made = Stop();
    const auto snapshot = store_.Load(partition_);
    ASSERT_TRUE(snapshot) << snapshot.error().ToString();
    EXPECT_EQ(snapshot->notes.size(), static_cast<std::size_t>(made));
    EXPECT_EQ(snapshot->active.size(), static_cast<std::size_t>(made));
    const auto counts = store_.Count({.partition = partition_});
    ASSERT_TRUE(counts) << counts.error().ToString();
    EXPECT_EQ(counts->at(0).count, static_cast<std::uint64_t>(made));
    for (const ExecutionId& id : snapshot->active) {
      const auto stored = store_.Read(id);
      ASSERT_TRUE(stored) << stored.error().ToString();
      EXPECT_EQ(stored->record, "record of " + id.str());
      EXPECT_EQ(stored->task_runs, std::vector<std::string>{id.str()});
    }
  }

 private:
  void Run() {
    while (!stopping_) {
      if (made_ - confirmed_ > 20) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
        continue;
      }
      const std::string name = std::to_string(made_++);
      WriteBatch batch{.partition = partition_, .epoch = epoch_};
      batch.executions = {Row(name)};
      batch.task_runs = {{ExecutionId(name), 0, name}};
      batch.notes_put = {{name, name}};
      store_.Commit(std::move(batch), [this](Status status) {
        EXPECT_TRUE(status) << status.error().ToString();
        ++confirmed_;
      });
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
  Store& store_;
  const PartitionId partition_;
  const Epoch epoch_;
  std::atomic<int> made_{0};
  std::atomic<int> confirmed_{0};
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

// A partition whose slot another master serves than that of `partition`; of the same one with `same`.
PartitionId Beside(RedisNodes& nodes, PartitionId partition, bool same) {
  const int port = nodes.MasterOf(SlotOfPartition(partition)).port();
  PartitionId beside = partition + 1;
  while ((nodes.MasterOf(SlotOfPartition(beside)).port() == port) != same) ++beside;
  return beside;
}

// One for those who kill nobody; it is empty.
RedisNodes& Shared() {
  static RedisNodes nodes(0, RedisServer::Durable());
  nodes.Emptied();
  return nodes;
}

TEST(RedisSlots, AreThoseOfTheSpecification) {
  EXPECT_EQ(SlotOf("123456789"), 0x31C3 % 16384);
  EXPECT_EQ(SlotOf("{user1000}.following"), SlotOf("user1000"));
  EXPECT_EQ(SlotOf("foo{}{bar}"), SlotOf(std::string("foo{}{bar}")));
  EXPECT_NE(SlotOf("foo{}{bar}"), SlotOf("bar"));
  EXPECT_EQ(SlotOf("foo{{bar}}zap"), SlotOf("{bar"));
  EXPECT_EQ(SlotOfPartition(7), SlotOf("{p7}:x:id"));
}

TEST(RedisSlots, ACommandSaysItsKey) {
  EXPECT_EQ(*KeyOf(Command{"GET", "{p7}:k:r"}.Take()), "{p7}:k:r");
  EXPECT_EQ(*KeyOf(Command{"FCALL", "f", "2", "{p7}:p", "{p7}:!", "x"}.Take()), "{p7}:p");
  EXPECT_FALSE(KeyOf(Command{"WAIT", "1", "1000"}.Take()));
  EXPECT_EQ(PartitionOf("{p255}:p"), 255U);
  EXPECT_FALSE(PartitionOf("{hr}:flows"));
  EXPECT_FALSE(PartitionOf("l:p7"));
  EXPECT_EQ(NamedBy("MOVED 3999 127.0.0.1:6381")->ToString(), "127.0.0.1:6381");
  EXPECT_EQ(NamedBy("ASK 3999 ::1:6381")->host, "::1");
  EXPECT_EQ(NamedBy("ASK 3999 :6381")->host, "");
}

// Keys of a slot are at two masters for a while: commits of its partition wait for the end, as a whole, and others go on.
TEST(RedisClusterTest, ASlotThatMovesTakesItsPartitionAlong) {
  RedisNodes& nodes = Shared();
  RedisStores stores = Open({.url = nodes.url()});
  ASSERT_TRUE(stores.store);
  const RedisSlot slot = SlotOfPartition(0);
  const PartitionId neighbour = Beside(nodes, 0, true);
  const Epoch epoch = *stores.store->Acquire(0);
  Committer committer(*stores.store, 0, epoch);
  Committer beside(*stores.store, neighbour, *stores.store->Acquire(neighbour));
  committer.WaitFor(50);
  RedisServer& from = nodes.MasterOf(slot);
  RedisServer& to = nodes.AnotherThan(slot);
  for (RedisServer* server : {&from, &to}) server->Do({"CONFIG", "RESETSTAT"});
  nodes.BeginMove(slot, to);
  Eventually("a commit is refused for the move", [&] { return nodes.Told("ASK") + nodes.Told("TRYAGAIN") > 0; });
  nodes.MoveKeys(slot, from, to, static_cast<int>(from.Do({"CLUSTER", "COUNTKEYSINSLOT", std::to_string(slot)}).integer / 2));
  const int before = committer.confirmed();
  beside.WaitFor(20);
  // Whoever has a lease keeps it meanwhile, and single keys are found at either place.
  EXPECT_TRUE(stores.leases->Renew(0, "headrace", epoch, std::chrono::minutes(1)));
  for (int i = 0; i < before; ++i) EXPECT_TRUE(stores.store->ReadRecord(ExecutionId(std::to_string(i)))) << i;
  EXPECT_LE(committer.confirmed() - before, 21);
  nodes.EndMove(slot, from, to);
  committer.WaitFor(50);
  EXPECT_GT(nodes.Told("ASK"), 0);
  EXPECT_GT(nodes.Told("MOVED"), 0);
  committer.ExpectAllThere();
  beside.ExpectAllThere();
  EXPECT_EQ(nodes.MasterOf(slot).port(), to.port());
}

TEST(RedisClusterTest, WhatBelongsToNoPartitionMovesToo) {
  RedisNodes& nodes = Shared();
  RedisStores stores = Open({.url = nodes.url(), .durability = RedisDurability::kMemory});
  const RedisSlot slot = SlotOf("{hr}:flows");
  ASSERT_TRUE(stores.flows->Put({.ns = "a", .id = "one", .digest = "1", .source = "s"}));
  ASSERT_TRUE(stores.leases->Announce({.id = "me"}, std::chrono::minutes(5)));
  RedisServer& from = nodes.MasterOf(slot);
  RedisServer& to = nodes.AnotherThan(slot);
  nodes.BeginMove(slot, to);
  nodes.MoveKeys(slot, from, to, 2);
  EXPECT_EQ(stores.flows->Get("a", "one", 0)->source, "s");
  std::thread puts([&] { EXPECT_EQ(stores.flows->Put({.ns = "a", .id = "two", .digest = "1", .source = "s"})->revision, 1); });
  nodes.EndMove(slot, from, to);
  puts.join();
  EXPECT_EQ(stores.flows->ListLatest("")->size(), 2U);
  EXPECT_EQ(stores.leases->Members()->size(), 1U);
  EXPECT_TRUE(OpenRedis({.url = nodes.url(), .durability = RedisDurability::kMemory}));
}

// A master with a replica is killed under load. Its partitions wait, those of others go on.
TEST(RedisClusterFailover, NothingConfirmedIsLostAndItGoesOn) {
  RedisNodes nodes(1);
  RedisStores stores = Open({.url = nodes.url(), .durability = RedisDurability::kReplica, .read_patience = std::chrono::milliseconds(100)});
  ASSERT_TRUE(stores.store);
  const PartitionId other = Beside(nodes, 0, false);
  const Epoch epoch = *stores.store->Acquire(0);
  Epoch others = 0;
  // Its replica may not follow yet.
  Eventually("the other is taken", [&] {
    const auto taken = stores.leases->Acquire(other, "me", std::chrono::minutes(5));
    others = taken ? taken->value_or(0) : 0;
    return others != 0;
  });
  Committer committer(*stores.store, 0, epoch);
  Committer beside(*stores.store, other, others);
  committer.WaitFor(50);
  RedisServer& killed = nodes.MasterOf(SlotOfPartition(0));
  killed.Kill();
  EXPECT_EQ(stores.store->FindRequestIn(0, "r").error().code, Code::kUnavailable);
  beside.WaitFor(50);
  EXPECT_TRUE(stores.store->FindRequestIn(other, "r"));
  // What is at the others is renewed although the call fails.
  EXPECT_FALSE(stores.leases->RenewAll("me", {{0, epoch}, {other, others}}, std::chrono::minutes(9)));
  EXPECT_GT(stores.leases->Holders({other})->at(0).left, std::chrono::minutes(6));
  Eventually("another is the master", [&] { return nodes.MasterOf(SlotOfPartition(0)).port() != killed.port(); });
  EXPECT_LT(committer.confirmed(), committer.made());  // it waits for a replica
  killed.Start();
  committer.WaitFor(50);
  committer.ExpectAllThere();
  beside.ExpectAllThere();
  Eventually("it is taken anew", [&] {
    const auto next = stores.leases->Acquire(0, "headrace", std::chrono::minutes(1));
    // Another server: beyond whatever was lost.
    return next.has_value() && next->value_or(0) > epoch + 1'000'000;
  });
}

// A replica that was cut off is promoted: what it missed is written again, and nothing is read there before.
TEST(RedisClusterFailover, WhatALaggingReplicaMissedIsWrittenAgain) {
  RedisNodes nodes(1);
  RedisStores stores = Open({.url = nodes.url(), .durability = RedisDurability::kMemory});
  RedisServer& master = nodes.MasterOf(SlotOfPartition(0));
  RedisServer& replica = nodes.ReplicaOf(master);
  WriteBatch batch{.partition = 0, .epoch = *stores.store->Acquire(0)};
  batch.executions = {Row("e")};
  ASSERT_TRUE(CommitAndWait(*stores.store, batch));
  Eventually("it follows", [&] { return master.Do({"WAIT", "1", "1000"}).integer == 1; });
  replica.Do({"CONFIG", "SET", "masterauth", "wrong"});
  master.Do({"CLIENT", "KILL", "TYPE", "REPLICA"});
  Eventually("it is cut off", [&] { return master.Info("replication", "connected_slaves") == "0"; });
  batch.executions[0].record = "the end of e";
  ASSERT_TRUE(CommitAndWait(*stores.store, batch));
  master.Kill();
  EXPECT_FALSE(replica.Do({"CLUSTER", "FAILOVER", "TAKEOVER"}).error());
  Eventually("it is read", [&] {
    const auto record = stores.store->ReadRecord(ExecutionId("e"));
    EXPECT_EQ(record.value_or("the end of e"), "the end of e");
    return record.has_value();
  });
  EXPECT_TRUE(CommitAndWait(*stores.store, batch));
}

TEST(RedisClusterTest, AMasterThatComesBackEmptyIsNoFreshStart) {
  RedisNodes nodes;
  const RedisOptions options{.url = nodes.url(), .durability = RedisDurability::kMemory};
  RedisStores stores = Open(options);
  RedisStores second = Open(options);
  const PartitionId partition = nodes.MasterOf(SlotOfPartition(0)).port() == nodes.MasterOf(SlotOf(kIdentityKey)).port() ? Beside(nodes, 0, false) : 0;
  WriteBatch batch{.partition = partition, .epoch = *stores.store->Acquire(partition)};
  batch.notes_put = {{"k", "v"}};
  ASSERT_TRUE(CommitAndWait(*stores.store, batch));
  RedisServer& master = nodes.MasterOf(SlotOfPartition(partition));
  master.Kill();
  master.Start();
  EXPECT_EQ(CommitAndWait(*stores.store, batch).error().code, Code::kDataLoss);
  const auto taken = second.store->Acquire(partition);
  EXPECT_EQ(taken.error().code, Code::kDataLoss);
  EXPECT_TRUE(Contains(taken.error().message, "restore its data")) << taken.error().message;
}

TEST(RedisClusterTest, FunctionsThatAreGoneAreLoadedAgainWhereverTheyAre) {
  RedisNodes& nodes = Shared();
  RedisStores stores = Open({.url = nodes.url(), .durability = RedisDurability::kMemory});
  const PartitionId other = Beside(nodes, 0, false);
  WriteBatch one{.partition = 0, .epoch = *stores.store->Acquire(0)};
  WriteBatch two{.partition = other, .epoch = *stores.store->Acquire(other)};
  nodes.ForEachServer([](RedisServer& server) { server.Do({"FUNCTION", "FLUSH"}); });
  EXPECT_TRUE(CommitAndWait(*stores.store, one));
  EXPECT_TRUE(CommitAndWait(*stores.store, two));
  nodes.ForEachServer([](RedisServer& server) { server.Do({"FUNCTION", "FLUSH"}); });
  EXPECT_EQ(stores.leases->Holders({0, other})->size(), 2U);
  EXPECT_EQ(stores.flows->Put({.ns = "a", .id = "f", .digest = "1"})->revision, 1);
}

TEST(RedisClusterTest, SettingsAndKeysOfOthersOnAnyMasterAreRefused) {
  RedisNodes& nodes = Shared();
  EXPECT_TRUE(Contains(OpenError({.url = nodes.MasterOf(0).url()}).message, "redis+cluster://"));
  nodes.MasterOf(kRedisSlots - 1).Do({"CONFIG", "SET", "maxmemory-policy", "allkeys-lru"});
  EXPECT_TRUE(Contains(OpenError({.url = nodes.url()}).message, "set maxmemory-policy noeviction"));
  nodes.MasterOf(kRedisSlots - 1).Do({"CONFIG", "SET", "maxmemory-policy", "noeviction"});
  nodes.MasterOf(SlotOf("theirs")).Do({"SET", "theirs", "1"});
  EXPECT_TRUE(Contains(OpenError({.url = nodes.url()}).message, "keys of others"));
  nodes.Emptied();
  EXPECT_TRUE(OpenRedis({.url = nodes.url()}));
  const auto findings = ExamineRedis({.url = nodes.url()});
  ASSERT_TRUE(findings);
  EXPECT_EQ(std::count_if(findings->begin(), findings->end(), [](const RedisFinding& one) { return Contains(one.text, "part of a cluster"); }), 3);
}

// The rule of docs/redis.md, word by word, and what it adds for a cluster.
TEST(RedisClusterTest, TheRightsThatTheDocumentNamesAreEnough) {
  std::ifstream document("docs/redis.md");
  std::vector<std::string> rule;
  for (std::string line; std::getline(document, line);) {
    std::istringstream words(line);
    if (line.starts_with("ACL SETUSER headrace ")) rule.assign(std::istream_iterator<std::string>(words), {});
    if (!line.starts_with("In a cluster also `")) continue;
    const std::size_t first = line.find('`') + 1;
    std::istringstream more(line.substr(first, line.find('`', first) - first));
    rule.insert(rule.end(), std::istream_iterator<std::string>(more), {});
  }
  ASSERT_GT(rule.size(), 3U);
  RedisNodes& nodes = Shared();
  nodes.ForEachServer([&](RedisServer& server) { EXPECT_FALSE(server.Do(rule).error()) << server.Do(rule).text; });
  RedisStores stores = Open({.url = "redis+cluster://headrace:PASSWORD@" + nodes.url().substr(std::string("redis+cluster://").size()),
                             .durability = RedisDurability::kMemory});
  ASSERT_TRUE(stores.store);
  const Epoch epoch = *stores.store->Acquire(0);
  const RedisSlot slot = SlotOfPartition(0);
  RedisServer& from = nodes.MasterOf(slot);
  RedisServer& to = nodes.AnotherThan(slot);
  nodes.BeginMove(slot, to);
  nodes.MoveKeys(slot, from, to);
  EXPECT_TRUE(stores.leases->Renew(0, "headrace", epoch, std::chrono::minutes(1)));  // by ASK
  nodes.EndMove(slot, from, to);
  EXPECT_TRUE(CommitAndWait(*stores.store, {.partition = 0, .epoch = epoch, .executions = {Row("e")}}));
  EXPECT_TRUE(stores.leases->Announce({.id = "me"}, std::chrono::minutes(1)));
  EXPECT_EQ(stores.leases->Members()->size(), 1U);
  nodes.ForEachServer([](RedisServer& server) { EXPECT_EQ(server.Do({"ACL", "LOG"}).items.size(), 0U); });
}

TEST(RedisClusterTest, AServerThatIsNoClusterSaysHowToNameIt) {
  RedisServer server(RedisServer::Durable());
  const Error error = OpenError({.url = "redis+cluster://127.0.0.1:" + std::to_string(server.port())});
  EXPECT_EQ(error.code, Code::kFailedPrecondition);
  EXPECT_TRUE(Contains(error.message, "cluster support disabled")) << error.message;
  EXPECT_TRUE(Contains(error.message, "redis://host")) << error.message;
}

// Who has partitions at a master that is away waits once for all of them, and not at all for the rest.
TEST(RedisClusterTest, AMasterThatIsAwayStopsItsOwnPartitionsOnly) {
  RedisNodes nodes;
  RedisStores stores = Open({.url = nodes.url(), .durability = RedisDurability::kMemory, .read_patience = std::chrono::milliseconds(300)});
  const PartitionId other = Beside(nodes, 0, false);
  WriteBatch batch{.partition = other, .epoch = *stores.store->Acquire(other)};
  RedisServer& killed = nodes.MasterOf(SlotOfPartition(0));
  killed.Kill();
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(stores.store->FindRequestIn(0, "r").error().code, Code::kUnavailable);
    EXPECT_TRUE(stores.store->FindRequestIn(other, "r"));
    EXPECT_TRUE(CommitAndWait(*stores.store, batch));
  }
  killed.Start();
  Eventually("it is there again", [&] { return stores.store->FindRequestIn(0, "r").has_value(); });
}

}  // namespace
}  // namespace headrace::store
