// What comes back with Redis, and what a reader, an opener and an owner find then: restarts and failovers that forgot something,
// damaged values, first starts that race, ends while it is away.
#include <atomic>
#include <thread>

#include "common/base/random.h"
#include "tests/unit/store/redis_proxy.h"
#include "tests/unit/store/redis_server.h"
#include "tests/unit/store/redis_stores.h"
#include "tests/unit/store/stores.h"

namespace headrace::store {
namespace {

WriteBatch Note(Epoch epoch, const std::string& key, const std::string& record) {
  WriteBatch batch{.partition = 0, .epoch = epoch};
  batch.notes_put = {{key, record}};
  return batch;
}

void FlipAField(const RedisServer& server, const std::string& key, const std::string& field) {
  std::string value = server.Do({"HGET", key, field}).text;
  ASSERT_FALSE(value.empty());
  value.back() = static_cast<char>(value.back() ^ 1);
  server.Do({"HSET", key, field, value});
}

class RedisRecovery : public testing::Test {
 protected:
  RedisServer server_{RedisServer::Durable()};
};

// A replica that lagged is promoted. Reads come at once, and what it missed cannot be written before it has a replica of its own.
TEST_F(RedisRecovery, WhoDecidesSeesNothingThatRedisForgot) {
  RedisServer second(RedisServer::Durable());
  second.Do({"REPLICAOF", "127.0.0.1", std::to_string(server_.port())});
  RedisProxy proxy(server_.port());
  RedisStores stores = Open({.url = proxy.url(), .read_patience = std::chrono::minutes(5)});
  const Epoch epoch = *stores.store->Acquire(0);
  WriteBatch first = Note(epoch, "0", "0");
  first.executions = {Row("e")};
  ASSERT_TRUE(CommitAndWait(*stores.store, first));
  Eventually("it follows", [&] { return second.Do({"HGET", "{p0}:p", "s"}).text == "1"; });
  second.Do({"REPLICAOF", "NO", "ONE"});
  second.Do({"CONFIG", "SET", "min-replicas-to-write", "1"});
  ExecutionRow ended = Row("e");
  ended.record = "the end of e";
  WriteBatch last{.partition = 0, .epoch = epoch, .executions = {ended}};
  ASSERT_TRUE(CommitAndWait(*stores.store, last));
  server_.Kill();
  proxy.Break(second.port());
  std::thread writes([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    second.Do({"CONFIG", "SET", "min-replicas-to-write", "0"});
  });
  EXPECT_EQ(*stores.store->ReadRecord(ExecutionId("e")), "the end of e");
  writes.join();
  EXPECT_EQ(stores.store->List({.partition = 0})->records, std::vector<std::string>{"the end of e"});
}

TEST_F(RedisRecovery, AReadOfTheLoopWaitsForAShortWhileOnly) {
  RedisStores stores = Open({.url = server_.url(), .read_patience = std::chrono::milliseconds(50)});
  const Epoch epoch = *stores.store->Acquire(0);
  WriteBatch batch = Note(epoch, "k", "v");
  batch.executions = {Row("e")};
  ASSERT_TRUE(CommitAndWait(*stores.store, batch));
  server_.Kill();
  EXPECT_EQ(stores.store->Read(ExecutionId("e")).error().code, Code::kUnavailable);
  EXPECT_EQ(stores.store->ReadRecord(ExecutionId("e")).error().code, Code::kUnavailable);
  EXPECT_EQ(stores.store->FindRequest("r").error().code, Code::kUnavailable);
  EXPECT_EQ(stores.store->FindRequestIn(0, "r").error().code, Code::kUnavailable);
  EXPECT_EQ(stores.store->List({.partition = 0}).error().code, Code::kUnavailable);
  EXPECT_EQ(stores.flows->Get("a", "f", 0).error().code, Code::kUnavailable);
  EXPECT_EQ(stores.flows->ListLatest("").error().code, Code::kUnavailable);
  EXPECT_EQ(stores.flows->ChangedSince(0).error().code, Code::kUnavailable);
  EXPECT_EQ(stores.leases->Members().error().code, Code::kUnavailable);
  // What a partition begins with is waited for.
  std::thread loads([&] { EXPECT_EQ(stores.store->Load(0)->notes.size(), 1U); });
  server_.Start();
  loads.join();
}

// Who has two hundred partitions to renew does not wait for each of them.
TEST_F(RedisRecovery, PatienceIsOneForAllWhoAskInAnOutage) {
  RedisProxy proxy(server_.port());
  RedisStores stores = Open({.url = proxy.url(), .read_patience = std::chrono::milliseconds(400)});
  const Epoch epoch = **stores.leases->Acquire(0, "me", std::chrono::minutes(5));
  server_.Kill();
  proxy.Break(server_.port());
  EXPECT_EQ(stores.leases->Renew(0, "me", epoch, std::chrono::minutes(5)).error().code, Code::kUnavailable);
  EXPECT_EQ(stores.store->FindRequestIn(0, "r").error().code, Code::kUnavailable);
  const int before = proxy.accepted();
  for (int i = 0; i < 100; ++i) {
    EXPECT_FALSE(stores.leases->Renew(0, "me", epoch, std::chrono::minutes(5)));
    EXPECT_FALSE(stores.store->FindRequestIn(0, "r"));
  }
  // One now and then, beside what the writer and the watch try; with its own patience each would try seven times.
  EXPECT_LT(proxy.accepted() - before, 150);
  server_.Start();
  Eventually("it is there again", [&] { return stores.leases->Renew(0, "me", epoch, std::chrono::minutes(5)).has_value(); });
}

TEST_F(RedisRecovery, ADamagedFieldIsLeftOutAndTheRestIsLoaded) {
  RedisStores stores = Open({.url = server_.url()});
  WriteBatch batch{.partition = 0, .epoch = *stores.store->Acquire(0)};
  batch.executions = {Row("e")};
  batch.timers_set = {{ExecutionId("e"), {model::TimerKind::kRetry, 0, 1}, FromMicros(5)},
                      {ExecutionId("other"), {model::TimerKind::kRetry, 0, 1}, FromMicros(6)}};
  batch.outbox_added = {{1, "one"}, {2, "two"}};
  batch.notes_put = {{"bad", "note"}, {"good", "note"}};
  ASSERT_TRUE(CommitAndWait(*stores.store, batch));
  const std::vector<Reply> timers = server_.Do({"HKEYS", "{p0}:d"}).items;
  ASSERT_EQ(timers.size(), 2U);
  FlipAField(server_, "{p0}:d", timers[timers[0].text.starts_with("other") ? 0 : 1].text);
  FlipAField(server_, "{p0}:o", "1");
  FlipAField(server_, "{p0}:s", "bad");
  const auto snapshot = stores.store->Load(0);
  ASSERT_TRUE(snapshot) << snapshot.error().ToString();
  EXPECT_EQ(snapshot->active, std::vector<ExecutionId>{ExecutionId("e")});
  ASSERT_EQ(snapshot->timers.size(), 1U);
  EXPECT_EQ(snapshot->timers[0].execution, ExecutionId("e"));
  ASSERT_EQ(snapshot->outbox.size(), 1U);
  EXPECT_EQ(snapshot->outbox[0].id, 2U);
  ASSERT_EQ(snapshot->notes.size(), 1U);
  EXPECT_EQ(snapshot->notes[0].key, "good");
  EXPECT_EQ(server_.Do({"HLEN", "{p0}:s"}).integer, 2);  // for who restores it
}

TEST_F(RedisRecovery, ADamagedRevisionStopsItsFlowOnly) {
  RedisStores stores = Open({.url = server_.url()});
  ASSERT_TRUE(stores.flows->Put({.ns = "a", .id = "bad", .digest = "1", .source = "old"}));
  ASSERT_TRUE(stores.flows->Put({.ns = "a", .id = "bad", .digest = "2", .source = "new"}));
  ASSERT_TRUE(stores.flows->Put({.ns = "a", .id = "good", .digest = "1", .source = "it"}));
  const std::string key = "{hr}:f:a" + std::string(1, '\0') + "bad";
  std::string value = server_.Do({"LINDEX", key, "-1"}).text;
  value.back() = static_cast<char>(value.back() ^ 1);
  server_.Do({"LSET", key, "-1", value});
  const auto latest = stores.flows->ListLatest("");
  ASSERT_TRUE(latest) << latest.error().ToString();
  ASSERT_EQ(latest->size(), 1U);
  EXPECT_EQ(latest->front().id, "good");
  EXPECT_EQ(stores.flows->Get("a", "bad", 0).error().code, Code::kDataLoss);
  EXPECT_EQ(stores.flows->Get("a", "bad", 1)->source, "old");
  EXPECT_EQ(stores.flows->Revisions("a", "bad")->size(), 1U);
  EXPECT_EQ(stores.flows->Put({.ns = "a", .id = "bad", .digest = "3", .source = "again"})->revision, 3);
  EXPECT_EQ(stores.flows->Get("a", "bad", 0)->source, "again");
}

TEST_F(RedisRecovery, FlowsThatChangedAreToldOnceAndOnlyThose) {
  using Names = std::vector<std::pair<std::string, std::string>>;
  RedisStores one = Open({.url = server_.url()});
  RedisStores other = Open({.url = server_.url()});
  EXPECT_EQ(one.flows->ChangedSince(0)->version, 0U);
  ASSERT_TRUE(other.flows->Put({.ns = "a", .id = "f", .digest = "1"}));
  ASSERT_TRUE(other.flows->Put({.ns = "a", .id = "g", .digest = "1"}));
  const auto both = one.flows->ChangedSince(0);
  EXPECT_EQ(both->flows, (Names{{"a", "g"}, {"a", "f"}}));
  ASSERT_TRUE(other.flows->Put({.ns = "a", .id = "f", .digest = "1"}));
  EXPECT_TRUE(one.flows->ChangedSince(both->version)->flows.empty());
  ASSERT_TRUE(other.flows->Put({.ns = "a", .id = "f", .digest = "1", .deleted = true}));
  EXPECT_EQ(one.flows->ChangedSince(both->version)->flows, (Names{{"a", "f"}}));
  // A server that never gave that version; a change by a release that says only that there was one.
  EXPECT_EQ(one.flows->ChangedSince(both->version * 2)->flows.size(), 2U);
  const auto latest = one.flows->ChangedSince(both->version);
  server_.Do({"INCR", "{hr}:flows:v"});
  EXPECT_EQ(one.flows->ChangedSince(latest->version)->flows.size(), 2U);
  EXPECT_GT(one.flows->ChangedSince(0)->version, latest->version);
}

TEST_F(RedisRecovery, AnExecutionIsFoundWhereverItIs) {
  RedisStores stores = Open({.url = server_.url()});
  Random random(3);
  std::vector<std::pair<PartitionId, ExecutionId>> written;
  for (const PartitionId partition : {0U, 3U, 77U, 78U, 200U, 255U}) {
    const Epoch epoch = **stores.leases->Acquire(partition, "me", std::chrono::minutes(5));
    const ExecutionId home = NewExecutionId(FromMicros(1'700'000'000'000'000 + partition), random, partition);
    const ExecutionId stray("stray" + std::to_string(partition));
    WriteBatch batch{.partition = partition, .epoch = epoch, .executions = {Row(home.str()), Row(stray.str())}};
    batch.requests = {{"r" + std::to_string(partition), "d", home, SystemClock().Now() + std::chrono::hours(1)}};
    ASSERT_TRUE(CommitAndWait(*stores.store, batch));
    written.push_back({partition, home});
    written.push_back({partition, stray});
  }
  for (const auto& [partition, id] : written) {
    EXPECT_EQ(*stores.store->ReadRecord(id), "record of " + id.str());
    EXPECT_EQ(stores.store->Read(id)->record, "record of " + id.str());
    const std::string request = "r" + std::to_string(partition);
    EXPECT_TRUE(*stores.store->FindRequest(request));
    EXPECT_TRUE(*stores.store->FindRequestIn(partition, request));
    EXPECT_FALSE(*stores.store->FindRequestIn(partition + 1, request));
  }
  EXPECT_EQ(stores.store->Read(ExecutionId("nowhere")).error().code, Code::kNotFound);
  EXPECT_FALSE(*stores.store->FindRequest("nowhere"));
}

// Whatever a server says while a connection is made that nobody knows of.
TEST_F(RedisRecovery, AServerThatIsNotItselfYetIsWaitedFor) {
  RedisStores stores = Open({.url = server_.url()});
  const Epoch epoch = *stores.store->Acquire(0);
  server_.Kill();
  server_.Start({"--rename-command", "ROLE", "NONE"});
  std::atomic<bool> answered = false;
  stores.store->Commit(Note(epoch, "k", "v"), [&](const Status& status) {
    EXPECT_TRUE(status) << status.error().message;
    answered = true;
  });
  Eventually("it is asked", [&] { return std::stoi(server_.Info("stats", "total_error_replies")) > 1; });
  EXPECT_FALSE(answered);
  server_.Kill();
  server_.Start();
  Eventually("it is committed", [&] { return answered.load(); });
}

TEST_F(RedisRecovery, AServerThatReadsItsDataIsWaitedFor) {
  {
    RedisStores stores = Open({.url = server_.url()});
    ASSERT_TRUE(CommitAndWait(*stores.store, Note(*stores.store->Acquire(0), "k", "v")));
  }
  std::vector<std::string> fill{"MSET"};
  for (int i = 0; i < 500; ++i) fill.insert(fill.end(), {"{p0}:filler" + std::to_string(i), std::string(100, 'x')});
  ASSERT_FALSE(server_.Do(fill).error());
  server_.Do({"BGREWRITEAOF"});
  Eventually("the file is one of a snapshot", [&] {
    return server_.Info("persistence", "aof_rewrite_in_progress") == "0" && server_.Info("persistence", "aof_rewrite_scheduled") == "0";
  });
  server_.Kill();
  std::thread opens([&] {
    RedisStores stores = Open({.url = server_.url(), .patience = std::chrono::minutes(5)});
    ASSERT_TRUE(stores.store);
    EXPECT_EQ(stores.store->Load(0)->notes.size(), 1U);
  });
  server_.Start({"--key-load-delay", "1000", "--loading-process-events-interval-bytes", "1024"});  // µs a key
  opens.join();
}

TEST_F(RedisRecovery, FirstStartsThatRaceAgreeWhoseDatabaseItIs) {
  for (int round = 0; round < 5; ++round) {
    server_.Do({"FLUSHALL"});
    std::vector<std::thread> threads;
    std::atomic<int> opened = 0;
    for (int i = 0; i < 6; ++i) {
      threads.emplace_back([&] {
        RedisStores stores = Open({.url = server_.url()});
        if (stores.store && stores.store->Load(0)) ++opened;
      });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(opened, 6);
  }
}

TEST_F(RedisRecovery, AFirstStartThatWasCutShortIsGoneOnWith) {
  server_.Do({"HSET", "{hr}:store", "format", "1"});
  EXPECT_TRUE(OpenRedis({.url = server_.url()}));
  EXPECT_EQ(server_.Do({"HGET", "{hr}:store", "id"}).text.size(), 16U);
  server_.Do({"FLUSHALL"});
  server_.Do({"HSET", "{hr}:store", "id", "0123456789abcdef"});
  EXPECT_TRUE(OpenRedis({.url = server_.url()}));
  EXPECT_EQ(server_.Do({"HGET", "{hr}:store", "format"}).text, "1");
  server_.Do({"HSET", "{hr}:store", "format", "2"});
  EXPECT_EQ(OpenRedis({.url = server_.url()}).error().code, Code::kFailedPrecondition);
}

class RedisWithReplica : public testing::Test {
 protected:
  RedisWithReplica() { second_.Do({"REPLICAOF", "127.0.0.1", std::to_string(server_.port())}); }
  RedisStores OpenWaiting(Duration outage) {
    // One that has just begun to follow answers its first WAIT late.
    server_.Do({"FLUSHALL"});
    Eventually("it follows", [&] {
      const std::string offset = server_.Info("replication", "master_repl_offset");
      return offset != "0" && Contains(server_.Info("replication", "slave0"), ",offset=" + offset + ",");
    });
    return Open({.url = server_.url(), .durability = RedisDurability::kReplica, .replicas = 1, .outage = outage});
  }
  RedisServer server_{RedisServer::Durable()};
  RedisServer second_;
};

TEST_F(RedisWithReplica, ReplicasThatStayAwayAreTheEndOfTheWriterAndOfNothingElse) {
  RedisStores stores = OpenWaiting(std::chrono::milliseconds(700));
  const Epoch epoch = *stores.store->Acquire(0);
  ASSERT_TRUE(CommitAndWait(*stores.store, Note(epoch, "k", "v")));
  second_.Kill();
  std::atomic<int> answered = 0;
  for (int i = 0; i < 20; ++i) {
    stores.store->Commit(Note(epoch, "k", std::to_string(i)), [&](const Status& status) {
      EXPECT_FALSE(status);
      ++answered;
    });
  }
  const Status status = CommitAndWait(*stores.store, Note(epoch, "k", "last"));
  ASSERT_FALSE(status);
  EXPECT_TRUE(Contains(status.error().message, "fewer than 1 replicas")) << status.error().message;
  EXPECT_EQ(answered, 20);
  server_.Do({"CLIENT", "KILL", "TYPE", "normal"});
  EXPECT_FALSE(CommitAndWait(*stores.store, Note(epoch, "k", "later")));
}

TEST_F(RedisWithReplica, ARightToWaitThatIsGoneIsSaidAtOnce) {
  RedisStores stores = OpenWaiting(std::chrono::minutes(10));
  const Epoch epoch = *stores.store->Acquire(0);
  server_.Do({"ACL", "SETUSER", "default", "-wait"});
  const Status status = CommitAndWait(*stores.store, Note(epoch, "k", "v"));
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Code::kPermissionDenied) << status.error().message;
}

TEST_F(RedisRecovery, WhoEndsWhileRedisIsAwayDoesNotWaitForItsReturn) {
  const Duration longer = std::chrono::hours(1);
  RedisStores stores = Open({.url = server_.url(), .patience = longer, .read_patience = longer, .outage = longer,
                             .ending = std::chrono::milliseconds(200)});
  const Epoch epoch = *stores.store->Acquire(0);
  server_.Kill();
  std::atomic<bool> answered = false;
  stores.store->Commit(Note(epoch, "k", "v"), [&](const Status& status) {
    EXPECT_FALSE(status);
    answered = true;
  });
  stores.logs->Append({{ExecutionId("e"), 0, "task", 1, FromMicros(1), "INFO", "line"}});
  stores.store.reset();
  EXPECT_TRUE(answered);
  stores.logs.reset();
}

TEST_F(RedisRecovery, WhoIsToldToEndIsAnsweredWhileRedisIsAway) {
  RedisStores stores = Open({.url = server_.url(), .outage = std::chrono::hours(1), .ending = std::chrono::milliseconds(200)});
  const Epoch epoch = *stores.store->Acquire(0);
  ASSERT_TRUE(CommitAndWait(*stores.store, Note(epoch, "k", "v")));
  stores.hurry();
  ASSERT_TRUE(CommitAndWait(*stores.store, Note(epoch, "k", "w")));  // it is there: nothing is lost
  server_.Kill();
  EXPECT_EQ(CommitAndWait(*stores.store, Note(epoch, "k", "x")).error().code, Code::kUnavailable);
  stores.store.reset();
  stores.hurry();
}

std::string Noise(std::size_t bytes, Random& random) {
  std::string text;
  while (text.size() < bytes) text += static_cast<char>('!' + random.Below(90));
  return text;
}

TEST_F(RedisRecovery, WhatFollowsALongPartOfALogIsRead) {
  RedisStores stores = Open({.url = server_.url()});
  Random random(5);
  const ExecutionId id("e");
  const auto append = [&](int lines, const std::string& level, std::size_t bytes) {
    std::vector<LogRow> rows;
    for (int i = 0; i < lines; ++i) rows.push_back({id, 0, "task", 1, FromMicros(1), level, Noise(bytes, random)});
    stores.logs->Append(std::move(rows));
    stores.logs->Flush();
  };
  append(8, "INFO", 200'000);
  append(1, "DEBUG", 10);
  append(1, "WARN", 10);
  ASSERT_GT(server_.Do({"LINDEX", "l:e", "1"}).text.size(), 1024U * 1024U);
  ASSERT_EQ(*stores.logs->Purge({.executions = {id}, .levels = {"DEBUG"}}), 1U);
  const auto page = stores.logs->Read({.execution = id});
  ASSERT_TRUE(page);
  EXPECT_EQ(page->rows.size(), 9U);
  EXPECT_EQ(page->offsets.back(), 10U);
  EXPECT_EQ(stores.logs->Read({.execution = id, .after = 8})->rows.size(), 1U);
  EXPECT_EQ(*stores.logs->Purge({.executions = {id}, .levels = {"WARN"}}), 1U);
}

// Others log without a pause, more than is written; what was appended before is read all the same, and what was deleted is swept.
TEST_F(RedisRecovery, WaitingForLogsEndsWhileOthersGoOn) {
  RedisStores stores = Open({.url = server_.url()});
  WriteBatch batch{.partition = 0, .epoch = *stores.store->Acquire(0), .executions = {Row("gone")}};
  ASSERT_TRUE(CommitAndWait(*stores.store, batch));
  for (const char* id : {"e", "gone"}) stores.logs->Append({{ExecutionId(id), 0, "task", 1, FromMicros(1), "INFO", "line"}});
  std::atomic<bool> done = false;
  std::atomic<int> said = 0;
  std::vector<std::thread> chatters;
  for (int i = 0; i < 4; ++i) {
    chatters.emplace_back([&] {
      while (!done) {
        stores.logs->Append(std::vector<LogRow>(100, {ExecutionId("chatter"), 0, "task", 1, FromMicros(1), "INFO", "and"}));
        ++said;
      }
    });
  }
  Eventually("they talk", [&] { return said > 100; });
  WriteBatch gone{.partition = 0, .epoch = batch.epoch, .executions_deleted = {ExecutionId("gone")}};
  EXPECT_TRUE(CommitAndWait(*stores.store, gone));
  stores.logs->Flush();
  EXPECT_EQ(stores.logs->Read({.execution = ExecutionId("e")})->rows.size(), 1U);
  EXPECT_EQ(server_.Do({"EXISTS", "l:gone"}).integer, 0);
  done = true;
  for (std::thread& chatter : chatters) chatter.join();
}

}  // namespace
}  // namespace headrace::store
