// What Redis and the way to it may do to a store (rows 29 to 41 of docs/failures.md), against a real redis-server.
#include <signal.h>

#include <atomic>
#include <fstream>
#include <sstream>
#include <thread>

#include "tests/unit/store/redis_proxy.h"
#include "tests/unit/store/redis_sentinels.h"
#include "tests/unit/store/redis_stores.h"
#include "tests/unit/store/stores.h"

namespace headrace::store {
namespace {

WriteBatch Note(Epoch epoch, const std::string& key, const std::string& record) {
  WriteBatch batch{.partition = 0, .epoch = epoch};
  batch.notes_put = {{key, record}};
  return batch;
}

// Commits notes 0, 1, 2 … one after another, many in flight, and remembers what was confirmed.
class Committer {
 public:
  Committer(Store& store, Epoch epoch) : store_(store), epoch_(epoch), thread_([this] { Run(); }) {}
  ~Committer() { Stop(); }
  int confirmed() const { return confirmed_; }
  void WaitFor(int more) {
    const int wanted = confirmed_ + more;
    Eventually("commits are confirmed", [&] { return confirmed_ >= wanted; });
  }
  // Answers how many were made; all of them are confirmed then.
  int Stop() {
    stopping_ = true;
    if (thread_.joinable()) thread_.join();
    Eventually("all are answered", [&] { return confirmed_ == made_; });
    return made_;
  }

