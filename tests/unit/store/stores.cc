#include "tests/unit/store/stores.h"

#include <cstdlib>
#include <future>

#include "common/store/metered_store.h"
#include "tests/unit/store/redis_nodes.h"
#include "tests/unit/store/redis_sentinels.h"

namespace headrace::store {

namespace {

// One server, one set of sentinels and one cluster for all tests of a process.
RedisServer& Server() {
  static RedisServer server(RedisServer::Durable());
  return server;
}

RedisSentinels& Cluster() {
  static RedisSentinels cluster;
  return cluster;
}

RedisNodes& Nodes() {
  static RedisNodes nodes(0, RedisServer::Durable());
  return nodes;
}

void Emptied(Kind kind) {
  if (kind == Kind::kRedisCluster) return Nodes().Emptied();
  RedisServer& server = kind == Kind::kRedisFailover ? Cluster().master() : Server();
  EXPECT_FALSE(server.Do({"FLUSHALL"}).error());
}

template <typename Stores>
Stores Opened(Result<Stores> stores) {
  if (!stores) {
    ADD_FAILURE() << stores.error().ToString();
    std::abort();
  }
  return std::move(*stores);
}

}  // namespace

ScratchFolder::ScratchFolder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "headrace-store-XXXXXX").string();
  path_ = mkdtemp(pattern.data());
}

ScratchFolder::~ScratchFolder() { std::filesystem::remove_all(path_); }

StoreTest::StoreTest() {
  if (GetParam() == Kind::kMemory) {
    store_ = MakeMemoryStore(clock_);
    flows_ = MakeMemoryFlowStore();
    logs_ = MakeMemoryLogStore(log_limits_);
  } else {
    if (on_redis()) Emptied(GetParam());
    Open();
  }
}

StoreTest::~StoreTest() { Close(); }

void StoreTest::Close() {
  store_.reset();
  flows_.reset();
  logs_.reset();
}

void StoreTest::Reopen() {
  if (!durable()) return;
  Close();
  if (GetParam() == Kind::kRedisFailover) Cluster().FailOver();
  Open();
}

void StoreTest::Open() {
  if (GetParam() == Kind::kMemoryShared) OpenShared();
  else if (on_redis()) OpenOnRedis();
  else OpenOnSqlite();
}

void StoreTest::OpenShared() {
  MemoryStores stores = cluster_.Open();
  store_ = std::move(stores.store);
  flows_ = std::move(stores.flows);
  logs_ = std::move(stores.logs);
}

void StoreTest::OpenOnSqlite() {
  SqliteOptions options{.path = folder_.file("store.db"), .clock = &clock_, .log_limits = log_limits_};
  if (GetParam() == Kind::kSqliteNormal) options.durability = Durability::kNormal;
  SqliteStores stores = Opened(OpenSqlite(options));
  // The meter around a store keeps the contract, too.
  if (GetParam() == Kind::kSqliteNormal) stores.store = MakeMeteredStore(std::move(stores.store), [](const char*, Duration, const Status&) {});
  store_ = std::move(stores.store);
  flows_ = std::move(stores.flows);
  logs_ = std::move(stores.logs);
}

void StoreTest::OpenOnRedis() {
  RedisOptions options{.clock = &clock_, .log_limits = log_limits_};
  if (GetParam() == Kind::kRedis) options.url = Server().url();
  if (GetParam() == Kind::kRedisCluster) options.url = Nodes().url();
  if (GetParam() == Kind::kRedisFailover) {
    options.url = Cluster().url();
    options.durability = RedisDurability::kReplica;
  }
  RedisStores stores = Opened(OpenRedis(options));
  store_ = std::move(stores.store);
  flows_ = std::move(stores.flows);
  logs_ = std::move(stores.logs);
}

Status StoreTest::Commit(WriteBatch batch) { return CommitAndWait(*store_, std::move(batch)); }

OwnedStoreTest::OwnedStoreTest() : epoch_(*store_->Acquire(0)) {}

void OwnedStoreTest::Put(std::vector<ExecutionRow> rows) {
  WriteBatch batch = Batch();
  batch.executions = std::move(rows);
  ASSERT_TRUE(Commit(std::move(batch)));
}

std::vector<std::string> OwnedStoreTest::ListAll(ExecutionQuery query) {
  std::vector<std::string> records;
  for (int pages = 0; pages < 1000; ++pages) {
    const auto page = store_->List(query);
    EXPECT_TRUE(page) << page.error().ToString();
    if (!page) return records;
    EXPECT_LE(page->records.size(), query.limit);
    records.insert(records.end(), page->records.begin(), page->records.end());
    if (page->next_page_token.empty()) return records;
    query.page_token = page->next_page_token;
  }
  ADD_FAILURE() << "the pages never end";
  return records;
}

std::vector<std::string> OwnedStoreTest::Records(const std::vector<std::string>& ids) {
  std::vector<std::string> records;
  for (const std::string& id : ids) records.push_back("record of " + id);
  return records;
}

std::string KindName(const testing::TestParamInfo<Kind>& kind) {
  switch (kind.param) {
    case Kind::kMemory: return "Memory";
    case Kind::kMemoryShared: return "MemoryShared";
    case Kind::kSqliteFull: return "SqliteFull";
    case Kind::kSqliteNormal: return "SqliteNormal";
    case Kind::kRedis: return "Redis";
    case Kind::kRedisFailover: return "RedisFailover";
    case Kind::kRedisCluster: return "RedisCluster";
  }
  return "";
}

Status CommitAndWait(Store& store, WriteBatch batch) {
  std::promise<Status> answer;
  store.Commit(std::move(batch), [&](Status status) { answer.set_value(std::move(status)); });
  return answer.get_future().get();
}

ExecutionRow Row(const std::string& id, std::int64_t created, model::State state) {
  ExecutionRow row;
  row.id = ExecutionId(id);
  row.ns = "team";
  row.flow_id = "flow";
  row.state = state;
  row.created = FromMicros(created);
  row.record = "record of " + id;
  return row;
}

}  // namespace headrace::store
