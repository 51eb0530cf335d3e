#include "cli/host/store_choice.h"

#include <unistd.h>

#include <array>

#include "common/store/redis_address.h"

namespace headrace::cli {
namespace {

// For people who look at who has a partition.
std::string OwnerName() {
  std::array<char, 256> host{};
  if (gethostname(host.data(), host.size() - 1) != 0) return "pid-" + std::to_string(getpid());
  return std::string(host.data()) + "-" + std::to_string(getpid());
}

Result<store::RedisDurability> RedisDurabilityOf(const std::string& name) {
  if (name.empty() || name == "local") return store::RedisDurability::kLocal;
  if (name == "memory") return store::RedisDurability::kMemory;
  if (name == "replica") return store::RedisDurability::kReplica;
  return InvalidArgument("--durability " + name + " is one of a file's; with --store it is memory, local or replica");
}

Result<store::Durability> FileDurabilityOf(const std::string& name) {
  if (name.empty() || name == "full") return store::Durability::kFull;
  if (name == "normal") return store::Durability::kNormal;
  return InvalidArgument("--durability " + name + " is one of a Redis; without --store it is full or normal");
}

}  // namespace

Result<StoreChoice> ChooseStore(const StoreFlags& flags, const std::string& data) {
  StoreChoice choice;
  if (flags.url.empty()) {
    ASSIGN_OR_RETURN(choice.file, FileDurabilityOf(flags.durability));
    choice.text = "data " + data;
    return choice;
  }
  ASSIGN_OR_RETURN(const store::RedisAddress address, store::ParseRedisUrl(flags.url));
  store::RedisOptions redis{.url = flags.url, .replicas = flags.replicas, .owner = OwnerName()};
  ASSIGN_OR_RETURN(redis.durability, RedisDurabilityOf(flags.durability));
  choice.redis = std::move(redis);
  choice.text = "store " + address.ToString();
  return choice;
}

}  // namespace headrace::cli
