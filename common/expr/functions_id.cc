#include <array>

#include "common/expr/builtin.h"

namespace headrace::expr {
namespace {

constexpr std::string_view kBase62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
constexpr std::string_view kNanoAlphabet = "_-0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
constexpr std::int64_t kKsuidEpoch = 1'400'000'000;
constexpr std::int64_t kNanoLengthMax = 1024;

// A UUID of version 7: 48 bits of milliseconds, the rest random.
std::array<std::uint8_t, 16> TimeUuid(const Invocation& call) {
  const auto millis = static_cast<std::uint64_t>(ToMicros(call.session.environment().Now()) / 1000);
  Random& random = call.session.environment().random();
  std::array<std::uint8_t, 16> bytes{};
  const std::uint64_t high = random.Next();
  const std::uint64_t low = random.Next();
  for (unsigned i = 0; i < 6; ++i) bytes[i] = static_cast<std::uint8_t>(millis >> (40 - 8 * i));
  for (unsigned i = 0; i < 2; ++i) bytes[6 + i] = static_cast<std::uint8_t>(high >> (8 * i));
  for (unsigned i = 0; i < 8; ++i) bytes[8 + i] = static_cast<std::uint8_t>(low >> (8 * i));
  bytes[6] = static_cast<std::uint8_t>(0x70U | (bytes[6] & 0x0FU));
  bytes[8] = static_cast<std::uint8_t>(0x80U | (bytes[8] & 0x3FU));
  return bytes;
}

// The big-endian number in `bytes` by the base of `alphabet`, filled up to `width`.
template <std::size_t N>
std::string InBase(std::array<std::uint8_t, N> bytes, std::string_view alphabet, std::size_t width) {
  std::string digits(width, alphabet.front());
  for (std::size_t place = width; place > 0; --place) {
    unsigned remainder = 0;
    for (std::uint8_t& byte : bytes) {
      const unsigned value = remainder * 256 + byte;
      byte = static_cast<std::uint8_t>(value / alphabet.size());
      remainder = value % static_cast<unsigned>(alphabet.size());
    }
    digits[place - 1] = alphabet[remainder];
  }
  return digits;
}

Result<Value> UuidFunction(const Invocation& call) {
  static constexpr char kHex[] = "0123456789abcdef";
  const auto bytes = TimeUuid(call);
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += kHex[bytes[i] >> 4U];
    text += kHex[bytes[i] & 15U];
  }
  return Value(std::move(text));
}

Result<Value> IdFunction(const Invocation& call) { return Value(InBase(TimeUuid(call), kBase62, 22)); }

Result<Value> KsuidFunction(const Invocation& call) {
  const auto seconds =
      static_cast<std::uint32_t>(ToMicros(call.session.environment().Now()) / 1'000'000 - kKsuidEpoch);
  std::array<std::uint8_t, 20> bytes{};
  for (unsigned i = 0; i < 4; ++i) bytes[i] = static_cast<std::uint8_t>(seconds >> (24 - 8 * i));
  for (std::size_t i = 4; i < bytes.size(); ++i) {
    bytes[i] = static_cast<std::uint8_t>(call.session.environment().random().Below(256));
  }
  return Value(InBase(bytes, kBase62, 27));
}

Result<Value> NanoIdFunction(const Invocation& call) {
  ASSIGN_OR_RETURN(const std::int64_t length, call.Integer(0, 21));
  const std::string alphabet = call.Text(1, kNanoAlphabet);
  if (length < 1 || length > kNanoLengthMax) {
    return Refuse(call, "the length must be from 1 to " + std::to_string(kNanoLengthMax));
  }
  if (alphabet.empty()) return Refuse(call, "the alphabet must not be empty");
  std::string text;
  for (std::int64_t i = 0; i < length; ++i) {
    text += alphabet[call.session.environment().random().Below(alphabet.size())];
  }
  return Value(std::move(text));
}

Result<Value> RandomIntFunction(const Invocation& call) {
  ASSIGN_OR_RETURN(const std::int64_t lower, call.Integer(0, 0));
  ASSIGN_OR_RETURN(const std::int64_t upper, call.Integer(1, 0));
  if (lower >= upper) return Refuse(call, "`lower` must be less than `upper`");
  const std::uint64_t width = static_cast<std::uint64_t>(upper) - static_cast<std::uint64_t>(lower);
  const std::uint64_t offset = call.session.environment().random().Below(width);
  return Value(static_cast<std::int64_t>(static_cast<std::uint64_t>(lower) + offset));
}

// From the dynamic range; nobody has asked whether it is free.
Result<Value> RandomPortFunction(const Invocation& call) {
  return Value(static_cast<std::int64_t>(49152 + call.session.environment().random().Below(16384)));
}

constexpr Builtin kFunctions[] = {
    {"id", IdFunction},
    {"ksuid", KsuidFunction},
    {"nanoId", NanoIdFunction, {"length", "alphabet"}},
    {"randomInt", RandomIntFunction, {"lower", "upper"}, 2},
    {"randomPort", RandomPortFunction},
    {"uuid", UuidFunction},
};

}  // namespace

std::span<const Builtin> IdFunctions() { return kFunctions; }

}  // namespace headrace::expr
