// Results on disk: kept until they are dropped, handed to the next process when theirs died, damaged ones removed.
#include "worker/spool.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

namespace headrace::worker {
namespace {

namespace fs = std::filesystem;

wire::TaskResult ResultOf(std::uint32_t task_run, std::size_t bytes = 10) {
  return {.key = {ExecutionId("exec"), {task_run, 1, 1}}, .outputs_json = "\"" + std::string(bytes, 'x') + "\"",
          .started = FromMicros(1), .ended = FromMicros(2)};
}

class SpoolTest : public testing::Test {
 protected:
  SpoolTest() { fs::remove_all(folder); }
  ~SpoolTest() override { fs::remove_all(folder); }

  std::unique_ptr<Spool> Open(SpoolLimits limits = {}) {
    auto opened = Spool::Open(folder, limits, [this](wire::TaskResult result) {
      std::lock_guard lock(mutex);
      kept.push_back(std::move(result));
      changed.notify_all();
    });
    EXPECT_TRUE(opened) << opened.error().message;
    return opened ? std::move(*opened) : nullptr;
  }
  void AwaitKept(std::size_t count) {
    std::unique_lock lock(mutex);
    ASSERT_TRUE(changed.wait_for(lock, std::chrono::seconds(60), [&] { return kept.size() >= count; }));
  }
  // Files of results, whosever.
  std::vector<fs::path> Files() const {
    std::vector<fs::path> files;
    for (const auto& entry : fs::recursive_directory_iterator(folder))
      if (entry.is_regular_file() && entry.path().filename() != ".lock") files.push_back(entry.path());
    return files;
  }
  std::set<std::uint32_t> Left(Spool& spool) {
    std::set<std::uint32_t> runs;
    for (const wire::TaskResult& result : spool.TakeLeft()) runs.insert(result.key.fence.task_run);
    return runs;
  }
  // A process that keeps these and is killed before anybody has them.
  void KeepAndDie(std::uint32_t results) {
    const pid_t child = fork();
    if (child == 0) {
      auto spool = Open();
      for (std::uint32_t i = 0; i < results; ++i) spool->Keep(ResultOf(i));
      AwaitKept(results);
      kill(getpid(), SIGKILL);
    }
    int status = 0;
    waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status));
  }

  const std::string folder = (fs::temp_directory_path() / ("headrace-spool-" + std::to_string(getpid()))).string();
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<wire::TaskResult> kept;
};

TEST_F(SpoolTest, WhatWasKeptIsOnDiskUntilItIsDropped) {
  auto spool = Open();
  spool->Keep(ResultOf(1));
  AwaitKept(1);
  EXPECT_EQ(kept[0], ResultOf(1));
  EXPECT_EQ(Files().size(), 1U);
  spool->Drop(ResultOf(1).key);
  spool.reset();
  EXPECT_TRUE(Files().empty());
  // Nothing of it is left but the folder.
  EXPECT_EQ(std::distance(fs::directory_iterator(folder), fs::directory_iterator()), 1);
}

TEST_F(SpoolTest, ResultsOfAKilledProcessAreTheNextOnes) {
  KeepAndDie(3);
  auto spool = Open();
  EXPECT_EQ(Left(*spool), (std::set<std::uint32_t>{0, 1, 2}));
  // Not handed over either: they are the next one's.
  spool.reset();
  spool = Open();
  EXPECT_EQ(Left(*spool), (std::set<std::uint32_t>{0, 1, 2}));
  for (std::uint32_t i = 0; i < 3; ++i) spool->Drop(ResultOf(i).key);
  spool.reset();
  EXPECT_TRUE(Left(*Open()).empty());
}

TEST_F(SpoolTest, ResultsOfALivingProcessStayItsOwn) {
  auto first = Open();
  first->Keep(ResultOf(1));
  AwaitKept(1);
  auto second = Open();
  EXPECT_TRUE(Left(*second).empty());
  EXPECT_EQ(Files().size(), 1U);
}

