// In which slot of a Redis Cluster a key lies, and what a packed command asks for.
// Threads: pure. Source: the Redis Cluster specification (CRC-16/XMODEM of the hash tag); redis_layout.h has the tags.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "common/store/redis_address.h"
#include "common/store/store.h"

namespace headrace::store {

using RedisSlot = std::uint16_t;
inline constexpr std::size_t kRedisSlots = 16384;

RedisSlot SlotOf(std::string_view key);
RedisSlot SlotOfPartition(PartitionId partition);
// The first key of a command as redis_reply.h packs it; none of WAIT.
std::optional<std::string_view> KeyOf(std::string_view command);
// Of a key that begins with "{p7}:".
std::optional<PartitionId> PartitionOf(std::string_view key);
// Whom "ASK 3999 127.0.0.1:6381" and "MOVED …" name; the host is empty where the one that said so is meant.
std::optional<RedisEndpoint> NamedBy(std::string_view reply);

}  // namespace headrace::store
