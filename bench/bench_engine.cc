// bench_engine: what the engine does beside the limits of the machine, measured in the same run.
// One process holds the engine on the embedded store and one worker, joined by ZeroMQ on loopback or by memory.
// Completion is confirmed by reading the stored state. Prints one line a figure; the median of --rounds with minimum and maximum.
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>

#include "common/queue/memory_queue.h"
#include "common/queue/zmq_queue.h"
#include "common/store/memory_store.h"
#include "common/store/redis_store.h"
#include "common/store/sqlite_store.h"
#include "executor/program.h"
#include "scheduler/engine.h"
#include "worker/loop.h"

namespace headrace {
namespace {

using Steady = std::chrono::steady_clock;
double SecondsSince(Steady::time_point start) { return std::chrono::duration<double>(Steady::now() - start).count(); }

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](timeval t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6; };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

long ResidentKb() {
  long pages = 0;
  long resident = 0;
  if (std::FILE* file = std::fopen("/proc/self/statm", "r")) {
    if (std::fscanf(file, "%ld %ld", &pages, &resident) != 2) resident = 0;
    std::fclose(file);
  }
  return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

struct House {
  House(const std::filesystem::path& folder, bool zmq, bool durable, const std::string& redis) : folder_(folder) {
    std::filesystem::create_directories(folder);
    auto catalog = std::make_shared<flow::Catalog>();
    for (auto& spec : executor::TaskTypeSpecs()) catalog->Add(std::move(spec));
    for (auto& type : worker::BuiltInTasks()) catalog->Add(std::move(type.spec));
    scheduler::EngineOptions options;
    options.clock = &clock_;
    options.catalog = catalog;
    if (!redis.empty()) {
      auto stores = store::OpenRedis({.url = redis});
      if (!stores) Give(stores.error());
      options.store = std::move(stores->store);
      options.flows = std::move(stores->flows);
      options.logs = std::move(stores->logs);
    } else if (durable) {
      auto stores = store::OpenSqlite({.path = (folder / "bench.db").string()});
      if (!stores) Give(stores.error());
      options.store = std::move(stores->store);
      options.flows = std::move(stores->flows);
      options.logs = std::move(stores->logs);
    } else {
      options.store = store::MakeMemoryStore();
      options.flows = store::MakeMemoryFlowStore();
      options.logs = store::MakeMemoryLogStore();
    }
    std::unique_ptr<queue::ClientQueue> client;
    if (zmq) {
      auto server = queue::BindZmq("tcp://127.0.0.1:0");
      if (!server) Give(server.error());
      auto joined = queue::ConnectZmq((*server)->endpoint());
      if (!joined) Give(joined.error());
      client = std::move(*joined);
      options.workers = std::move(*server);
    } else {
      options.workers = memory_.MakeServer();
      client = memory_.MakeClient();
    }
    auto supervisor = worker::Supervisor::Start();
    if (!supervisor) Give(supervisor.error());
    supervisor_ = std::move(*supervisor);
    auto started = scheduler::Engine::Start(std::move(options));
    if (!started) Give(started.error());
    engine = std::move(*started);
    worker::WorkerOptions worker_options;
    worker_options.id = WorkerId("bench");
    worker_options.slots = 8;
    worker_options.prefetch = 1024;
    worker_options.tmp_dir = (folder / "tmp").string();
    auto loop = worker::WorkerLoop::Open(worker_options, registry_, *supervisor_, std::move(client), clock_);
    if (!loop) Give(loop.error());
    loop_ = std::move(*loop);
    thread_ = std::thread([this] { (void)loop_->Run(); });
  }

  ~House() {
    loop_->Stop();
    thread_.join();
    engine.reset();
    loop_.reset();
    std::filesystem::remove_all(folder_);
  }

  [[noreturn]] static void Give(const Error& error) {
    std::fprintf(stderr, "bench_engine: %s\n", error.ToString().c_str());
    std::exit(1);
  }

  void Apply(const std::string& yaml) {
    if (auto applied = engine->ApplyFlow(yaml, "bench"); !applied) Give(applied.error());
  }

  // Submits `count` executions; those that the engine has not answered yet are at most `in_flight`.
  std::vector<ExecutionId> Submit(const std::string& flow, int count, int in_flight) {
    std::mutex mutex;
    std::condition_variable changed;
    std::vector<ExecutionId> ids;
    int open = 0;
    for (int i = 0; i < count; ++i) {
      {
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return open < in_flight; });
        ++open;
      }
      engine->Submit({.ns = "bench", .flow_id = flow}, [&](Result<scheduler::SubmitReply> reply) {
        if (!reply) Give(reply.error());
        std::lock_guard lock(mutex);
        ids.push_back(reply->id);
        --open;
        changed.notify_one();
      });
    }
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return open == 0; });
    return ids;
  }

  // Submits `count` executions and waits until all have ended and say SUCCESS in the store.
  void RunToEnd(const std::string& flow, int count, int in_flight) {
    for (const ExecutionId& id : Submit(flow, count, in_flight)) WaitFor(id);
  }

  // Submits executions of the flow "parked" and waits until they are.
  void Park(int count) {
    Submit("parked", count, 256);
    while (true) {
      const auto busy = engine->ListExecutions(
          {.flow_id = "parked", .states = {model::State::kRunning, model::State::kCreated}, .limit = 1});
      if (busy && busy->executions.empty()) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }

  void WaitFor(const ExecutionId& id) {
    std::mutex mutex;
    std::condition_variable changed;
    bool news = false;
    auto watched = engine->Watch(id, 0, [&] {
      std::lock_guard lock(mutex);
      news = true;
      changed.notify_one();
    });
    if (!watched) Give(watched.error());
    while (true) {
      auto update = (*watched)->Next();
      if (!update) Give(update.error());
      if (!*update) {
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return std::exchange(news, false); });
        continue;
      }
      const model::State state = (*update)->execution.state.current();
      if (!model::IsTerminal(state)) continue;
      if (state != model::State::kSuccess) Give({Code::kInternal, "an execution ended " + std::string(StateName(state))});
      break;
    }
  }

  std::unique_ptr<scheduler::Engine> engine;

 private:
  const std::filesystem::path folder_;
  const SystemClock clock_;
  queue::MemoryQueue memory_;
  const worker::Registry registry_ = worker::BuiltInRegistry();
  std::unique_ptr<worker::Supervisor> supervisor_;
  std::unique_ptr<worker::WorkerLoop> loop_;
  std::thread thread_;
};

