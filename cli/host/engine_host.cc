#include "cli/host/engine_host.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include "cli/commands/catalog.h"
#include "cli/host/backup.h"
#include "cli/host/surroundings.h"
#include "common/queue/zmq_queue.h"
#include "common/store/memory_store.h"
#include "common/store/metered_store.h"
#include "worker/sealed.h"

namespace headrace::cli {
namespace {

constexpr std::int64_t kScaleMax = 1'000'000;

// Who drives what, of stores that several processes can share; null of others.
using Leases = std::unique_ptr<store::LeaseStore>;

Result<Leases> OpenRedisStores(store::RedisOptions options, const Clock& clock, scheduler::EngineOptions& out, std::function<void()>& hurry) {
  options.clock = &clock;
  ASSIGN_OR_RETURN(store::RedisStores stores, store::OpenRedis(options));
  out.store = std::move(stores.store);
  out.flows = std::move(stores.flows);
  out.logs = std::move(stores.logs);
  hurry = std::move(stores.hurry);
  return std::move(stores.leases);
}

Result<Leases> OpenStores(const EngineHostOptions& options, const Clock& clock, scheduler::EngineOptions& out, std::function<void()>& hurry) {
  if (options.redis) {
    store::RedisOptions redis = *options.redis;
    if (options.measures != nullptr) redis.on_look = options.measures->OfRedis();
    return OpenRedisStores(std::move(redis), clock, out, hurry);
  }
  if (options.data.empty()) {
    out.store = store::MakeMemoryStore(clock);
    out.flows = store::MakeMemoryFlowStore();
    out.logs = store::MakeMemoryLogStore();
    return nullptr;
  }
  RETURN_IF_ERROR(RefuseHalfRestored(options.data));
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
  return nullptr;
}

void Measure(const EngineHostOptions& options, scheduler::EngineOptions& out) {
  if (options.measures == nullptr) return;
  const char* backend = options.redis ? "redis" : options.data.empty() ? "memory" : "sqlite";
  out.store = store::MakeMeteredStore(std::move(out.store), options.measures->OfStore(backend));
  out.telemetry = options.measures;
}

// One that is alone drives the first partition and nothing else: what schedulers have begun in the others would rest for ever.
Status RefuseRedisOfSchedulers(store::LeaseStore& leases) {
  ASSIGN_OR_RETURN(const std::vector<store::Present> members, leases.Members());
  std::vector<store::PartitionId> others;
  for (store::PartitionId partition = 1; partition < leases.partitions(); ++partition) others.push_back(partition);
  ASSIGN_OR_RETURN(const std::vector<store::LeaseHolder> holders, leases.Holders(others));
  const bool used = std::any_of(holders.begin(), holders.end(), [](const store::LeaseHolder& one) { return one.epoch != 0; });
  if (members.empty() && !used) return {};
  return Fail(Code::kFailedPrecondition,
              "this Redis is, or was, one of `headrace scheduler`, which shares its executions among many: go on with `headrace scheduler` and "
              "`headrace worker`, or give this process a database of its own");
}

// Renewed and looked at often enough that one that lives never loses its partitions, and one that died is soon missed.
Status JoinCluster(const ClusterChoice& choice, Leases leases, Measures* measures, scheduler::EngineOptions& out) {
  scheduler::ClusterOptions cluster;
  cluster.id = choice.id;
  cluster.api_address = choice.api_address;
  cluster.build = choice.build;
  ASSIGN_OR_RETURN(cluster.worker_endpoint, AdvertisedWorkers(choice.workers, out.workers->endpoint()));
  cluster.leases = std::move(leases);
  cluster.peers = std::make_unique<api::GrpcPeerClient>(choice.peers);
  if (measures != nullptr) cluster.peers = measures->Metered(std::move(cluster.peers));
  cluster.lease = choice.lease;
  cluster.renew = choice.lease * 3 / 10;
  cluster.look = choice.lease / 10;
  out.name = choice.id;  // by which workers know whether two addresses are one scheduler's
  out.cluster = std::move(cluster);
  return {};
}

}  // namespace

EngineHost::~EngineHost() {
  if (hurry_) hurry_();
}

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
  ASSIGN_OR_RETURN(Leases leases, OpenStores(options, clock, engine, host->hurry_));
  Measure(options, engine);
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
  if (leases && !options.cluster) RETURN_IF_ERROR(RefuseRedisOfSchedulers(*leases));
  if (options.cluster) RETURN_IF_ERROR(JoinCluster(*options.cluster, std::move(leases), options.measures, engine));
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