 private:
  void Run() {
    while (!stopping_) {
      if (made_ - confirmed_ > 100) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
        continue;
      }
      const int number = made_++;
      store_.Commit(Note(epoch_, std::to_string(number), std::to_string(number)), [this, number](Status status) {
        EXPECT_TRUE(status) << status.error().ToString();
        EXPECT_EQ(confirmed_, number);
        ++confirmed_;
      });
    }
  }
  Store& store_;
  const Epoch epoch_;
  std::atomic<int> made_{0};
  std::atomic<int> confirmed_{0};
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

void ExpectAllThere(Store& store, int notes) {
  const auto snapshot = store.Load(0);
  ASSERT_TRUE(snapshot) << snapshot.error().ToString();
  ASSERT_EQ(snapshot->notes.size(), static_cast<std::size_t>(notes));
  for (const NoteRow& note : snapshot->notes) EXPECT_EQ(note.key, note.record);
}

class RedisFailure : public testing::Test {
 protected:
  RedisServer server_{RedisServer::Durable()};
};

TEST_F(RedisFailure, AnAnswerThatWasLostIsFoundOutAndNothingIsAppliedTwice) {
  RedisProxy proxy(server_.port());
  RedisStores stores = Open({.url = proxy.url()});
  const Epoch epoch = *stores.store->Acquire(0);
  ASSERT_TRUE(CommitAndWait(*stores.store, Note(epoch, "k", "first")));
  server_.Do({"CONFIG", "RESETSTAT"});
  proxy.SwallowAnswers(true);
  std::atomic<int> answered = 0;
  stores.store->Commit(Note(epoch, "k", "second"), [&](Status status) { EXPECT_TRUE(status); ++answered; });
  stores.store->Commit(Note(epoch, "k", "third"), [&](Status status) { EXPECT_TRUE(status); ++answered; });
  Eventually("both are applied", [&] { return server_.Do({"HGET", "{p0}:p", "s"}).text == "3"; });
  EXPECT_EQ(answered, 0);
  proxy.SwallowAnswers(false);
  proxy.Break(server_.port());
  Eventually("both are answered", [&] { return answered == 2; });
  // Called twice each, applied once each.
  EXPECT_TRUE(Contains(server_.Info("commandstats", "cmdstat_fcall"), "calls=4"));
  EXPECT_EQ(server_.Do({"HGET", "{p0}:p", "s"}).text, "3");
  EXPECT_EQ(stores.store->Load(0)->notes.at(0).record, "third");
}

TEST_F(RedisFailure, ConnectionsThatBreakAllTheTimeLoseNothing) {
  RedisProxy proxy(server_.port());
  RedisStores stores = Open({.url = proxy.url()});
  Committer committer(*stores.store, *stores.store->Acquire(0));
  for (int i = 0; i < 20; ++i) {
    committer.WaitFor(20);
    proxy.SwallowAnswers(i % 2 == 0);
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    proxy.SwallowAnswers(false);
    proxy.Break(server_.port());
  }
  const int made = committer.Stop();
  ExpectAllThere(*stores.store, made);
  EXPECT_EQ(server_.Do({"HGET", "{p0}:p", "s"}).number(), made);
}

TEST_F(RedisFailure, KilledUnderLoadItComesBackAndNothingIsLost) {
  RedisStores stores = Open({.url = server_.url()});
  Committer committer(*stores.store, *stores.store->Acquire(0));
  for (int i = 0; i < 5; ++i) {
    committer.WaitFor(50);
    server_.Kill();
    server_.Start();
  }
  ExpectAllThere(*stores.store, committer.Stop());
}

// What a scheduler reads while it decides: an error there would be a decision lost.
TEST_F(RedisFailure, ReadsWaitForARedisThatIsAwayForAMoment) {
  RedisStores stores = Open({.url = server_.url(), .patience = std::chrono::milliseconds(50), .read_patience = std::chrono::minutes(5)});
  WriteBatch batch{.partition = 0, .epoch = *stores.store->Acquire(0)};
  batch.executions = {Row("e")};
  ASSERT_TRUE(CommitAndWait(*stores.store, batch));
  server_.Kill();
  EXPECT_EQ(stores.store->List({}).error().code, Code::kUnavailable);  // a person asks again
  std::thread reader([&] { EXPECT_EQ(*stores.store->ReadRecord(ExecutionId("e")), "record of e"); });
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  server_.Start();
  reader.join();
}

TEST_F(RedisFailure, AServerThatHangsIsWaitedFor) {
  RedisStores stores = Open({.url = server_.url(), .reply = std::chrono::milliseconds(300)});
  Committer committer(*stores.store, *stores.store->Acquire(0));
  committer.WaitFor(10);
  server_.Signal(SIGSTOP);
  std::this_thread::sleep_for(std::chrono::milliseconds(900));
  server_.Signal(SIGCONT);
  committer.WaitFor(300);
  ExpectAllThere(*stores.store, committer.Stop());
}

TEST_F(RedisFailure, AnOutageThatLastsTooLongIsTheEnd) {
  RedisStores stores = Open({.url = server_.url(), .outage = std::chrono::milliseconds(300)});
  const Epoch epoch = *stores.store->Acquire(0);
  server_.Kill();
  const Status status = CommitAndWait(*stores.store, Note(epoch, "k", "v"));
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Code::kUnavailable);
  EXPECT_TRUE(Contains(status.error().message, "127.0.0.1:" + std::to_string(server_.port()))) << status.error().message;
  server_.Start();
  EXPECT_FALSE(CommitAndWait(*stores.store, Note(epoch, "k", "v")));
}

TEST_F(RedisFailure, FunctionsThatAreGoneAreLoadedAgain) {
  RedisStores stores = Open({.url = server_.url()});
  const Epoch epoch = *stores.store->Acquire(0);
  server_.Do({"FUNCTION", "FLUSH"});
  EXPECT_TRUE(CommitAndWait(*stores.store, Note(epoch, "k", "v")));
  server_.Do({"FUNCTION", "FLUSH"});
  EXPECT_TRUE(stores.store->Acquire(0));
}

TEST_F(RedisFailure, DataThatAreGoneAreNoFreshStart) {
  RedisStores stores = Open({.url = server_.url()});
  const Epoch epoch = *stores.store->Acquire(0);
  ASSERT_TRUE(CommitAndWait(*stores.store, Note(epoch, "k", "v")));
  server_.Do({"FLUSHALL"});
  EXPECT_EQ(CommitAndWait(*stores.store, Note(epoch, "k", "v")).error().code, Code::kAborted);
  server_.Do({"CLIENT", "KILL", "TYPE", "normal"});
  Eventually("it is noticed", [&] {
    const auto loaded = stores.store->Load(0);
    return !loaded && loaded.error().code == Code::kDataLoss;
  });
  const Status status = CommitAndWait(*stores.store, Note(epoch, "k", "v"));
  EXPECT_EQ(status.error().code, Code::kDataLoss);
  EXPECT_TRUE(Contains(status.error().message, "restore")) << status.error().message;
}

TEST_F(RedisFailure, WhatPassesIsWaitedFor) {
  RedisStores stores = Open({.url = server_.url()});
  Committer committer(*stores.store, *stores.store->Acquire(0));
  const auto spell = [&](const std::vector<std::string>& on, const std::vector<std::string>& off, bool stops) {
    committer.WaitFor(20);
    EXPECT_FALSE(server_.Do(on).error()) << on[1];
    if (stops) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      const int before = committer.confirmed();
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
      EXPECT_EQ(committer.confirmed(), before) << on[1];
    }
    EXPECT_FALSE(server_.Do(off).error()) << off[1];
    committer.WaitFor(150);
  };
  spell({"CONFIG", "SET", "min-replicas-to-write", "1"}, {"CONFIG", "SET", "min-replicas-to-write", "0"}, true);  // NOREPLICAS
  spell({"REPLICAOF", "127.0.0.1", "1"}, {"REPLICAOF", "NO", "ONE"}, true);                                      // READONLY
  spell({"CLIENT", "PAUSE", "300", "ALL"}, {"CLIENT", "NO-EVICT", "off"}, false);
  spell({"CLIENT", "KILL", "TYPE", "normal"}, {"PING", "x"}, false);
  ExpectAllThere(*stores.store, committer.Stop());
}

