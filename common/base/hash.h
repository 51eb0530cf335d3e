// Hashes that are stable for ever: ids, jitter and records rest on them.
// Threads: pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace headrace {

// FNV-1a finished by Mix64; for derived ids and jitter, not for adversaries.
std::uint64_t StableHash(std::string_view bytes, std::uint64_t seed = 0);
// CRC-32C (Castagnoli) as in RFC 3720.
std::uint32_t Crc32c(std::string_view bytes, std::uint32_t crc = 0);
// Lower-case hex of SHA-256 (OpenSSL).
std::string Sha256Hex(std::string_view bytes);

}  // namespace headrace
