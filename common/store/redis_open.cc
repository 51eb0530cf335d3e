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

struct Identity {
  std::string id;      // empty: not given yet
  std::string format;  // empty: not said yet
  bool ours() const { return !id.empty() || !format.empty(); }
};

// What is asked once, when the stores are opened: of the server, or of every master of a cluster.
class Opening {
 public:
  Opening(const RedisLocator& locator, const RedisOptions& options) : locator_(locator), options_(options) {}

  Result<std::string> Greet() {
    RETURN_IF_ERROR(Connect());
    RETURN_IF_ERROR(ReadIdentity());  // one that reads its data from disk says so here
    std::vector<std::vector<RedisFinding>> found;
    for (const auto& link : links_) {
      ASSIGN_OR_RETURN(found.emplace_back(), Examine(*link, options_, locator_.cluster() != nullptr));
      RETURN_IF_ERROR(RefuseFaults(found.back(), link->place()));
    }
    ASSIGN_OR_RETURN(std::string identity, Identify());
    for (std::size_t i = 0; i < links_.size(); ++i) {
      RETURN_IF_ERROR(Load(*links_[i]));
      WarnOf(found[i], links_[i]->place());
    }
    return identity;
  }

 private:
  Status Connect() {
    ASSIGN_OR_RETURN(const std::vector<RedisEndpoint> masters, locator_.FindMasters(options_.connect));
    for (const RedisEndpoint& master : masters) {
      ASSIGN_OR_RETURN(links_.emplace_back(), locator_.ConnectTo(master, options_.connect));
    }
    home_ = links_.front().get();
    if (locator_.cluster() == nullptr) return {};
    ASSIGN_OR_RETURN(const RedisEndpoint home, locator_.FindMaster(options_.connect, SlotOf(kIdentityKey)));
    const auto found = std::find_if(links_.begin(), links_.end(), [&](const auto& link) { return link->place() == home.ToString(); });
    if (found == links_.end()) return Fail(Code::kUnavailable, "the masters of the cluster at " + locator_.address().ToString() + " change");
    home_ = found->get();
    return {};
  }

  Result<Reply> Ask(RedisLink& link, Command command) {
    ASSIGN_OR_RETURN(Reply reply, link.Call(std::move(command), options_.reply));
    if (!reply.error()) return reply;
    const bool moves = locator_.cluster() != nullptr && ReadTrouble(reply.text).trouble == Trouble::kSlot;
    if (moves) locator_.cluster()->Doubt();
    return Fail(moves ? SlotErrorOf(reply.text, link.place()) : ConnectErrorOf(reply.text, link.place()));
  }

  Result<Identity> ReadIdentity() {
    ASSIGN_OR_RETURN(const Reply known, Ask(*home_, {"HMGET", kIdentityKey, "id", "format"}));
    if (known.items.size() != 2) return Fail(Code::kInternal, "Redis at " + home_->place() + " does not say whose database it is");
    return Identity{known.items[0].text, known.items[1].text};
  }

  Result<std::int64_t> CountKeys() {
    std::int64_t keys = 0;
    for (const auto& link : links_) {
      ASSIGN_OR_RETURN(const Reply some, Ask(*link, {"DBSIZE"}));
      keys += some.integer;
    }
    return keys;
  }

  // Whose database it is; an empty one becomes ours. Several schedulers may begin at once, and each may die between two steps:
  // the format comes first, the first one's name holds, and who finds a part of it goes on from there.
  Result<std::string> Identify() {
    ASSIGN_OR_RETURN(Identity identity, ReadIdentity());
    if (!identity.ours()) {
      ASSIGN_OR_RETURN(const std::int64_t keys, CountKeys());
      // Looked at again: they may be another scheduler's that begins, too.
      ASSIGN_OR_RETURN(identity, ReadIdentity());
      if (keys != 0 && !identity.ours()) {
        return Fail(Code::kFailedPrecondition, "the database holds " + std::to_string(keys) + " keys of others, in Redis at " +
                                                   home_->place() + ": give headrace a database of its own (redis://host/1)");
      }
    }
    if (!identity.format.empty() && identity.format != kFormat) {
      return Fail(Code::kFailedPrecondition, "the data in Redis at " + home_->place() + " has format " + identity.format +
                                                 ", this headrace knows " + kFormat + ": run the newer headrace that wrote it");
    }
    if (identity.format.empty()) {
      RETURN_IF_ERROR(Ask(*home_, {"HSET", kIdentityKey, "format", kFormat, "partitions", std::to_string(kRedisPartitions)}));
    }
    if (identity.id.empty()) {
      RETURN_IF_ERROR(Ask(*home_, {"HSETNX", kIdentityKey, "id", NewIdentity()}));
      ASSIGN_OR_RETURN(identity, ReadIdentity());
    }
    return identity.id;
  }

