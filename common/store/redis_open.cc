#include <algorithm>
#include <thread>

#include "common/base/log.h"
#include "common/base/random.h"
#include "common/store/redis_core.h"
#include "common/store/redis_errors.h"
#include "common/store/redis_examine.h"
#include "common/store/redis_layout.h"
#include "common/store/redis_library.h"

namespace headrace::store {
namespace {

constexpr const char* kFormat = "1";
constexpr const char* kWaitForReplicas = "1000";
constexpr Duration kPause = std::chrono::milliseconds(100);

std::string NewIdentity() {
  Random random = Random::FromSystem();
  std::string id;
  for (int i = 0; i < 16; ++i) id += "0123456789abcdef"[random.Below(16)];
  return id;
}

// The server may be starting, or being replaced.
Result<std::unique_ptr<RedisLink>> ConnectPatiently(const RedisLocator& locator, const RedisOptions& options) {
  const Deadline deadline = std::chrono::steady_clock::now() + options.patience;
  while (true) {
    auto link = locator.Connect(options.connect);
    if (link || link.error().code != Code::kUnavailable || std::chrono::steady_clock::now() + kPause > deadline) return link;
    std::this_thread::sleep_for(kPause);
  }
}

Result<Reply> Ask(RedisLink& link, Command command, const RedisOptions& options) {
  ASSIGN_OR_RETURN(Reply reply, link.Call(std::move(command), options.reply));
  if (reply.error()) return Fail(ErrorOf(reply.text, link.place()));
  return reply;
}

// Whose database it is; an empty one becomes ours.
Result<std::string> Identify(RedisLink& link, const RedisOptions& options) {
  ASSIGN_OR_RETURN(const Reply known, Ask(link, {"HMGET", kIdentityKey, "id", "format"}, options));
  if (known.items.size() == 2 && !known.items[0].nil()) {
    if (known.items[1].text == kFormat) return known.items[0].text;
    return Fail(Code::kFailedPrecondition, "the data in Redis at " + link.place() + " has format " + known.items[1].text +
                                               ", this headrace knows " + kFormat + ": run the newer headrace that wrote it");
  }
  ASSIGN_OR_RETURN(const Reply keys, Ask(link, {"DBSIZE"}, options));
  if (keys.integer != 0) {
    return Fail(Code::kFailedPrecondition, "the database holds " + std::to_string(keys.integer) + " keys of others, in Redis at " + link.place() +
                                               ": give headrace a database of its own (redis://host/1)");
  }
  // Several schedulers may begin at once: the first one's name holds.
  RETURN_IF_ERROR(Ask(link, {"HSETNX", kIdentityKey, "id", NewIdentity()}, options));
  RETURN_IF_ERROR(Ask(link, {"HSET", kIdentityKey, "format", kFormat, "partitions", std::to_string(kRedisPartitions)}, options));
  ASSIGN_OR_RETURN(const Reply id, Ask(link, {"HGET", kIdentityKey, "id"}, options));
  return id.text;
}

}  // namespace

RedisCore::RedisCore(const RedisOptions& chosen, RedisAddress address)
    : options(chosen), locator(std::move(address)),
      pool(locator, {.connect = chosen.connect, .reply = chosen.reply, .total = chosen.patience}),
      steady_pool(locator, {.connect = chosen.connect, .reply = chosen.reply, .total = chosen.outage}) {}

void RedisCore::ForgetConnections() {
  pool.Forget();
  steady_pool.Forget();
}

Result<std::optional<Epoch>> RedisCore::Take(PartitionId partition, const std::string& owner, Duration lease, bool by_force) {
  RETURN_IF_ERROR(partitions.Add(partition));
  const bool wait = options.durability == RedisDurability::kReplica;
  const int wanted = wait ? options.replicas : std::min(watch->replicas(), 1);
  Command call = FunctionCall("acquire", PartitionHead(partition));
  call.Add(owner).Add(std::int64_t{lease / std::chrono::milliseconds(1)}).Add(std::uint64_t{epoch_max}).Add(by_force ? "force" : "");
  std::vector<std::string> calls{std::move(call).Take(), Command{"SMEMBERS", PartitionPrefix(partition) + "g"}.Take()};
  if (wanted > 0) calls.push_back(Command{"WAIT", std::to_string(wanted), kWaitForReplicas}.Take());
  ASSIGN_OR_RETURN(const std::vector<Reply> replies, steady_pool.Call(calls));
  const std::vector<Reply>& taken = replies[0].items;
  if (taken.size() < 2) return Fail(Code::kInternal, "Redis gave no epoch for partition " + std::to_string(partition));
  if (taken[0].integer == 0) return std::nullopt;
  if (wait && replies[2].integer < wanted) {
    return Fail(Code::kUnavailable, "partition " + std::to_string(partition) + " cannot be taken: " + std::to_string(replies[2].integer) +
                                        " replicas follow Redis at " + locator.address().ToString() + ", not " + std::to_string(wanted));
  }
  const auto epoch = static_cast<Epoch>(taken[1].number());
  Epoch seen = epoch_max;
  while (seen < epoch && !epoch_max.compare_exchange_weak(seen, epoch)) {
  }
  writer->Begin(partition, epoch);
  std::vector<ExecutionId> left;
  for (const Reply& id : replies[1].items) left.emplace_back(id.text);
  if (!left.empty()) logs->Sweep(partition, std::move(left));
  return epoch;
}

Result<RedisStores> OpenRedis(const RedisOptions& options) {
  ASSIGN_OR_RETURN(RedisAddress address, ParseRedisUrl(options.url));
  auto core = std::make_shared<RedisCore>(options, std::move(address));
  ASSIGN_OR_RETURN(const std::unique_ptr<RedisLink> link, ConnectPatiently(core->locator, options));
  ASSIGN_OR_RETURN(const std::vector<RedisFinding> findings, Examine(*link, options));
  RETURN_IF_ERROR(RefuseFaults(findings, link->place()));
  ASSIGN_OR_RETURN(std::string identity, Identify(*link, options));
  core->locator.SetIdentity(std::move(identity));
  if (const Status loaded = LoadFunctions(*link, options.reply); !loaded) {
    // They may be there already: without the right to load them, or without memory for them, that must do.
    if (loaded.error().code != Code::kPermissionDenied && loaded.error().code != Code::kResourceExhausted) return Fail(loaded.error());
    spdlog::warn("{}; unless they are there already, nothing can be committed", loaded.error().message);
  }
  core->logs = std::make_unique<RedisLogWriter>(core->pool, options.log_limits);
  core->writer = std::make_unique<RedisWriter>(
      core->locator,
      RedisWriterOptions{.replicas = options.durability == RedisDurability::kReplica ? options.replicas : 0,
                         .connect = options.connect,
                         .reply = options.reply,
                         .outage = options.outage,
                         .on_connected = [raw = core.get()] { raw->ForgetConnections(); },
                         .on_deleted = [logs = core->logs.get()](PartitionId partition, const auto& ids) { logs->Sweep(partition, ids); }});
  core->watch = std::make_unique<RedisWatch>(core->locator, options.memory_most, options.connect, [raw = core.get()] {
    raw->ForgetConnections();
    raw->writer->Reconnect();
  });
  RedisStores stores;
  stores.store = MakeRedisStore(core);
  stores.flows = MakeRedisFlowStore(core);
  stores.logs = MakeRedisLogStore(core);
  stores.leases = MakeRedisLeaseStore(core);
  return stores;
}

Result<std::vector<RedisFinding>> ExamineRedis(const RedisOptions& options) {
  ASSIGN_OR_RETURN(RedisAddress address, ParseRedisUrl(options.url));
  const RedisLocator locator(std::move(address));
  ASSIGN_OR_RETURN(const std::unique_ptr<RedisLink> link, locator.Connect(options.connect));
  return Examine(*link, options);
}

}  // namespace headrace::store