TEST_F(RedisFailure, ALongScriptOfOthersIsWaitedFor) {
  RedisStores stores = Open({.url = server_.url(), .reply = std::chrono::milliseconds(200)});
  const Epoch epoch = *stores.store->Acquire(0);
  server_.Do({"CONFIG", "SET", "busy-reply-threshold", "50"});
  std::thread other([&] { EXPECT_TRUE(server_.Do({"EVAL", "while true do end", "0"}).error()); });
  Eventually("it is busy", [&] { return Contains(server_.Do({"PING"}).text, "BUSY"); });
  std::atomic<bool> answered = false;
  stores.store->Commit(Note(epoch, "k", "v"), [&](Status status) { EXPECT_TRUE(status); answered = true; });
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  EXPECT_FALSE(answered);
  server_.Do({"SCRIPT", "KILL"});
  other.join();
  Eventually("it is committed", [&] { return answered.load(); });
}

TEST_F(RedisFailure, WhatRunsIsCommittedWhenMemoryIsFullAndNothingNewIsBegun) {
  RedisStores stores = Open({.url = server_.url()});
  const Epoch epoch = *stores.store->Acquire(0);
  EXPECT_TRUE(stores.store->HasRoom());
  server_.Do({"CONFIG", "SET", "maxmemory", "1000000"});
  Eventually("the door is shut", [&] { return !stores.store->HasRoom(); });
  EXPECT_EQ(stores.store->HasRoom().error().code, Code::kResourceExhausted);
  EXPECT_TRUE(Contains(server_.Do({"SET", "x", "y"}).text, "OOM"));
  EXPECT_TRUE(CommitAndWait(*stores.store, Note(epoch, "k", "v")));
  EXPECT_EQ(stores.flows->Put({.ns = "a", .id = "f", .digest = "d"}).error().code, Code::kResourceExhausted);
  // Whoever takes over then goes on with what runs, too.
  stores = Open({.url = server_.url()});
  const Epoch next = *stores.store->Acquire(0);
  EXPECT_TRUE(CommitAndWait(*stores.store, Note(next, "k", "again")));
  EXPECT_FALSE(stores.store->HasRoom());
  server_.Do({"CONFIG", "SET", "maxmemory", "1000000000"});
  Eventually("the door is open", [&] { return stores.store->HasRoom().has_value(); });
}

