// How many rows a second the stores take, by batch size: SQLite, and Redis on a redis-server of the benchmark's own; and a
// calibration: fdatasync of a small append.
// Usage: store_bench [FOLDER [PART_OF_A_NAME]]. Rows are an execution record of 250 bytes or a task-run record of 200.
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <mutex>

#include "bench/redis_process.h"
#include "common/base/random.h"
#include "common/store/redis_store.h"
#include "common/store/sqlite_store.h"

namespace headrace::store {
namespace {

using Wall = std::chrono::steady_clock;
constexpr int kRounds = 3;
constexpr double kSecondsARound = 1.0;

struct Choice {
  std::string folder;
  std::string name_part;
};

double Seconds(Wall::duration span) { return std::chrono::duration<double>(span).count(); }

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) { return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec); };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// At most so many commits unanswered, as a partition's pipeline keeps it.
class Window {
 public:
  explicit Window(int most) : most_(most) {}
  void Enter() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return inside_ < most_; });
    ++inside_;
  }
  void Leave() {
    std::lock_guard lock(mutex_);
    --inside_;
    changed_.notify_one();
  }
  void WaitUntilEmpty() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return inside_ == 0; });
  }

 private:
  const int most_;
  std::mutex mutex_;
  std::condition_variable changed_;
  int inside_ = 0;
};

// A store that was opened for a measurement, and what must outlive it.
class Opened {
 public:
  virtual ~Opened() = default;
  virtual Store& store() = 0;
  // Of other processes that work for it.
  virtual double CpuSeconds() const { return 0; }
};

struct Backend {
  std::string name;
  std::function<std::unique_ptr<Opened>(const std::string& folder)> open;
};

template <typename T>
T OrExit(Result<T> result) {
  if (result) return std::move(*result);
  std::fprintf(stderr, "%s\n", result.error().ToString().c_str());
  std::exit(1);
}

class OnSqlite final : public Opened {
 public:
  OnSqlite(const std::string& folder, Durability durability) : path_(folder + "/bench.db") {
    Remove();
    stores_ = OrExit(OpenSqlite({.path = path_, .durability = durability}));
  }
  ~OnSqlite() override {
    stores_ = {};
    Remove();
  }
  Store& store() override { return *stores_.store; }

 private:
  void Remove() const {
    for (const char* suffix : {"", "-wal", "-shm", ".lock"}) std::filesystem::remove(path_ + suffix);
  }
  const std::string path_;
  SqliteStores stores_;
};

class OnRedis final : public Opened {
 public:
  OnRedis(const std::string& folder, const std::vector<std::string>& settings, RedisDurability durability) : process_(folder, settings) {
    stores_ = OrExit(OpenRedis({.url = process_.url(), .durability = durability}));
  }
  Store& store() override { return *stores_.store; }
  double CpuSeconds() const override { return process_.CpuSeconds(); }

 private:
  RedisProcess process_;
  RedisStores stores_;
};

std::vector<Backend> Backends() {
  const auto sqlite = [](Durability durability) {
    return [durability](const std::string& folder) { return std::make_unique<OnSqlite>(folder, durability); };
  };
  const auto redis = [](std::vector<std::string> settings, RedisDurability durability) {
    settings.insert(settings.end(), {"--maxmemory", "8gb"});
    return [=](const std::string& folder) { return std::make_unique<OnRedis>(folder, settings, durability); };
  };
  return {{"FULL", sqlite(Durability::kFull)},
          {"NORMAL", sqlite(Durability::kNormal)},
          {"REDIS always", redis({"--appendonly", "yes", "--appendfsync", "always"}, RedisDurability::kLocal)},
          {"REDIS everysec", redis({"--appendonly", "yes", "--appendfsync", "everysec"}, RedisDurability::kLocal)},
          {"REDIS memory", redis({}, RedisDurability::kMemory)}};
}

class Bench {
 public:
  explicit Bench(Store& store) : store_(store), epoch_(OrExit(store.Acquire(0))) {}

  // New rows, an execution and its task run in turns; answers rows a second.
  double Inserts(int rows_a_batch, int in_flight) {
    Window window(in_flight);
    const Wall::time_point start = Wall::now();
    std::size_t rows = 0;
    while (Seconds(Wall::now() - start) < kSecondsARound) {
      WriteBatch batch{.partition = 0, .epoch = epoch_};
      for (int i = 0; i < rows_a_batch; ++i, ++rows) {
        if (rows % 2 == 0) batch.executions.push_back(NewExecution(true));
        else batch.task_runs.push_back({last_, 0, task_record_});
      }
      Commit(std::move(batch), window);
    }
    window.WaitUntilEmpty();
    return static_cast<double>(rows) / Seconds(Wall::now() - start);
  }

