// How many rows a second the SQLite store takes, by batch size; and a calibration: fdatasync of a small append.
// Usage: store_bench [FOLDER [PART_OF_A_NAME]]. Rows are an execution record of 250 bytes or a task-run record of 200.
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <filesystem>
#include <mutex>

#include "common/base/random.h"
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

class Bench {
 public:
  Bench(const std::string& folder, Durability durability) : path_(folder + "/bench.db") {
    Remove();
    auto stores = OpenSqlite({.path = path_, .durability = durability});
    if (!stores) {
      std::fprintf(stderr, "%s\n", stores.error().ToString().c_str());
      std::exit(1);
    }
    stores_ = std::move(*stores);
    epoch_ = *stores_.store->Acquire(0);
  }
  ~Bench() {
    stores_ = {};
    Remove();
  }

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
  void Remove() const {
    for (const char* suffix : {"", "-wal", "-shm", ".lock"}) std::filesystem::remove(path_ + suffix);
  }
  ExecutionRow NewExecution(bool active) {
    const Timestamp now = FromMicros(1'800'000'000'000'000 + 100 * ++count_);
    ExecutionRow row{.id = NewExecutionId(now, random_), .ns = "company.team", .flow_id = "noop",
                     .state = model::State::kRunning, .created = now, .active = active, .record = execution_record_};
    last_ = row.id;
    return row;
  }
  void Commit(WriteBatch batch, Window& window) {
    window.Enter();
    stores_.store->Commit(std::move(batch), [&window](Status status) {
      if (!status) {
        std::fprintf(stderr, "%s\n", status.error().ToString().c_str());
        std::exit(1);
      }
      window.Leave();
    });
  }

  const std::string path_;
  const std::string execution_record_ = std::string(250, 'e');
  const std::string task_record_ = std::string(200, 't');
  SqliteStores stores_;
  Epoch epoch_ = 0;
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

// Runs `measure(bench)` on a fresh store, unless the name is not wanted.
template <typename Measure>
void Report(const Choice& choice, Durability durability, const std::string& what, const char* unit, Measure measure) {
  const std::string name = std::string(durability == Durability::kFull ? "FULL " : "NORMAL ") + what;
  if (name.find(choice.name_part) == std::string::npos) return;
  Bench bench(choice.folder, durability);
  double best = 0;
  double least = 1e18;
  double total = 0;
  const double cpu = CpuSeconds();
  const Wall::time_point start = Wall::now();
  for (int round = 0; round < kRounds; ++round) {
    const double rate = measure(bench);
    best = std::max(best, rate);
    least = std::min(least, rate);
    total += rate / kRounds;
  }
  const double cores = (CpuSeconds() - cpu) / Seconds(Wall::now() - start);
  std::printf("%-52s %9.0f to %9.0f %s/s, %6.2f us of CPU a %s\n", name.c_str(), least, best, unit, cores / total * 1e6, unit);
  std::fflush(stdout);
}

void Run(const Choice& choice) {
  std::printf("fdatasync of a 200-byte append: %.0f us\n", SyncMicros(choice.folder));
  for (const Durability durability : {Durability::kFull, Durability::kNormal}) {
    for (const int rows : {1, 10, 100, 1000}) {
      for (const int in_flight : {1, 32}) {
        Report(choice, durability, "insert " + std::to_string(rows) + " rows a batch, " + std::to_string(in_flight) + " in flight",
               "row", [&](Bench& bench) { return bench.Inserts(rows, in_flight); });
      }
    }
    for (const int executions : {10, 100, 1000}) {
      Report(choice, durability, "lives, " + std::to_string(executions) + " executions a tick, 4 in flight", "execution",
             [&](Bench& bench) { return bench.Lives(executions, 3, 4); });
    }
  }
}

}  // namespace
}  // namespace headrace::store

int main(int argc, char** argv) {
  headrace::store::Run({argc > 1 ? argv[1] : ".", argc > 2 ? argv[2] : ""});
  return 0;
}