// Set while it runs, or by a replica that became the master.
TEST_F(RedisFailure, NothingNewIsBegunWhileRedisMayThrowAwayWhatItHolds) {
  RedisStores stores = Open({.url = server_.url()});
  const Epoch epoch = *stores.store->Acquire(0);
  EXPECT_TRUE(stores.store->HasRoom());
  server_.Do({"CONFIG", "SET", "maxmemory-policy", "volatile-lru"});
  Eventually("the door is shut", [&] { return !stores.store->HasRoom(); });
  EXPECT_TRUE(Contains(stores.store->HasRoom().error().message, "maxmemory-policy volatile-lru"));
  EXPECT_TRUE(CommitAndWait(*stores.store, Note(epoch, "k", "v"))) << "what runs goes on";
  server_.Do({"CONFIG", "SET", "maxmemory-policy", "noeviction"});
  Eventually("the door is open", [&] { return stores.store->HasRoom().has_value(); });
}

TEST_F(RedisFailure, AWrongPasswordSaysSoWithoutShowingIt) {
  server_.Do({"CONFIG", "SET", "requirepass", "right-secret"});
  const std::string place = "@127.0.0.1:" + std::to_string(server_.port());
  const Error none = OpenError({.url = server_.url()});
  EXPECT_EQ(none.code, Code::kUnauthenticated);
  const Error wrong = OpenError({.url = "redis://:wrong-secret" + place});
  EXPECT_EQ(wrong.code, Code::kUnauthenticated);
  EXPECT_FALSE(Contains(wrong.message, "secret")) << wrong.message;
  RedisStores stores = Open({.url = "redis://:right-secret" + place});
  ASSERT_TRUE(stores.store);
  const Epoch epoch = *stores.store->Acquire(0);
  EXPECT_TRUE(CommitAndWait(*stores.store, Note(epoch, "k", "v")));
}

// The rule of docs/redis.md, word by word.
TEST_F(RedisFailure, TheRightsThatTheDocumentNamesAreEnough) {
  std::ifstream document("docs/redis.md");
  std::string line;
  while (std::getline(document, line) && !line.starts_with("ACL SETUSER headrace ")) {
  }
  ASSERT_FALSE(line.empty());
  std::istringstream words(line);
  std::vector<std::string> command;
  for (std::string word; words >> word;) command.push_back(std::move(word));
  ASSERT_FALSE(server_.Do(command).error()) << server_.Do(command).text;
  RedisStores stores = Open({.url = "redis://headrace:PASSWORD@127.0.0.1:" + std::to_string(server_.port()) + "/0"});
  ASSERT_TRUE(stores.store);
  WriteBatch batch{.partition = 0, .epoch = *stores.store->Acquire(0)};
  batch.executions = {Row("e", 1, model::State::kFailed), Row("child", 2)};
  batch.executions[1].parent = ExecutionId("e");
  batch.task_runs = {{ExecutionId("e"), 0, "a"}, {ExecutionId("e"), 600, "b"}};
  batch.timers_set = {{ExecutionId("e"), {model::TimerKind::kRetry, 0, 1}, FromMicros(5)}};
  batch.timers_cleared = batch.timers_set;
  batch.outbox_added = {{1, "o"}};
  batch.requests = {{"r", "d", ExecutionId("e"), SystemClock().Now() + std::chrono::hours(1)}};
  batch.notes_put = {{"k", "v"}};
  ASSERT_TRUE(CommitAndWait(*stores.store, batch));
  EXPECT_EQ(stores.store->Read(ExecutionId("e"))->task_runs.size(), 601U);
  EXPECT_EQ(stores.store->List({.parent = ExecutionId("e")})->records.size(), 1U);
  EXPECT_TRUE(*stores.store->FindRequest("r"));
  EXPECT_EQ(stores.store->Load(0)->notes.size(), 1U);
  stores.logs->Append({{ExecutionId("e"), 0, "task", 1, FromMicros(1), "INFO", "line"}});
  stores.logs->Flush();
  EXPECT_EQ(stores.logs->Read({.execution = ExecutionId("e")})->rows.size(), 1U);
  EXPECT_EQ(*stores.logs->Purge({.executions = {ExecutionId("e")}}), 1U);
  EXPECT_EQ(stores.flows->Put({.ns = "a", .id = "f", .digest = "d"})->revision, 1);
  EXPECT_EQ(stores.flows->ListLatest("")->size(), 1U);
  const Epoch leased = **stores.leases->Acquire(1, "me", std::chrono::minutes(1));
  EXPECT_TRUE(stores.leases->Renew(1, "me", leased, std::chrono::minutes(1)));
  EXPECT_TRUE(stores.leases->Release(1, "me", leased));
  EXPECT_TRUE(stores.leases->Holders({1}));
  EXPECT_TRUE(stores.leases->Announce({.id = "me"}, std::chrono::minutes(1)));
  EXPECT_EQ(stores.leases->Members()->size(), 1U);
  EXPECT_TRUE(stores.leases->Leave("me"));
  EXPECT_TRUE(stores.flows->ChangedSince(0));
  WriteBatch gone{.partition = 0, .epoch = batch.epoch, .executions_deleted = {ExecutionId("e"), ExecutionId("child")}};
  EXPECT_TRUE(CommitAndWait(*stores.store, gone));
  stores.logs->Flush();
  EXPECT_EQ(server_.Do({"EXISTS", "l:e"}).integer, 0);
  EXPECT_EQ(server_.Do({"ACL", "LOG"}).items.size(), 0U);
}

