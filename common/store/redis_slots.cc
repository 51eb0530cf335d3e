#include "common/store/redis_slots.h"

#include <charconv>

#include "common/store/redis_layout.h"

namespace headrace::store {
namespace {

constexpr std::uint16_t kPolynomial = 0x1021;

constexpr std::array<std::uint16_t, 256> kTable = [] {
  std::array<std::uint16_t, 256> table{};
  for (std::size_t byte = 0; byte < table.size(); ++byte) {
    auto crc = static_cast<std::uint16_t>(byte << 8);
    for (int bit = 0; bit < 8; ++bit) crc = static_cast<std::uint16_t>((crc & 0x8000) != 0 ? (crc << 1) ^ kPolynomial : crc << 1);
    table[byte] = crc;
  }
  return table;
}();

// Takes "$5\r\nwords\r\n" from the front.
std::optional<std::string_view> TakeWord(std::string_view& from) {
  std::size_t size = 0;
  if (!from.starts_with('$')) return std::nullopt;
  const auto [end, error] = std::from_chars(from.data() + 1, from.data() + from.size(), size);
  const auto head = static_cast<std::size_t>(end - from.data()) + 2;
  if (error != std::errc() || from.size() < head + size + 2) return std::nullopt;
  const std::string_view word = from.substr(head, size);
  from.remove_prefix(head + size + 2);
  return word;
}

}  // namespace

RedisSlot SlotOf(std::string_view key) {
  const std::size_t open = key.find('{');
  if (open != std::string_view::npos) {
    const std::size_t close = key.find('}', open + 1);
    if (close != std::string_view::npos && close > open + 1) key = key.substr(open + 1, close - open - 1);
  }
  std::uint16_t crc = 0;
  for (const char c : key) crc = static_cast<std::uint16_t>((crc << 8) ^ kTable[((crc >> 8) ^ static_cast<unsigned char>(c)) & 0xff]);
  return crc % kRedisSlots;
}

RedisSlot SlotOfPartition(PartitionId partition) { return SlotOf(PartitionHead(partition)); }

std::optional<std::string_view> KeyOf(std::string_view command) {
  const std::size_t head = command.find('\n');
  if (head == std::string_view::npos) return std::nullopt;
  command.remove_prefix(head + 1);
  const auto verb = TakeWord(command);
  if (!verb || *verb == "WAIT") return std::nullopt;
  if (*verb == "FCALL") {  // name and number of keys come first
    TakeWord(command);
    TakeWord(command);
  }
  return TakeWord(command);
}

std::optional<PartitionId> PartitionOf(std::string_view key) {
  PartitionId partition = 0;
  if (!key.starts_with("{p")) return std::nullopt;
  const auto [end, error] = std::from_chars(key.data() + 2, key.data() + key.size(), partition);
  if (error != std::errc() || end == key.data() + key.size() || *end != '}') return std::nullopt;
  return partition;
}

std::optional<RedisEndpoint> NamedBy(std::string_view reply) {
  const std::size_t space = reply.rfind(' ');
  const std::size_t colon = reply.rfind(':');
  if (space == std::string_view::npos || colon == std::string_view::npos || colon < space) return std::nullopt;
  return RedisEndpoint{.host = std::string(reply.substr(space + 1, colon - space - 1)), .port = std::string(reply.substr(colon + 1))};
}

}  // namespace headrace::store