TEST_F(SpoolTest, TornAndForeignFilesAreRemovedAndTheOthersTaken) {
  auto spool = Open();
  for (std::uint32_t i = 0; i < 4; ++i) {
    spool->Keep(ResultOf(i));
    AwaitKept(i + 1);
  }
  spool.reset();
  auto files = Files();
  ASSERT_EQ(files.size(), 4U);
  std::sort(files.begin(), files.end());
  fs::resize_file(files[0], fs::file_size(files[0]) / 2);
  fs::resize_file(files[1], 0);
  {
    std::fstream flipped(files[2], std::ios::in | std::ios::out | std::ios::binary);
    flipped.seekp(static_cast<std::streamoff>(fs::file_size(files[2])) - 3);
    flipped.put('!');
  }
  const fs::path own = files[3].parent_path();
  std::ofstream(own / "77") << wire::EncodeFromWorker({wire::Draining{}});
  fs::create_symlink("/etc/passwd", own / "78");
  ASSERT_EQ(mkfifo((own / "79").c_str(), 0600), 0);
  spool = Open();
  EXPECT_EQ(Left(*spool), std::set<std::uint32_t>{3});
  EXPECT_EQ(Files().size(), 1U);
  EXPECT_FALSE(fs::exists(own));
}

// Every cut of a file gives its results or none.
TEST_F(SpoolTest, AFileCutAnywhereIsWholeOrGone) {
  const std::string whole = wire::EncodeFromWorker({ResultOf(1)});
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    fs::create_directories(folder + "/spool-aaaaaa");
    fs::permissions(folder, fs::perms::owner_all);
    std::ofstream(folder + "/spool-aaaaaa/0", std::ios::binary) << whole.substr(0, size);
    auto spool = Open();
    const auto left = Left(*spool);
    ASSERT_EQ(left.size(), size == whole.size() ? 1U : 0U) << size;
    for (const std::uint32_t run : left) spool->Drop(ResultOf(run).key);
  }
}

TEST_F(SpoolTest, ManyShareFilesAndEachIsDroppedOnItsOwn) {
  auto spool = Open();
  for (std::uint32_t i = 0; i < 1000; ++i) spool->Keep(ResultOf(i));
  AwaitKept(1000);
  for (std::uint32_t i = 0; i < 1000; ++i)
    if (i % 7 != 0) spool->Drop(ResultOf(i).key);
  spool.reset();
  spool = Open();
  // What shares a file with one that is not dropped may come again: whoever is told says that it is stale.
  const auto left = Left(*spool);
  for (std::uint32_t i = 0; i < 1000; i += 7) EXPECT_TRUE(left.contains(i)) << i;
}

TEST_F(SpoolTest, BeyondItsLimitsResultsAreReportedWithoutIt) {
  auto spool = Open({.results = 2, .bytes = 10'000});
  for (std::uint32_t i = 0; i < 3; ++i) {
    spool->Keep(ResultOf(i));
    AwaitKept(i + 1);
  }
  EXPECT_EQ(Files().size(), 2U);
  spool->Drop(ResultOf(0).key);
  spool->Keep(ResultOf(4, 20'000));
  AwaitKept(4);
  spool->Keep(ResultOf(5));
  AwaitKept(5);
  spool.reset();
  EXPECT_EQ(Left(*Open()), (std::set<std::uint32_t>{1, 5}));
}

TEST_F(SpoolTest, AFolderThatOthersCanWriteIsRefusedWithTheRemedy) {
  fs::create_directories(folder);
  fs::permissions(folder, fs::perms::all);
  const auto opened = Spool::Open(folder, {}, [](wire::TaskResult) {});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::kPermissionDenied);
  EXPECT_NE(opened.error().message.find("--work-dir"), std::string::npos);
}

}  // namespace
}  // namespace headrace::worker