  Status Load(RedisLink& link) {
    const Status loaded = LoadFunctions(link, options_.reply);
    // They may be there already: without the right to load them, or without memory for them, that must do.
    const bool refused = !loaded && (loaded.error().code == Code::kPermissionDenied || loaded.error().code == Code::kResourceExhausted);
    if (!loaded && !refused) return Fail(loaded.error());
    if (refused) spdlog::warn("{}; unless they are there already, nothing can be committed", loaded.error().message);
    return {};
  }

  const RedisLocator& locator_;
  const RedisOptions& options_;
  std::vector<std::unique_ptr<RedisLink>> links_;
  RedisLink* home_ = nullptr;  // the one that knows whose database it is
};

// The server may be starting, reading its data, or being replaced.
Result<std::string> GreetPatiently(const RedisLocator& locator, const RedisOptions& options) {
  const Deadline deadline = std::chrono::steady_clock::now() + options.patience;
  while (true) {
    auto identity = Opening(locator, options).Greet();
    if (identity || identity.error().code != Code::kUnavailable || std::chrono::steady_clock::now() + kPause > deadline) return identity;
    std::this_thread::sleep_for(kPause);
  }
}

}  // namespace

RedisCore::RedisCore(const RedisOptions& chosen, RedisAddress address)
    : options(chosen), locator(std::move(address)),
      pool(locator, {.connect = chosen.connect, .reply = chosen.reply, .total = chosen.patience}),
      lease_pool(locator, {.connect = chosen.connect, .reply = chosen.reply, .total = chosen.read_patience, .together = true}),
      steady_pool(locator, {.connect = chosen.connect, .reply = chosen.reply, .total = chosen.read_patience, .together = true}, &gates) {}

void RedisCore::ForgetConnections() {
  pool.Forget();
  lease_pool.Forget();
  steady_pool.Forget();
}

// One that came to a cluster later may throw away what the others keep.
void RedisCore::LookAtNewMasters() {
  if (locator.cluster() == nullptr) return;
  const auto masters = locator.FindMasters(options.connect);
  for (std::size_t i = 0; masters && i < masters->size(); ++i) {
    const auto link = locator.ConnectTo((*masters)[i], options.connect);
    const auto findings = link ? Examine(**link, options, true) : Result<std::vector<RedisFinding>>(Fail(link.error()));
    if (!findings) continue;  // it is looked at when it is there
    if (const Status fit = RefuseFaults(*findings, (*masters)[i].ToString()); !fit) spdlog::error("{}", fit.error().message);
  }
}

void RedisCore::Hurry() {
  writer->Hurry();
  logs->Hurry(options.ending);
}

Status RedisCore::CheckIsThere(PartitionId partition, Duration patience) {
  ASSIGN_OR_RETURN(const Reply there, steady_pool.Call({"HEXISTS", PartitionHead(partition), "e"}, patience));
  if (there.integer != 0) return {};
  return Fail(LostPartition(partition, locator.address().ToString()));
}

Result<int> RedisCore::ReplicasOf(PartitionId partition) {
  if (locator.cluster() == nullptr) return watch->replicas();
  ASSIGN_OR_RETURN(const RedisEndpoint master, locator.FindMaster(options.connect, SlotOfPartition(partition)));
  return watch->replicas(master.ToString());
}

