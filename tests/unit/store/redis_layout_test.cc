// Addresses, error replies and packed values: pure. Then how much of Redis' memory an execution takes, and what it leaves.
#include "common/base/random.h"
#include "common/store/redis_address.h"
#include "common/store/redis_errors.h"
#include "common/store/redis_layout.h"
#include "common/store/redis_log_chunk.h"
#include "tests/unit/store/redis_server.h"
#include "tests/unit/store/stores.h"

namespace headrace::store {
namespace {

TEST(RedisAddress, IsReadInEveryForm) {
  RedisAddress address = *ParseRedisUrl("redis://ann:p%40ss@example.org:7000/3");
  EXPECT_EQ(address.endpoints, (std::vector<RedisEndpoint>{{"example.org", "7000"}}));
  EXPECT_EQ(address.user, "ann");
  EXPECT_EQ(address.password, "p@ss");
  EXPECT_EQ(address.database, 3);
  EXPECT_EQ(address.ToString(), "redis://ann@example.org:7000/3");
  address = *ParseRedisUrl("redis://[::1]");
  EXPECT_EQ(address.endpoints[0], (RedisEndpoint{"::1", "6379"}));
  address = *ParseRedisUrl("redis+unix:///run/redis.sock?db=2");
  EXPECT_EQ(address.endpoints[0].path, "/run/redis.sock");
  EXPECT_EQ(address.database, 2);
  address = *ParseRedisUrl("redis+sentinel://:pw@a,b:1,c/main/4?sentinel_password=spw");
  EXPECT_EQ(address.endpoints, (std::vector<RedisEndpoint>{{"a", "26379"}, {"b", "1"}, {"c", "26379"}}));
  EXPECT_EQ(address.master, "main");
  EXPECT_EQ(address.database, 4);
  EXPECT_EQ(address.sentinel_password, "spw");
  EXPECT_TRUE(ParseRedisUrl("rediss://h?ca=/etc/ca.pem")->tls.on);
  address = *ParseRedisUrl("rediss+cluster://u:pw@a,b:1");
  EXPECT_TRUE(address.cluster && address.tls.on);
  EXPECT_EQ(address.endpoints, (std::vector<RedisEndpoint>{{"a", "6379"}, {"b", "1"}}));
  EXPECT_EQ(address.ToString(), "rediss+cluster://u@a:6379,b:1");
}

TEST(RedisAddress, WhatIsWrongIsNamedWithoutThePassword) {
  for (const std::string url : {"redis://u:secret@", "redis://u:secret@h:x", "redis://u:secret@h:70000", "redis://u:secret@h/a",
                                "redis://u:secret@a,b", "redis+sentinel://u:secret@a", "redis+file://u:secret@a", "redis://u:secret@h?dbb=1",
                                "redis+cluster://u:secret@a,b/1", "redis+unix://u:secret@", "redis://u:secret@h/1/2",
                                "redis://u:s@h?sentinel_password=secret&x=secret", "redis://u:pa/secret@h", "redis://u:p?secret@h",
                                "redis://u:secret/x@h", "redis://u:secret?x@h", "redis://secret/x@h", "redis+sentinel://u:secret/x@a,b/m",
                                "redis+cluster://u:secret/x@a", "redis+u:secret@h", "redis+u:secret@h://x", "redis+unix://u:secret/x@run/s",
                                "redis://u:s@cret:secret@h:x"}) {
    const auto address = ParseRedisUrl(url);
    ASSERT_FALSE(address) << url;
    EXPECT_EQ(address.error().message.find("secret"), std::string::npos) << address.error().message;
    EXPECT_NE(address.error().message.find("redis"), std::string::npos);
  }
  const std::string advice = ParseRedisUrl("redis://u:pa/ss@h").error().message;
  EXPECT_NE(advice.find("%2F"), std::string::npos) << advice;
  EXPECT_NE(advice.find("%3F"), std::string::npos) << advice;
  EXPECT_EQ(ParseRedisUrl("redis://u:pa%2Fs%3Fs%40@h")->password, "pa/s?s@");
}

TEST(RedisErrors, EveryClassOfReplyHasItsTreatment) {
  const std::vector<std::pair<std::string, Trouble>> cases = {
      {"LOADING Redis is loading the dataset in memory", Trouble::kWait},
      {"BUSY Redis is busy running a script.", Trouble::kWait},
      {"MISCONF Errors writing to the AOF file: No space left on device", Trouble::kWait},
      {"NOREPLICAS Not enough good replicas to write.", Trouble::kWait},
      {"TRYAGAIN Multiple keys request during rehashing of slot", Trouble::kWait},
      {"CLUSTERDOWN Hash slot not served", Trouble::kWait},
      {"ERR max number of clients reached", Trouble::kWait},
      {"ERR WAIT cannot be used with replica instances.", Trouble::kElsewhere},
      {"ERR AUTH <password> called without any password configured for the default user.", Trouble::kRefused},
      {"ERR DB index is out of range", Trouble::kRefused},
      {"READONLY You can't write against a read only replica.", Trouble::kElsewhere},
      {"MASTERDOWN Link with MASTER is down", Trouble::kElsewhere},
      {"UNBLOCKED force unblock from blocking operation", Trouble::kElsewhere},
      {"ERR Function not found", Trouble::kLoad},
      {"NOSCRIPT No matching script", Trouble::kLoad},
      {"OOM command not allowed when used memory > 'maxmemory'.", Trouble::kFull},
      {"HRFENCED 7", Trouble::kFenced},
      {"HRGAP 7", Trouble::kGap},
      {"NOAUTH Authentication required.", Trouble::kRefused},
      {"WRONGPASS invalid username-password pair", Trouble::kRefused},
      {"NOPERM this user has no permissions", Trouble::kRefused},
      {"WRONGTYPE Operation against a key holding the wrong kind of value", Trouble::kRefused},
      {"MOVED 3999 127.0.0.1:6381", Trouble::kSlot},
      {"ASK 3999 127.0.0.1:6381", Trouble::kSlot},
      {"CROSSSLOT Keys in request don't hash to the same slot", Trouble::kRefused},
      {"ERR something new", Trouble::kRefused},
  };
  for (const auto& [reply, trouble] : cases) {
    EXPECT_EQ(ReadTrouble(reply).trouble, trouble) << reply;
    const Error error = ErrorOf(reply, "h:1");
    EXPECT_NE(error.message.find("h:1"), std::string::npos);
    EXPECT_FALSE(ReadTrouble(reply).remedy.empty()) << reply;
    EXPECT_EQ(error.code == Code::kUnavailable, Passes(trouble)) << reply;
  }
  // What nobody knows is no reason to end while a connection is only being made.
  EXPECT_EQ(ErrorOf("ERR something new", "h:1").code, Code::kInternal);
  EXPECT_EQ(ConnectErrorOf("ERR something new", "h:1").code, Code::kUnavailable);
  EXPECT_EQ(ConnectErrorOf("WRONGPASS invalid username-password pair", "h:1").code, Code::kUnauthenticated);
}

TEST(RedisLayout, AMemberComesBackAndEveryDamagedByteIsFound) {
  const Member member{"id", "host:9190", "tcp://host:9191", std::string(300, 'b')};
  const std::string packed = PackMember(member, std::chrono::seconds(5));
  const auto unpacked = UnpackMember("id", packed, std::chrono::seconds(2));
  EXPECT_EQ(*unpacked, member);
  EXPECT_EQ(unpacked->silent, Duration(std::chrono::seconds(3)));
  EXPECT_EQ(UnpackMember("id", packed, std::chrono::milliseconds(-1))->silent, Duration(0));
  for (std::size_t i = 0; i < packed.size(); ++i) {
    std::string damaged = packed;
    damaged[i] = static_cast<char>(damaged[i] ^ 4);
    EXPECT_FALSE(UnpackMember("id", damaged, Duration(0))) << i;
    EXPECT_FALSE(UnpackMember("id", packed.substr(0, i), Duration(0))) << i;
  }
}

TEST(RedisLayout, ARowComesBackAndEveryDamagedByteIsFound) {
  ExecutionRow row = Row("0VbnRxJWAyFtnL9VQBUwpj", 5, model::State::kWarning);
  row.parent = ExecutionId("parent");
  row.labels = {{"system.correlationId", row.id.str()}, {"k", std::string(300, 'v')}, {"", ""}};
  const std::string packed = PackRow(row);
  const auto back = UnpackRow(row.id.str(), packed);
  ASSERT_TRUE(back) << back.error().ToString();
  EXPECT_EQ(back->labels, row.labels);
  EXPECT_EQ(back->parent, row.parent);
  EXPECT_EQ(back->state, row.state);
  EXPECT_EQ(back->active, row.active);
  EXPECT_EQ(back->record, row.record);
  for (std::size_t i = 0; i < packed.size(); ++i) {
    std::string damaged = packed;
    damaged[i] = static_cast<char>(damaged[i] ^ 4);
    const auto unpacked = UnpackRow(row.id.str(), damaged);
    ASSERT_FALSE(unpacked) << i;
    EXPECT_EQ(unpacked.error().code, Code::kDataLoss);
    EXPECT_FALSE(UnpackRow(row.id.str(), packed.substr(0, i))) << i;
  }
}

TEST(RedisLayout, EveryDamagedByteOfALogIsFound) {
  for (const std::size_t lines : {1U, 40U}) {
    std::vector<LogLine> rows;
    for (std::size_t i = 0; i < lines; ++i) {
      rows.push_back({7 + i, {ExecutionId("e"), {}, "task", 1, FromMicros(9), "WARN", "a message that repeats"}});
    }
    const std::string packed = PackLogChunk(7, rows);
    const auto back = UnpackLogChunk(ExecutionId("e"), packed);
    ASSERT_TRUE(back);
    ASSERT_EQ(back->lines.size(), lines);
    EXPECT_EQ(back->lines.back().offset, 6 + lines);
    EXPECT_EQ(back->lines.back().row.message, "a message that repeats");
    for (std::size_t i = 0; i < packed.size(); ++i) {
      std::string damaged = packed;
      damaged[i] = static_cast<char>(damaged[i] ^ 4);
      EXPECT_FALSE(UnpackLogChunk(ExecutionId("e"), damaged)) << i;
    }
  }
}

class RedisMemory : public testing::Test {
 protected:
  RedisMemory() {
    auto stores = OpenRedis({.url = server_.url(), .durability = RedisDurability::kMemory});
    EXPECT_TRUE(stores);
    stores_ = std::move(*stores);
    epoch_ = *stores_.store->Acquire(0);
  }
  std::int64_t used() const { return std::stoll(server_.Info("memory", "used_memory_dataset")) + std::stoll(server_.Info("memory", "used_memory_overhead")); }
  std::int64_t keys() const { return server_.Do({"DBSIZE"}).integer; }

