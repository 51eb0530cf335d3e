#include "cli/host/engine_host.h"

#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include "cli/commands/catalog.h"
#include "cli/host/surroundings.h"
#include "common/queue/zmq_queue.h"
#include "common/store/memory_store.h"
#include "worker/sealed.h"

namespace headrace::cli {
namespace {

constexpr std::int64_t kScaleMax = 1'000'000;

Status OpenRedisStores(store::RedisOptions options, const Clock& clock, scheduler::EngineOptions& out) {
  options.clock = &clock;
  ASSIGN_OR_RETURN(store::RedisStores stores, store::OpenRedis(options));
  out.store = std::move(stores.store);
  out.flows = std::move(stores.flows);
  out.logs = std::move(stores.logs);
  return {};
}

Status OpenStores(const EngineHostOptions& options, const Clock& clock, scheduler::EngineOptions& out) {
  if (options.redis) return OpenRedisStores(*options.redis, clock, out);
  if (options.data.empty()) {
    out.store = store::MakeMemoryStore(clock);
    out.flows = store::MakeMemoryFlowStore();
    out.logs = store::MakeMemoryLogStore();
    return {};
  }
  std::error_code error;
  std::filesystem::create_directories(options.data, error);
  if (error) {
    return Fail(Code::kUnavailable, "cannot make the data folder " + options.data + ": " + error.message() +
                                        "; name another one with --data");
  }
  const std::string path = (std::filesystem::path(options.data) / "headrace.db").string();
  ASSIGN_OR_RETURN(store::SqliteStores stores,
                   store::OpenSqlite({.path = path, .durability = options.durability, .clock = &clock}));
  out.store = std::move(stores.store);
  out.flows = std::move(stores.flows);
  out.logs = std::move(stores.logs);
  return {};
}

}  // namespace

Result<std::unique_ptr<EngineHost>> EngineHost::Start(const EngineHostOptions& options, const Clock& clock) {
  RETURN_IF_ERROR(worker::CheckEncryptionKey(options.world.environment));
  std::unique_ptr<EngineHost> host(new EngineHost);
  scheduler::EngineOptions engine;
  engine.clock = &clock;
  engine.catalog = options.catalog ? options.catalog : std::make_shared<const flow::Catalog>(BuiltInCatalog());
  engine.surroundings = Surroundings();
  engine.loop_history = options.loop_history;
  engine.triggers = options.triggers;
  engine.lease = options.lease;
  engine.heartbeat = std::min<Duration>(engine.heartbeat, options.lease / 4);
  engine.workers_died_with_process = options.queue_endpoint.empty();
  engine.on_failure = [alarm = &host->failure_](const Error& error) { alarm->Raise(error); };
  RETURN_IF_ERROR(OpenStores(options, clock, engine));
  ASSIGN_OR_RETURN(host->answerer_, worker::Answerer::Open(options.world, clock));
  engine.answerer = [answerer = host->answerer_.get()](const auto& asker, const model::Lookup& lookup) {
    return answerer->Answer(asker.ns, asker.flow_id, asker.execution, asker.parent, lookup, asker.holds);
  };
  if (options.local_files) {
    engine.inputs.store_file = [answerer = host->answerer_.get()](const model::InputSpec&, const std::string& path) {
      return answerer->StoreLocalFile(path);
    };
  }
  engine.forget_files = [answerer = host->answerer_.get()](const auto& ns, const auto& flow_id, const ExecutionId& execution) {
    return answerer->DeleteFiles(ns, flow_id, execution);
  };
  if (const worker::Sealer sealer(options.world.environment); sealer.has_key()) {
    engine.inputs.encrypt = [sealer](std::string_view plain) { return sealer.Seal(plain); };
  }
  if (options.queue_endpoint.empty()) {
    engine.workers = host->exchange_.MakeServer();
  } else {
    ASSIGN_OR_RETURN(engine.workers, queue::BindZmq(options.queue_endpoint, {.server_keys = options.queue_keys}));
  }
  ASSIGN_OR_RETURN(host->engine_, scheduler::Engine::Start(std::move(engine)));
  return host;
}

Result<std::unique_ptr<Clock>> MakeClock() {
  const char* text = std::getenv("HEADRACE_TIME_SCALE");
  if (text == nullptr || *text == 0) return std::make_unique<SystemClock>();
  const std::string_view digits(text);
  std::int64_t scale = 0;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), scale);
  if (parsed.ec != std::errc() || parsed.ptr != digits.data() + digits.size() || scale < 1 || scale > kScaleMax) {
    return InvalidArgument("HEADRACE_TIME_SCALE is '" + std::string(text) + "', it must be a number from 1 to 1000000");
  }
  return std::make_unique<ScaledClock>(scale);
}

}  // namespace headrace::cli