Result<std::optional<Epoch>> RedisCore::Take(PartitionId partition, const std::string& owner, Duration lease, bool by_force) {
  // Who takes by force has nothing else to do; who takes leases asks again.
  const Duration patience = by_force ? options.outage : options.read_patience;
  const bool cluster = locator.cluster() != nullptr;
  if (!cluster) {
    RETURN_IF_ERROR(partitions.Add(partition, patience));
  } else {
    ASSIGN_OR_RETURN(const bool before, partitions.Has(partition, patience));
    if (before) RETURN_IF_ERROR(CheckIsThere(partition, patience));
  }
  const bool wait = options.durability == RedisDurability::kReplica;
  ASSIGN_OR_RETURN(const int followers, ReplicasOf(partition));
  const int wanted = wait ? options.replicas : std::min(followers, 1);
  Command call = FunctionCall("acquire", PartitionHead(partition));
  call.Add(owner).Add(std::int64_t{lease / std::chrono::milliseconds(1)}).Add(std::uint64_t{epoch_max}).Add(by_force ? "force" : "");
  std::vector<std::string> calls{std::move(call).Take(), Command{"SMEMBERS", PartitionPrefix(partition) + "g"}.Take()};
  if (wanted > 0) calls.push_back(Command{"WAIT", std::to_string(wanted), kWaitForReplicas}.Take());
  ASSIGN_OR_RETURN(const std::vector<Reply> replies, steady_pool.Call(calls, patience));
  const std::vector<Reply>& taken = replies[0].items;
  if (taken.size() < 2) return Fail(Code::kInternal, "Redis gave no epoch for partition " + std::to_string(partition));
  if (taken[0].integer == 0) return std::nullopt;
  if (wait && replies[2].integer < wanted) {
    return Fail(Code::kUnavailable, "partition " + std::to_string(partition) + " cannot be taken: " + std::to_string(replies[2].integer) +
                                        " replicas follow Redis at " + locator.address().ToString() + ", not " + std::to_string(wanted));
  }
  // In a cluster it is known as taken once it is: whoever finds it known and not there knows that it was lost.
  if (cluster) RETURN_IF_ERROR(partitions.Add(partition, patience));
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
  ASSIGN_OR_RETURN(std::string identity, GreetPatiently(core->locator, options));
  core->locator.SetIdentity(std::move(identity));
  core->logs = std::make_unique<RedisLogWriter>(core->pool, options.log_limits);
  core->writer = std::make_unique<RedisWriters>(
      core->locator,
      RedisWriterOptions{.replicas = options.durability == RedisDurability::kReplica ? options.replicas : 0,
                         .connect = options.connect,
                         .reply = options.reply,
                         .outage = options.outage,
                         .ending = options.ending,
                         .on_connected = [raw = core.get()] { raw->ForgetConnections(); },
                         .on_deleted = [logs = core->logs.get()](PartitionId partition, const auto& ids) { logs->Sweep(partition, ids); }},
      core->gates);
  core->watch = std::make_unique<RedisWatch>(core->locator, options.memory_most, options.connect, [raw = core.get()] {
    raw->ForgetConnections();
    raw->writer->Reconnect();
    raw->LookAtNewMasters();
  }, options.on_look);
  RedisStores stores;
  stores.store = MakeRedisStore(core);
  stores.flows = MakeRedisFlowStore(core);
  stores.logs = MakeRedisLogStore(core);
  stores.leases = MakeRedisLeaseStore(core);
  stores.hurry = [weak = std::weak_ptr(core)] {
    if (const RedisCorePtr there = weak.lock()) there->Hurry();
  };
  return stores;
}

Result<std::vector<RedisFinding>> ExamineRedis(const RedisOptions& options) {
  ASSIGN_OR_RETURN(RedisAddress address, ParseRedisUrl(options.url));
  const RedisLocator locator(std::move(address));
  const bool cluster = locator.cluster() != nullptr;
  ASSIGN_OR_RETURN(const std::vector<RedisEndpoint> masters, locator.FindMasters(options.connect));
  std::vector<RedisFinding> all;
  for (const RedisEndpoint& master : masters) {
    ASSIGN_OR_RETURN(const std::unique_ptr<RedisLink> link, locator.ConnectTo(master, options.connect));
    ASSIGN_OR_RETURN(std::vector<RedisFinding> findings, Examine(*link, options, cluster));
    for (RedisFinding& finding : findings) {
      if (cluster) finding.text = master.ToString() + ": " + finding.text;
      all.push_back(std::move(finding));
    }
  }
  return all;
}

}  // namespace headrace::store