  // Whole lives: created; started; ended; `ticks_apart` commits between them. Answers executions a second.
  double Lives(int executions_a_tick, int ticks_apart, int in_flight) {
    Window window(in_flight);
    std::vector<std::vector<ExecutionRow>> born;
    std::size_t ended = 0;
    const Wall::time_point start = Wall::now();
    for (std::size_t tick = 0; Seconds(Wall::now() - start) < kSecondsARound; ++tick) {
      WriteBatch batch{.partition = 0, .epoch = epoch_};
      auto& now = born.emplace_back();
      for (int i = 0; i < executions_a_tick; ++i) {
        now.push_back(NewExecution(true));
        batch.executions.push_back(now.back());
        batch.task_runs.push_back({now.back().id, 0, task_record_});
      }
      const auto apart = static_cast<std::size_t>(ticks_apart);
      if (tick >= apart) {
        for (const ExecutionRow& row : born[tick - apart]) batch.task_runs.push_back({row.id, 0, task_record_});
      }
      if (tick >= 2 * apart) {
        for (ExecutionRow& row : born[tick - 2 * apart]) {
          row.state = model::State::kSuccess;
          row.active = false;
          batch.task_runs.push_back({row.id, 0, task_record_});
          batch.executions.push_back(std::move(row));
          ++ended;
        }
      }
      Commit(std::move(batch), window);
    }
    window.WaitUntilEmpty();
    return static_cast<double>(ended) / Seconds(Wall::now() - start);
  }

 private:
  ExecutionRow NewExecution(bool active) {
    const Timestamp now = FromMicros(1'800'000'000'000'000 + 100 * ++count_);
    ExecutionRow row{.id = NewExecutionId(now, random_, 0), .ns = "company.team", .flow_id = "noop",
                     .state = model::State::kRunning, .created = now, .active = active, .record = execution_record_};
    last_ = row.id;
    return row;
  }
  void Commit(WriteBatch batch, Window& window) {
    window.Enter();
    store_.Commit(std::move(batch), [&window](Status status) {
      if (!status) {
        std::fprintf(stderr, "%s\n", status.error().ToString().c_str());
        std::exit(1);
      }
      window.Leave();
    });
  }

  Store& store_;
  const std::string execution_record_ = std::string(250, 'e');
  const std::string task_record_ = std::string(200, 't');
  const Epoch epoch_;
  Random random_{1};
  std::int64_t count_ = 0;
  ExecutionId last_;
};

double SyncMicros(const std::string& folder) {
  const std::string path = folder + "/calibration";
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600);
  const std::string bytes(200, 'x');
  const Wall::time_point start = Wall::now();
  constexpr int kSyncs = 500;
  for (int i = 0; i < kSyncs; ++i) {
    if (write(file, bytes.data(), bytes.size()) < 0 || fdatasync(file) != 0) return 0;
  }
  const double micros = Seconds(Wall::now() - start) * 1e6 / kSyncs;
  close(file);
  std::filesystem::remove(path);
  return micros;
}

// Runs `measure(bench)` on a fresh store, unless the name is not wanted. Processor time is that of both ends.
template <typename Measure>
void Report(const Choice& choice, const Backend& backend, const std::string& what, const char* unit, Measure measure) {
  const std::string name = backend.name + " " + what;
  if (name.find(choice.name_part) == std::string::npos) return;
  const std::unique_ptr<Opened> opened = backend.open(choice.folder);
  Bench bench(opened->store());
  double best = 0;
  double least = 1e18;
  double total = 0;
  const double cpu = CpuSeconds();
  const double cpu_there = opened->CpuSeconds();
  const Wall::time_point start = Wall::now();
  for (int round = 0; round < kRounds; ++round) {
    const double rate = measure(bench);
    best = std::max(best, rate);
    least = std::min(least, rate);
    total += rate / kRounds;
  }
  const double wall = Seconds(Wall::now() - start);
  const double here = (CpuSeconds() - cpu) / wall / total * 1e6;
  const double there = (opened->CpuSeconds() - cpu_there) / wall / total * 1e6;
  std::printf("%-60s %9.0f to %9.0f %s/s, %6.2f + %6.2f us of CPU a %s\n", name.c_str(), least, best, unit, here, there, unit);
  std::fflush(stdout);
}

void Run(const Choice& choice) {
  std::printf("fdatasync of a 200-byte append: %.0f us\n", SyncMicros(choice.folder));
  for (const Backend& backend : Backends()) {
    for (const int rows : {1, 10, 100, 1000}) {
      for (const int in_flight : {1, 32}) {
        Report(choice, backend, "insert " + std::to_string(rows) + " rows a batch, " + std::to_string(in_flight) + " in flight",
               "row", [&](Bench& bench) { return bench.Inserts(rows, in_flight); });
      }
    }
    for (const int executions : {1, 10, 100, 1000}) {
      Report(choice, backend, "lives, " + std::to_string(executions) + " executions a tick, 4 in flight", "execution",
             [&](Bench& bench) { return bench.Lives(executions, 3, 4); });
    }
    Report(choice, backend, "lives, 1 execution a tick, 256 in flight", "execution", [&](Bench& bench) { return bench.Lives(1, 3, 256); });
  }
}

}  // namespace
}  // namespace headrace::store

int main(int argc, char** argv) {
  headrace::store::Run({argc > 1 ? argv[1] : ".", argc > 2 ? argv[2] : ""});
  return 0;
}
