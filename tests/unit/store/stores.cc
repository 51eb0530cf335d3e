#include "tests/unit/store/stores.h"

#include <cstdlib>
#include <future>

namespace headrace::store {

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
    Reopen();
  }
}

void StoreTest::Reopen() {
  if (!durable()) return;
  store_.reset();
  flows_.reset();
  logs_.reset();
  SqliteOptions options{.path = folder_.file("store.db"), .clock = &clock_, .log_limits = log_limits_};
  if (GetParam() == Kind::kSqliteNormal) options.durability = Durability::kNormal;
  auto stores = OpenSqlite(options);
  if (!stores) {
    ADD_FAILURE() << stores.error().ToString();
    std::abort();
  }
  store_ = std::move(stores->store);
  flows_ = std::move(stores->flows);
  logs_ = std::move(stores->logs);
}

Status StoreTest::Commit(WriteBatch batch) { return CommitAndWait(*store_, std::move(batch)); }

std::string KindName(const testing::TestParamInfo<Kind>& kind) {
  switch (kind.param) {
    case Kind::kMemory: return "Memory";
    case Kind::kSqliteFull: return "SqliteFull";
    case Kind::kSqliteNormal: return "SqliteNormal";
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
