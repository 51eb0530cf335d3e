// kill -9 at random moments, and a write-ahead log that was torn: what was acked is there, and batches are whole.
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "common/base/random.h"
#include "common/store/sqlite_db.h"
#include "tests/unit/store/stores.h"

namespace headrace::store {
namespace {

constexpr int kRunsABatch = 5;

std::string Name(int i) { return "e" + std::to_string(i); }

// One batch is one execution with its task runs and a counter that every batch rewrites.
WriteBatch BatchOf(Epoch epoch, int i) {
  WriteBatch batch{.partition = 0, .epoch = epoch, .executions = {Row(Name(i), i), Row("counter")}};
  batch.executions[1].record = std::to_string(i);
  for (model::TaskRunIndex run = 0; run < kRunsABatch; ++run) {
    batch.task_runs.push_back({ExecutionId(Name(i)), run, Name(i) + std::string(200, 'r')});
  }
  return batch;
}

// Commits as fast as it can and says which batches were acked, until it is killed.
[[noreturn]] void CommitForEver(const std::string& path, int first, int acks) {
  auto stores = OpenSqlite({.path = path});
  if (!stores) _exit(1);
  const Epoch epoch = *stores->store->Acquire(0);
  for (int i = first;; ++i) {
    stores->store->Commit(BatchOf(epoch, i), [i, acks](Status status) {
      if (!status || write(acks, &i, sizeof(i)) != sizeof(i)) _exit(2);
    });
    // A loop waits for room in its pipeline now and then; so the queue stays short.
    if (i % 16 == 0) (void)CommitAndWait(*stores->store, {.partition = 0, .epoch = epoch});
  }
}

// The number of batches in the store; each must be whole, and none missing before the last.
int CountWholeBatches(Store& store) {
  int count = 0;
  while (true) {
    const auto stored = store.Read(ExecutionId(Name(count)));
    if (!stored) break;
    EXPECT_EQ(stored->task_runs.size(), static_cast<std::size_t>(kRunsABatch)) << count;
    for (const std::string& run : stored->task_runs) EXPECT_EQ(run, Name(count) + std::string(200, 'r'));
    ++count;
  }
  EXPECT_FALSE(store.Read(ExecutionId(Name(count + 1))));
  const auto counter = store.Read(ExecutionId("counter"));
  EXPECT_EQ(counter ? counter->record : "-1", std::to_string(count - 1));
  return count;
}

TEST(SqliteCrash, WhatWasAckedSurvivesKillNine) {
  const ScratchFolder folder;
  const std::string path = folder.file("store.db");
  Random random(20261122);
  int first = 0;
  for (int round = 0; round < 25; ++round) {
    int acks[2];
    ASSERT_EQ(pipe(acks), 0);
    const pid_t child = fork();
    if (child == 0) {
      close(acks[0]);
      CommitForEver(path, first, acks[1]);
    }
    close(acks[1]);
    // The kill comes after a random number of acks, while others are on their way.
    int last = first - 1;
    for (std::uint64_t left = 1 + random.Below(120); left > 0; --left) {
      int ack = 0;
      ASSERT_EQ(read(acks[0], &ack, sizeof(ack)), static_cast<ssize_t>(sizeof(ack)));
      ASSERT_EQ(ack, last + 1);
      last = ack;
    }
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    for (int ack = 0; read(acks[0], &ack, sizeof(ack)) == sizeof(ack);) last = ack;
    close(acks[0]);

    auto stores = OpenSqlite({.path = path});
    ASSERT_TRUE(stores) << stores.error().ToString();
    const int count = CountWholeBatches(*stores->store);
    ASSERT_GT(count, last) << "round " << round;
    first = count;
  }
}

// Makes an execution with many task runs and log lines and deletes it, and goes on sweeping until it is killed.
[[noreturn]] void DeleteAndSweep(const std::string& path, int acks) {
  auto stores = OpenSqlite({.path = path});
  if (!stores) _exit(1);
  const Epoch epoch = *stores->store->Acquire(0);
  WriteBatch batch{.partition = 0, .epoch = epoch, .executions = {Row("gone"), Row("kept")}};
  for (model::TaskRunIndex run = 0; run < 40'000; ++run) batch.task_runs.push_back({ExecutionId("gone"), run, "run"});
  if (!CommitAndWait(*stores->store, std::move(batch))) _exit(2);
  stores->logs->Append({{ExecutionId("gone"), 0, "task", 1, {}, "INFO", "line"}});
  stores->logs->Flush();
  WriteBatch next{.partition = 0, .epoch = epoch, .executions_deleted = {ExecutionId("gone")}};
  if (!CommitAndWait(*stores->store, std::move(next)) || write(acks, "x", 1) != 1) _exit(3);
  pause();
  _exit(0);
}

std::int64_t CountRows(const std::string& path, const std::string& table) {
  const auto database = Database::Open(path, Database::Mode::kRead);
  auto rows = Statement::Prepare(*database, "SELECT count(*) FROM " + table);
  EXPECT_TRUE(*rows->Step());
  return rows->Integer(0);
}

TEST(SqliteCrash, ADeletionThatWasAckedSurvivesKillNineAndIsSweptLater) {
  Random random(5);
  bool left_something = false;
  for (int round = 0; round < 5; ++round) {
    const ScratchFolder folder;
    const std::string path = folder.file("store.db");
    int acks[2];
    ASSERT_EQ(pipe(acks), 0);
    const pid_t child = fork();
    if (child == 0) DeleteAndSweep(path, acks[1]);
    close(acks[1]);
    char byte = 0;
    ASSERT_EQ(read(acks[0], &byte, 1), 1);
    usleep(static_cast<useconds_t>(random.Below(4'000)));
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    close(acks[0]);
    left_something = left_something || CountRows(path, "task_runs") > 0;
    auto stores = OpenSqlite({.path = path});
    ASSERT_TRUE(stores) << stores.error().ToString();
    EXPECT_FALSE(stores->store->Read(ExecutionId("gone")));
    EXPECT_TRUE(stores->store->Read(ExecutionId("kept")));
    const Epoch epoch = *stores->store->Acquire(0);
    // Between two commits there is time for a step.
    for (int i = 0; i < 1'000 && CountRows(path, "purged") > 0; ++i) {
      ASSERT_TRUE(CommitAndWait(*stores->store, {.partition = 0, .epoch = epoch}));
    }
    for (const char* table : {"purged", "task_runs", "logs"}) EXPECT_EQ(CountRows(path, table), 0) << table;
  }
  EXPECT_TRUE(left_something);
}

// The files of a store as a crash left them: the write-ahead log is not yet folded into the file.
struct CrashedStore {
  ScratchFolder folder;
  std::string path = folder.file("store.db");
  int batches = 0;

  CrashedStore() {
    int ready[2];
    EXPECT_EQ(pipe(ready), 0);
    const pid_t child = fork();
    if (child == 0) {
      auto stores = OpenSqlite({.path = path});
      const Epoch epoch = *stores->store->Acquire(0);
      for (int i = 0; i < 12; ++i) (void)CommitAndWait(*stores->store, BatchOf(epoch, i));
      (void)!write(ready[1], "x", 1);
      pause();
      _exit(0);
    }
    char byte = 0;
    EXPECT_EQ(read(ready[0], &byte, 1), 1);
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    close(ready[0]);
    close(ready[1]);
    batches = 12;
  }
};

TEST(SqliteCrash, ATornLogGivesAPrefix) {
  const CrashedStore crashed;
  const std::uintmax_t size = std::filesystem::file_size(crashed.path + "-wal");
  ASSERT_GT(size, 10'000U);
  Random random(7);
  int previous = crashed.batches;
  std::uintmax_t keep = size;
  for (int round = 0; round < 30 && keep > 0; ++round) {
    const ScratchFolder copy;
    std::filesystem::copy_file(crashed.path, copy.file("store.db"));
    std::filesystem::copy_file(crashed.path + "-wal", copy.file("store.db-wal"));
    std::filesystem::resize_file(copy.file("store.db-wal"), keep);
    auto stores = OpenSqlite({.path = copy.file("store.db")});
    ASSERT_TRUE(stores) << keep << ": " << stores.error().ToString();
    const int count = CountWholeBatches(*stores->store);
    EXPECT_LE(count, previous) << keep;
    EXPECT_TRUE(round > 0 || count == crashed.batches) << count;
    previous = count;
    keep -= std::min<std::uintmax_t>(keep, 1 + random.Below(size / 15));
  }
  EXPECT_LT(previous, crashed.batches);
}

TEST(SqliteCrash, AFlippedByteInTheLogGivesAPrefix) {
  const CrashedStore crashed;
  const std::uintmax_t size = std::filesystem::file_size(crashed.path + "-wal");
  Random random(9);
  for (int round = 0; round < 20; ++round) {
    const ScratchFolder copy;
    std::filesystem::copy_file(crashed.path, copy.file("store.db"));
    std::filesystem::copy_file(crashed.path + "-wal", copy.file("store.db-wal"));
    std::fstream log(copy.file("store.db-wal"), std::ios::in | std::ios::out | std::ios::binary);
    const auto at = static_cast<std::streamoff>(random.Below(size));
    log.seekg(at);
    const char byte = static_cast<char>(log.get());
    log.seekp(at);
    log.put(static_cast<char>(byte ^ 0x10));
    log.close();
    auto stores = OpenSqlite({.path = copy.file("store.db")});
    ASSERT_TRUE(stores) << at << ": " << stores.error().ToString();
    EXPECT_LE(CountWholeBatches(*stores->store), crashed.batches) << at;
  }
}

}  // namespace
}  // namespace headrace::store
