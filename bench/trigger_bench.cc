// The midnight storm: schedules that are all due in one second, what they cost while they wait, and how late the last is.
// trigger_bench [schedules] [memory|sqlite]
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "common/queue/memory_queue.h"
#include "common/store/memory_store.h"
#include "common/store/sqlite_store.h"
#include "executor/program.h"
#include "scheduler/engine.h"

namespace {

using namespace headrace;
using std::chrono::steady_clock;

// Goes as the system's, but can be put forward.
class JumpClock final : public Clock {
 public:
  Timestamp Now() const override { return system_.Now() + Duration(ahead_.load()); }
  Duration Monotonic() const override { return system_.Monotonic(); }
  void JumpTo(Timestamp wall) { ahead_ += (wall - Now()).count(); }

 private:
  SystemClock system_;
  std::atomic<std::int64_t> ahead_{0};
};

[[noreturn]] void Give(const Error& error) {
  std::fprintf(stderr, "trigger_bench: %s\n", error.ToString().c_str());
  std::exit(1);
}

double Seconds(steady_clock::time_point since) { return std::chrono::duration<double>(steady_clock::now() - since).count(); }

std::size_t ResidentMegabytes() {
  std::ifstream status("/proc/self/statm");
  std::size_t pages = 0;
  status >> pages >> pages;
  return pages * 4096 / (1024 * 1024);
}

void Deploy(scheduler::Engine& engine, int count) {
  for (int i = 0; i < count; ++i) {
    const std::string id = std::to_string(i);
    const auto applied = engine.ApplyFlow("id: f" + id + "\nnamespace: bench\ntasks:\n  - {id: one, type: bench.Task}\ntriggers:\n"
                                          "  - {id: night, type: io.kestra.plugin.core.trigger.Schedule, cron: \"0 0 1 1 *\", "
                                          "timezone: UTC}\n", "bench");
    if (!applied) Give(applied.error());
  }
}

std::uint64_t Count(scheduler::Engine& engine) {
  const auto counts = engine.CountExecutions({.ns = "bench"});
  if (!counts) Give(counts.error());
  std::uint64_t total = 0;
  for (const store::FlowCount& one : *counts) total += one.count;
  return total;
}

// How long another submission takes while the storm goes on.
double Probe(scheduler::Engine& engine) {
  const auto begun = steady_clock::now();
  std::promise<void> answered;
  engine.Submit({.ns = "other", .flow_id = "probe"}, [&](const Result<scheduler::SubmitReply>& reply) {
    if (!reply) Give(reply.error());
    answered.set_value();
  });
  answered.get_future().wait();
  return Seconds(begun) * 1000;
}

}  // namespace

int main(int argc, char** argv) {
  const int count = argc > 1 ? std::atoi(argv[1]) : 10'000;
  const bool sqlite = argc > 2 && std::string(argv[2]) == "sqlite";
  const auto folder = std::filesystem::temp_directory_path() / ("trigger_bench-" + std::to_string(getpid()));
  std::filesystem::create_directories(folder);
  JumpClock clock;
  const Timestamp midnight = *ParseInstant("2036-01-01T00:00:00Z");
  clock.JumpTo(midnight - std::chrono::hours(1));
  queue::MemoryQueue exchange;
  auto catalog = std::make_shared<flow::Catalog>();
  model::TaskTypeSpec task;
  task.type = "bench.Task";
  catalog->Add(task);
  scheduler::EngineOptions options;
  options.clock = &clock;
  options.catalog = catalog;
  options.store = store::MakeMemoryStore();
  options.flows = store::MakeMemoryFlowStore();
  options.logs = store::MakeMemoryLogStore();
  if (sqlite) {
    auto stores = store::OpenSqlite({.path = (folder / "bench.db").string()});
    if (!stores) Give(stores.error());
    options.store = std::move(stores->store);
    options.logs = std::move(stores->logs);
  }
  options.workers = exchange.MakeServer();
  auto started = scheduler::Engine::Start(std::move(options));
  if (!started) Give(started.error());
  scheduler::Engine& engine = **started;
  if (auto probe = engine.ApplyFlow("id: probe\nnamespace: other\ntasks:\n  - {id: one, type: bench.Task}\n", "probe"); !probe) Give(probe.error());
  auto begun = steady_clock::now();
  Deploy(engine, count);
  std::printf("%d schedules deployed in %.2f s, %zu MiB resident\n", count, Seconds(begun), ResidentMegabytes());

  clock.JumpTo(midnight);
  begun = steady_clock::now();
  std::vector<double> probes;
  while (Count(engine) < static_cast<std::uint64_t>(count)) probes.push_back(Probe(engine));
  const double took = Seconds(begun);
  std::sort(probes.begin(), probes.end());
  std::printf("%s: %d executions in %.2f s: %.0f a second; the last is %.2f s late\n", sqlite ? "sqlite" : "memory", count, took,
              count / took, took);
  if (!probes.empty()) {
    std::printf("meanwhile %zu other submissions: p50 %.1f ms, p99 %.1f ms\n", probes.size(), probes[probes.size() / 2],
                probes[probes.size() * 99 / 100]);
  }
  started->reset();
  std::filesystem::remove_all(folder);
  return 0;
}