constexpr const char* kReturn = "io.kestra.plugin.core.debug.Return";

std::string FlowHead(const std::string& id) { return "id: " + id + "\nnamespace: bench\ntasks:\n"; }

std::string Chain(const std::string& id, int tasks) {
  std::string yaml = FlowHead(id);
  for (int i = 0; i < tasks; ++i) {
    yaml += "  - {id: t" + std::to_string(i) + ", type: " + kReturn + ", format: \"{{ execution.id }}\"}\n";
  }
  return yaml;
}

std::string FanOut(int width) {
  std::string yaml = FlowHead("fan") + "  - id: all\n    type: io.kestra.plugin.core.flow.Parallel\n    tasks:\n";
  for (int i = 0; i < width; ++i) {
    yaml += "      - {id: t" + std::to_string(i) + ", type: " + kReturn + ", format: \"{{ execution.id }}\"}\n";
  }
  return yaml;
}

std::string Each(int items) {
  return FlowHead("each" + std::to_string(items)) +
         "  - id: all\n    type: io.kestra.plugin.core.flow.ForEach\n    concurrencyLimit: 64\n    values: \"{{ range(1, " +
         std::to_string(items) + ") }}\"\n    tasks:\n      - {id: t, type: " + kReturn + ", format: \"{{ taskrun.value }}\"}\n";
}

