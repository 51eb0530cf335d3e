// An engine with the store and the channel to workers that a command wants.
// Errors: a data folder that cannot be made or is in use, a corrupt file, an endpoint in use, a Redis of schedulers for a process that is
//   alone: each names it and the remedy.
// Threads: the owner's.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "cli/host/alarm.h"
#include "cli/host/cluster_choice.h"
#include "cli/host/measures.h"
#include "common/base/clock.h"
#include "common/flow/catalog.h"
#include "common/queue/curve_keys.h"
#include "common/queue/memory_queue.h"
#include "common/store/redis_store.h"
#include "common/store/sqlite_store.h"
#include "scheduler/engine.h"
#include "worker/answerer.h"

namespace headrace::cli {

struct EngineHostOptions {
  std::string data{};            // a folder for headrace.db; empty: in memory, forgotten at the end
  store::Durability durability = store::Durability::kFull;
  std::optional<store::RedisOptions> redis{};  // the truth is there, not in a file
  std::optional<ClusterChoice> cluster{};  // it shares that Redis with others; none: it takes all of it
  std::string place{};  // of the truth, for people
  std::string queue_endpoint{};  // "tcp://127.0.0.1:5570"; empty: only workers of this process
  std::optional<queue::ServerKeys> queue_keys{};
  Duration lease = std::chrono::seconds(10);
  int loop_history = 500;        // earlier rounds of a LoopUntil that stay visible
  bool triggers = true;          // false: flows start only when asked to
  bool local_files = false;      // FILE inputs may name files of this machine: for whoever runs flows on their own
  std::shared_ptr<const flow::Catalog> catalog{};  // null: the built-in one
  Measures* measures = nullptr;  // outlives the host; null: nothing is measured
  worker::WorkerOptions world{};  // where steering expressions find keys, files and secrets
};

class EngineHost {
 public:
  // `clock` outlives the host.
  static Result<std::unique_ptr<EngineHost>> Start(const EngineHostOptions& options, const Clock& clock);
  // Waits for what was committed, though not for long if its Redis is away.
  ~EngineHost();

  scheduler::Engine& engine() { return *engine_; }
  // Raised when the store refuses a commit: then this process must end.
  const Alarm& failure() const { return failure_; }
  // For a worker of this process. REQUIRES: no queue endpoint was asked for.
  std::unique_ptr<queue::ClientQueue> MakeWorkerQueue() { return exchange_.MakeClient(); }

 private:
  EngineHost() = default;

  std::unique_ptr<worker::Answerer> answerer_;
  Alarm failure_;
  queue::MemoryQueue exchange_;
  std::function<void()> hurry_{};  // the stores; empty: they wait for nobody
  std::unique_ptr<scheduler::Engine> engine_;  // last: ends first
};

// HEADRACE_TIME_SCALE=N makes wall time run N times as fast: a rehearsal of long waits. INVALID_ARGUMENT unless N is 1 to
// 1000000.
Result<std::unique_ptr<Clock>> MakeClock();

}  // namespace headrace::cli