  RedisServer server_;
  RedisStores stores_;
  Epoch epoch_ = 0;
  Random random_{7};
};

// Records as long as those of a real flow of five tasks that has ended.
TEST_F(RedisMemory, AnExecutionOfFiveTasksTakesAtMostSixteenHundredBytes) {
  constexpr int kExecutions = 20'000;
  ASSERT_TRUE(CommitAndWait(*stores_.store, {.partition = 0, .epoch = epoch_}));
  const std::int64_t before = used();
  for (int i = 0; i < kExecutions; i += 100) {
    WriteBatch batch{.partition = 0, .epoch = epoch_};
    for (int j = 0; j < 100; ++j) {
      const ExecutionId id = NewExecutionId(FromMicros(1'700'000'000'000'000 + i + j), random_, 0);
      ExecutionRow row = Row(id.str(), 1'700'000'000'000'000 + i + j, model::State::kSuccess);
      row.active = false;
      row.labels = {{"system.correlationId", id.str()}};
      row.record = std::string(150, 'r');
      batch.executions.push_back(std::move(row));
      for (model::TaskRunIndex run = 0; run < 5; ++run) batch.task_runs.push_back({id, run, std::string(150, 't')});
    }
    ASSERT_TRUE(CommitAndWait(*stores_.store, std::move(batch)));
  }
  const std::int64_t each = (used() - before) / kExecutions;
  RecordProperty("bytes_an_execution", static_cast<int>(each));
  std::printf("an execution of five tasks takes %lld bytes of Redis\n", static_cast<long long>(each));
  EXPECT_LE(each, 1'600);
  EXPECT_GT(each, 900);  // less than its records would be a mistake of the measuring
}

TEST_F(RedisMemory, WhatIsDeletedLeavesNoKeyBehind) {
  // What stays is of the partition and of its flows, not of executions.
  WriteBatch first{.partition = 0, .epoch = epoch_, .executions = {Row("first")}};
  ASSERT_TRUE(CommitAndWait(*stores_.store, first));
  WriteBatch gone{.partition = 0, .epoch = epoch_, .executions_deleted = {ExecutionId("first")}};
  ASSERT_TRUE(CommitAndWait(*stores_.store, gone));
  stores_.logs->Flush();
  const std::int64_t before = keys();
  WriteBatch batch{.partition = 0, .epoch = epoch_};
  gone.executions_deleted.clear();
  for (int i = 0; i < 50; ++i) {
    ExecutionRow row = Row("e" + std::to_string(i), i, i % 2 == 0 ? model::State::kFailed : model::State::kSuccess);
    if (i > 0) row.parent = ExecutionId("e" + std::to_string(i / 2));
    for (const model::TaskRunIndex run : {0U, 1U, 511U, 512U, 2'000U}) batch.task_runs.push_back({row.id, run, "run"});
    batch.executions.push_back(row);
    gone.executions_deleted.push_back(row.id);
    stores_.logs->Append({{row.id, 0, "task", 1, FromMicros(1), "INFO", "line"}});
  }
  ASSERT_TRUE(CommitAndWait(*stores_.store, batch));
  stores_.logs->Flush();
  EXPECT_GT(keys(), before + 200);
  ASSERT_TRUE(CommitAndWait(*stores_.store, gone));
  stores_.logs->Flush();
  EXPECT_EQ(keys(), before);
}

}  // namespace
}  // namespace headrace::store