TEST_F(RedisFailure, SettingsThatLoseDataAreRefusedWithTheRemedy) {
  server_.Do({"CONFIG", "SET", "maxmemory-policy", "allkeys-lru"});
  Error error = OpenError({.url = server_.url()});
  EXPECT_EQ(error.code, Code::kFailedPrecondition);
  EXPECT_TRUE(Contains(error.message, "set maxmemory-policy noeviction")) << error.message;
  server_.Do({"CONFIG", "SET", "maxmemory-policy", "noeviction"});
  server_.Do({"CONFIG", "SET", "appendonly", "no"});
  error = OpenError({.url = server_.url()});
  EXPECT_TRUE(Contains(error.message, "set appendonly yes")) << error.message;
  EXPECT_TRUE(OpenRedis({.url = server_.url(), .durability = RedisDurability::kMemory}));
}

TEST_F(RedisFailure, ADatabaseOfOthersIsRefused) {
  server_.Do({"SET", "theirs", "1"});
  const Error error = OpenError({.url = server_.url()});
  EXPECT_EQ(error.code, Code::kFailedPrecondition);
  EXPECT_TRUE(Contains(error.message, "database of its own")) << error.message;
  EXPECT_TRUE(OpenRedis({.url = server_.url(3)}));
  EXPECT_TRUE(OpenRedis({.url = server_.url(3)}));
}

TEST_F(RedisFailure, AReplicaIsNoMaster) {
  server_.Do({"REPLICAOF", "127.0.0.1", "1"});
  const Error error = OpenError({.url = server_.url()});
  EXPECT_EQ(error.code, Code::kUnavailable);
  EXPECT_TRUE(Contains(error.message, "no master but a slave of 127.0.0.1:1")) << error.message;
}

TEST_F(RedisFailure, ADamagedValueStopsItsExecutionOnly) {
  RedisStores stores = Open({.url = server_.url()});
  WriteBatch batch{.partition = 0, .epoch = *stores.store->Acquire(0)};
  batch.executions = {Row("bad", 1), Row("good", 2), Row("worse", 3)};
  batch.task_runs = {{ExecutionId("bad"), 0, "run"}, {ExecutionId("good"), 0, "run"}};
  ASSERT_TRUE(CommitAndWait(*stores.store, batch));
  const auto flip = [&](const std::string& key, const char* place) {
    std::string value = server_.Do({"LINDEX", key, place}).text;
    value.back() = static_cast<char>(value.back() ^ 1);
    server_.Do({"LSET", key, place, value});
  };
  flip("{p0}:x:bad", "1");
  flip("{p0}:x:worse", "0");
  const auto bad = stores.store->Read(ExecutionId("bad"));
  EXPECT_EQ(bad.error().code, Code::kDataLoss);
  EXPECT_TRUE(Contains(bad.error().message, "execution bad")) << bad.error().message;
  EXPECT_EQ(stores.store->ReadRecord(ExecutionId("worse")).error().code, Code::kDataLoss);
  EXPECT_TRUE(stores.store->Read(ExecutionId("good")));
  EXPECT_EQ(stores.store->List({})->records, (std::vector<std::string>{"record of good", "record of bad"}));
}

