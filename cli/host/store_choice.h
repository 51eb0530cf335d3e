// Where a scheduler keeps its truth, by what its flags say: a file in its data folder, or a Redis.
// Errors: INVALID_ARGUMENT naming the flag and what would be right; no message holds a password.
// Threads: pure.
#pragma once

#include <optional>
#include <string>

#include "common/store/redis_store.h"
#include "common/store/sqlite_store.h"

namespace headrace::cli {

struct StoreFlags {
  std::string url{};         // --store
  std::string durability{};  // --durability; empty: the store's own default
  int replicas = 1;          // --replicas
};

struct StoreChoice {
  std::optional<store::RedisOptions> redis{};
  store::Durability file = store::Durability::kFull;
  std::string text{};  // "data FOLDER" or "store redis://host", for people
};

Result<StoreChoice> ChooseStore(const StoreFlags& flags, const std::string& data);

}  // namespace headrace::cli