std::string Parked() {
  return FlowHead("parked") +
         "  - id: loop\n    type: io.kestra.plugin.core.flow.LoopUntil\n    condition: \"{{ outputs.look.value == 'done' }}\"\n"
         "    checkFrequency: {interval: PT1H}\n    tasks:\n      - {id: look, type: " + std::string(kReturn) +
         ", format: waiting}\n";
}

void Report(const char* what, std::vector<double> values, const char* unit) {
  std::sort(values.begin(), values.end());
  std::printf("%-58s %12.3f %s   (%.3f to %.3f)\n", what, values[values.size() / 2], unit, values.front(), values.back());
  std::fflush(stdout);
}

std::vector<double> Rounds(int rounds, const std::function<double()>& once) {
  std::vector<double> values;
  for (int i = 0; i < rounds; ++i) values.push_back(once());
  return values;
}

// ---- limits of the machine ----

double FsyncMicros(const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  const int file = open((folder / "fsync").c_str(), O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
  char block[512] = {};
  const auto start = Steady::now();
  constexpr int kTimes = 200;
  for (int i = 0; i < kTimes; ++i) {
    if (write(file, block, sizeof block) != static_cast<ssize_t>(sizeof block) || fdatasync(file) != 0) std::exit(1);
  }
  close(file);
  return SecondsSince(start) / kTimes * 1e6;
}

double ZmqRoundTripMicros() {
  auto server = queue::BindZmq("tcp://127.0.0.1:0");
  if (!server) House::Give(server.error());
  auto client = queue::ConnectZmq((*server)->endpoint());
  if (!client) House::Give(client.error());
  std::atomic<bool> stop{false};
  std::thread echo([&] {
    std::vector<queue::Frame> frames;
    while (!stop) {
      frames.clear();
      (*server)->Receive(frames, 16, std::chrono::milliseconds(50));
      for (auto& frame : frames) (void)(*server)->Send(frame.peer, std::move(frame.bytes));
    }
  });
  std::vector<std::string> got;
  while (!(*client)->Send("x")) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  (*client)->Receive(got, 1, std::chrono::seconds(5));
  constexpr int kTimes = 1000;
  const auto start = Steady::now();
  for (int i = 0; i < kTimes; ++i) {
    (void)(*client)->Send(std::string(200, 'x'));
    got.clear();
    (*client)->Receive(got, 1, std::chrono::seconds(5));
  }
  const double micros = SecondsSince(start) / kTimes * 1e6;
  stop = true;
  echo.join();
  return micros;
}

struct Arguments {
  int rounds = 3;
  bool zmq = true;
  bool durable = true;
  bool quick = false;
  bool only_parked = false;
  std::string redis{};  // its address: the store instead of SQLite
  std::string folder = "build/bench";
};

// What 10,000 parked executions add to a process that has warmed up: its code is paged in and its store's cache is full.
void MeasureParked(const Arguments& arguments) {
  House house(std::filesystem::path(arguments.folder) / "parked", arguments.zmq, arguments.durable, arguments.redis);
  house.Apply(Parked());
  constexpr int kParked = 10000;
  for (const bool warm : {false, true}) {
    const long before = ResidentKb();
    house.Park(kParked);
    std::printf("%-58s %12.0f B each\n",
                warm ? "10000 more executions parked in LoopUntil, resident memory"
                     : "10000 executions parked in LoopUntil, from the start",
                static_cast<double>(ResidentKb() - before) * 1024 / kParked);
  }
}

void Measure(const Arguments& arguments) {
  const std::filesystem::path base = arguments.folder;
  std::filesystem::remove_all(base);
  std::printf("store: %s; queue: %s; rounds: %d\n\n", !arguments.redis.empty() ? "Redis" : arguments.durable ? "SQLite, acked after fsync" : "memory",
              arguments.zmq ? "ZeroMQ on loopback" : "memory", arguments.rounds);
  Report("limit: fdatasync of a small append", Rounds(arguments.rounds, [&] { return FsyncMicros(base); }), "us");
  Report("limit: ZeroMQ round trip of 200 B", Rounds(arguments.rounds, ZmqRoundTripMicros), "us");

  House house(base / "house", arguments.zmq, arguments.durable, arguments.redis);
  house.Apply(Chain("one", 1));
  house.Apply(Chain("five", 5));
  house.Apply(Chain("chain", 40));
  house.Apply(FanOut(1000));
  house.RunToEnd("one", 50, 1);

  const int executions = arguments.quick ? 2000 : 20000;
  double cpu_per_task = 0;
  Report("no-op tasks a second, executions of 5, 10000 in flight",
         Rounds(arguments.rounds, [&] {
           const double cpu = CpuSeconds();
           const auto start = Steady::now();
           house.RunToEnd("five", executions, 10000);
           const double seconds = SecondsSince(start);
           cpu_per_task = (CpuSeconds() - cpu) / (executions * 5) * 1e6;
           return executions * 5 / seconds;
         }), "/s");
  std::printf("%-58s %12.3f us\n", "CPU a task in the last round (engine, store and worker)", cpu_per_task);
  Report("one idle task, submit to end", Rounds(arguments.rounds, [&] {
           std::vector<double> each = Rounds(101, [&] {
             const auto start = Steady::now();
             house.RunToEnd("one", 1, 1);
             return SecondsSince(start) * 1e3;
           });
           std::sort(each.begin(), each.end());
           return each[each.size() / 2];
         }), "ms");
  Report("chain of 40", Rounds(arguments.rounds * 3, [&] {
           const auto start = Steady::now();
           house.RunToEnd("chain", 1, 1);
           return SecondsSince(start) * 1e3;
         }), "ms");
  Report("fan-out of 1000 and join", Rounds(arguments.rounds, [&] {
           const auto start = Steady::now();
           house.RunToEnd("fan", 1, 1);
           return SecondsSince(start) * 1e3;
         }), "ms");
  for (const int items : {100, 1000, 10000, 100000}) {
    if (arguments.quick && items > 10000) continue;
    house.Apply(Each(items));
    const std::string name = "one execution, ForEach of " + std::to_string(items) + ", a task";
    Report(name.c_str(), Rounds(arguments.rounds, [&] {
             const auto start = Steady::now();
             house.RunToEnd("each" + std::to_string(items), 1, 1);
             return SecondsSince(start) / items * 1e6;
           }), "us");
  }
}

}  // namespace
}  // namespace headrace

int main(int argc, char** argv) {
  headrace::Arguments arguments;
  for (int i = 1; i < argc; ++i) {
    const std::string flag = argv[i];
    if (flag == "--memory-queue") arguments.zmq = false;
    else if (flag == "--memory-store") arguments.durable = false;
    else if (flag == "--quick") arguments.quick = true;
    else if (flag == "--parked") arguments.only_parked = true;
    else if (flag == "--rounds" && i + 1 < argc) arguments.rounds = std::max(1, std::atoi(argv[++i]));
    else if (flag == "--redis" && i + 1 < argc) arguments.redis = argv[++i];
    else if (flag == "--folder" && i + 1 < argc) arguments.folder = argv[++i];
    else {
      std::fputs("bench_engine [--rounds N] [--quick] [--parked] [--memory-queue] [--memory-store] [--redis URL] [--folder DIR]\n",
                 flag == "--help" ? stdout : stderr);
      return flag == "--help" ? 0 : 2;
    }
  }
  spdlog::set_level(spdlog::level::warn);
  if (!arguments.only_parked) headrace::Measure(arguments);
  headrace::MeasureParked(arguments);
  return 0;
}
