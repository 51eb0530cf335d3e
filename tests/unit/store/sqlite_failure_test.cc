#include <fcntl.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <future>

#include "tests/unit/store/stores.h"

namespace headrace::store {
namespace {

bool Contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

class SqliteFailure : public testing::Test {
 protected:
  Result<SqliteStores> Open() { return OpenSqlite({.path = path_}); }
  // The error of opening, checked to name the file.
  Error OpenError() {
    auto stores = Open();
    EXPECT_FALSE(stores);
    if (stores) return {};
    EXPECT_TRUE(Contains(stores.error().message, path_)) << stores.error().message;
    return stores.error();
  }
  void Sql(const char* sql) {
    sqlite3* handle = nullptr;
    ASSERT_EQ(sqlite3_open(path_.c_str(), &handle), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(handle, sql, nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(handle);
    sqlite3_close(handle);
  }

  ScratchFolder folder_;
  const std::string path_ = folder_.file("store.db");
};

TEST_F(SqliteFailure, ASecondOwnerIsToldWhoHoldsTheFile) {
  const auto first = Open();
  ASSERT_TRUE(first);
  const Error error = OpenError();
  EXPECT_EQ(error.code, Code::kFailedPrecondition);
  EXPECT_TRUE(Contains(error.message, "process " + std::to_string(getpid()))) << error.message;
  EXPECT_TRUE(Contains(error.message, "stop it first")) << error.message;
}

TEST_F(SqliteFailure, TheLockEndsWithTheStores) {
  {
    auto first = Open();
    ASSERT_TRUE(first);
    first->store.reset();
    first->logs.reset();
    EXPECT_FALSE(Open());
  }
  EXPECT_TRUE(Open());
}

TEST_F(SqliteFailure, AMissingFolderIsNamed) {
  const auto stores = OpenSqlite({.path = folder_.file("nowhere/store.db")});
  ASSERT_FALSE(stores);
  EXPECT_EQ(stores.error().code, Code::kFailedPrecondition);
  EXPECT_TRUE(Contains(stores.error().message, "nowhere/store.db")) << stores.error().message;
  EXPECT_TRUE(Contains(stores.error().message, "folder must exist")) << stores.error().message;
}

TEST_F(SqliteFailure, ATextFileIsNoStore) {
  std::ofstream(path_) << std::string(5000, 'x');
  const Error error = OpenError();
  EXPECT_EQ(error.code, Code::kDataLoss);
  EXPECT_TRUE(Contains(error.message, "backup")) << error.message;
}

TEST_F(SqliteFailure, AnotherProgramsDatabaseIsLeftAlone) {
  Sql("CREATE TABLE theirs(x); INSERT INTO theirs VALUES(1)");
  const Error error = OpenError();
  EXPECT_EQ(error.code, Code::kFailedPrecondition);
  EXPECT_TRUE(Contains(error.message, "another program")) << error.message;
}

TEST_F(SqliteFailure, ANewerSchemaIsRefused) {
  ASSERT_TRUE(Open());
  Sql("PRAGMA user_version = 99");
  const Error error = OpenError();
  EXPECT_EQ(error.code, Code::kFailedPrecondition);
  EXPECT_TRUE(Contains(error.message, "version 99")) << error.message;
}

TEST_F(SqliteFailure, ADamagedFileIsDataLoss) {
  {
    auto stores = Open();
    ASSERT_TRUE(stores);
    const Epoch epoch = *stores->store->Acquire(0);
    for (int i = 0; i < 200; ++i) {
      WriteBatch batch{.partition = 0, .epoch = epoch, .executions = {Row("e" + std::to_string(i))}};
      ASSERT_TRUE(CommitAndWait(*stores->store, batch));
    }
  }
  std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(0, std::ios::end);
  const auto size = file.tellp();
  for (std::streamoff at = 4096; at < size; at += 4096) {
    file.seekp(at);
    file << std::string(64, '\xee');
  }
  file.close();
  auto stores = Open();
  Error error;
  if (!stores) {
    error = stores.error();
  } else {
    const auto stored = stores->store->Read(ExecutionId("e1"));
    ASSERT_FALSE(stored);
    error = stored.error();
  }
  EXPECT_EQ(error.code, Code::kDataLoss) << error.message;
  EXPECT_TRUE(Contains(error.message, ".recover")) << error.message;
}

// What a child process saw, by its exit code.
int RunInChild(const std::function<int()>& body) {
  const pid_t child = fork();
  if (child == 0) _exit(body());
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

WriteBatch Fat(Epoch epoch, int i) {
  WriteBatch batch{.partition = 0, .epoch = epoch, .executions = {Row("e" + std::to_string(i))}};
  batch.executions[0].record = std::string(20'000, static_cast<char>('a' + i % 26));
  return batch;
}

// A limit on the size of files stands for the end of a disk: writing fails in the same place.
int FillTheDisk(const std::string& path, int* committed) {
  auto stores = OpenSqlite({.path = path});
  if (!stores) return 10;
  const Epoch epoch = *stores->store->Acquire(0);
  std::signal(SIGXFSZ, SIG_IGN);
  const rlimit limit{1'000'000, 1'000'000};
  setrlimit(RLIMIT_FSIZE, &limit);
  for (int i = 0; i < 200; ++i) {
    const Status status = CommitAndWait(*stores->store, Fat(epoch, i));
    if (status) {
      ++*committed;
      continue;
    }
    if (status.error().code != Code::kUnavailable) return 11;
    if (!Contains(status.error().message, "free space and restart")) return 12;
    // From now on nothing is written, however small; reading goes on.
    const Status later = CommitAndWait(*stores->store, {.partition = 0, .epoch = epoch});
    if (later || later.error().code != Code::kUnavailable) return 13;
    if (stores->store->Acquire(0)) return 14;
    if (stores->flows->Put({.ns = "a", .id = "f", .digest = "d", .source = "s"})) return 15;
    stores->logs->Append({{ExecutionId("e0"), {}, "", 0, {}, "INFO", "dropped"}});
    stores->logs->Flush();
    if (!stores->store->Read(ExecutionId("e0"))) return 16;
    return 0;
  }
  return 17;
}

TEST_F(SqliteFailure, AFullDiskMakesTheStoreReadOnlyAndLosesNothing) {
  int report[2];
  ASSERT_EQ(pipe(report), 0);
  const int exit_code = RunInChild([&] {
    int committed = 0;
    const int code = FillTheDisk(path_, &committed);
    return write(report[1], &committed, sizeof(committed)) == sizeof(committed) ? code : 20;
  });
  EXPECT_EQ(exit_code, 0);
  int committed = 0;
  ASSERT_EQ(read(report[0], &committed, sizeof(committed)), static_cast<ssize_t>(sizeof(committed)));
  close(report[0]);
  close(report[1]);
  EXPECT_GT(committed, 5);
  auto stores = Open();
  ASSERT_TRUE(stores) << stores.error().ToString();
  for (int i = 0; i < committed; ++i) {
    const auto stored = stores->store->Read(ExecutionId("e" + std::to_string(i)));
    ASSERT_TRUE(stored) << i;
    EXPECT_EQ(stored->record.size(), 20'000U);
  }
  EXPECT_FALSE(stores->store->Read(ExecutionId("e" + std::to_string(committed))));
  EXPECT_TRUE(CommitAndWait(*stores->store, Fat(*stores->store->Acquire(0), committed)));
}

TEST_F(SqliteFailure, DestroyingTheStoreWaitsForItsAnswers) {
  auto stores = Open();
  ASSERT_TRUE(stores);
  const Epoch epoch = *stores->store->Acquire(0);
  int answered = 0;
  for (int i = 0; i < 100; ++i) {
    stores->store->Commit(Fat(epoch, i), [&](Status status) {
      EXPECT_TRUE(status);
      ++answered;
    });
  }
  stores->store.reset();
  EXPECT_EQ(answered, 100);
  EXPECT_TRUE(stores->flows->Put({.ns = "a", .id = "f", .digest = "d", .source = "s"}));
}

TEST_F(SqliteFailure, ExpiredRequestsAreForgottenOnTheWay) {
  ManualClock clock;
  auto stores = OpenSqlite({.path = path_, .durability = Durability::kNormal, .clock = &clock});
  ASSERT_TRUE(stores);
  const Epoch epoch = *stores->store->Acquire(0);
  const auto put = [&](const std::string& prefix, int count) {
    WriteBatch batch{.partition = 0, .epoch = epoch};
    for (int i = 0; i < count; ++i) {
      batch.requests.push_back({prefix + std::to_string(i), "d", ExecutionId("e"), clock.Now() + std::chrono::hours(1)});
    }
    ASSERT_TRUE(CommitAndWait(*stores->store, batch));
  };
  put("a", 1'200);
  clock.Advance(std::chrono::hours(2));
  put("b", 3'000);
  EXPECT_TRUE(*stores->store->FindRequest("b7"));
  stores = {};
  sqlite3* handle = nullptr;
  ASSERT_EQ(sqlite3_open(path_.c_str(), &handle), SQLITE_OK);
  std::string count;
  sqlite3_exec(
      handle, "SELECT count(*) FROM requests",
      [](void* out, int, char** values, char**) {
        *static_cast<std::string*>(out) = values[0];
        return 0;
      },
      &count, nullptr);
  sqlite3_close(handle);
  EXPECT_EQ(count, "3000");
}

}  // namespace
}  // namespace headrace::store