// Three servers and three sentinels; the master is killed while commits are in flight.
TEST(RedisFailover, NothingConfirmedIsLostAndItGoesOn) {
  RedisSentinels cluster;
  RedisStores stores = Open({.url = cluster.url(), .durability = RedisDurability::kReplica, .replicas = 1});
  const Epoch epoch = *stores.store->Acquire(0);
  Committer committer(*stores.store, epoch);
  for (int i = 0; i < 2; ++i) {
    committer.WaitFor(50);
    cluster.FailOver();
  }
  committer.WaitFor(50);
  ExpectAllThere(*stores.store, committer.Stop());
  EXPECT_GT(*stores.store->Acquire(0), epoch + 1'000'000);  // another server: beyond whatever was lost
}

// A replica that lagged is promoted: what it missed is written again by the scheduler that still has it.
TEST(RedisFailover, WhatALaggingReplicaMissedIsWrittenAgain) {
  RedisServer first(RedisServer::Durable());
  RedisServer second(RedisServer::Durable());
  second.Do({"REPLICAOF", "127.0.0.1", std::to_string(first.port())});
  RedisProxy proxy(first.port());
  RedisStores stores = Open({.url = proxy.url()});
  const Epoch epoch = *stores.store->Acquire(0);
  ASSERT_TRUE(CommitAndWait(*stores.store, Note(epoch, "0", "0")));
  Eventually("it follows", [&] { return second.Do({"HGET", "{p0}:p", "s"}).text == "1"; });
  second.Do({"REPLICAOF", "NO", "ONE"});
  for (const std::string key : {"1", "2", "3"}) ASSERT_TRUE(CommitAndWait(*stores.store, Note(epoch, key, key)));
  EXPECT_EQ(second.Do({"HGET", "{p0}:p", "s"}).text, "1");
  first.Kill();
  proxy.Break(second.port());
  ASSERT_TRUE(CommitAndWait(*stores.store, Note(epoch, "4", "4")));
  ExpectAllThere(*stores.store, 5);
  EXPECT_EQ(second.Do({"HGET", "{p0}:p", "s"}).text, "5");
}

// Epochs that the promoted server never heard of are not given again, and their owners are refused.
TEST(RedisFailover, EpochsThatWereLostAreNotGivenAgain) {
  RedisServer first(RedisServer::Durable());
  RedisServer second(RedisServer::Durable());
  RedisStores old = Open({.url = first.url()});
  second.Do({"REPLICAOF", "127.0.0.1", std::to_string(first.port())});
  Epoch lost = *old.store->Acquire(0);
  Eventually("it follows", [&] { return second.Do({"HGET", "{p0}:p", "e"}).text == std::to_string(lost); });
  second.Do({"REPLICAOF", "NO", "ONE"});
  for (int i = 0; i < 10; ++i) lost = *old.store->Acquire(0);
  // A clock that is behind must not matter either.
  second.Do({"HSET", "{p0}:p", "e", std::to_string(lost + 5'000'000)});
  RedisStores now = Open({.url = second.url()});
  const Epoch next = *now.store->Acquire(0);
  EXPECT_GT(next, lost + 5'000'000 + 1'000'000);
  WriteBatch stale{.partition = 0, .epoch = lost};
  EXPECT_EQ(CommitAndWait(*now.store, stale).error().code, Code::kAborted);
}

}  // namespace
}  // namespace headrace::store
