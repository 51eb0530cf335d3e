#include "common/wire/sealed.h"

#include <google/protobuf/io/coded_stream.h>

#include <bit>
#include <cstring>

#include "common/base/hash.h"

namespace headrace::wire {
namespace {

static_assert(std::endian::native == std::endian::little, "the checksum is written as it lies in memory");

// A task run or an assignment fits; more comes from the heap and goes back after the call.
constexpr std::size_t kScratchBytes = 32 * 1024;
// JSON is capped at depth 128, and each level is three messages.
constexpr int kDepthMax = 1024;

struct ThreadArena {
  alignas(8) char block[kScratchBytes];
  google::protobuf::Arena arena{block, sizeof(block)};
};

google::protobuf::Arena& ArenaOfThread() {
  thread_local ThreadArena instance;
  return instance.arena;
}

}  // namespace

Scratch::Scratch() : arena_(ArenaOfThread()) {}
Scratch::~Scratch() { arena_.Reset(); }

std::string Seal(const google::protobuf::MessageLite& message) {
  const std::size_t size = message.ByteSizeLong();
  std::string sealed(kSealBytes + size, '\0');
  auto* const bytes = reinterpret_cast<std::uint8_t*>(sealed.data());
  message.SerializeWithCachedSizesToArray(bytes + kSealBytes);
  const std::uint32_t crc = Crc32c(std::string_view(sealed).substr(kSealBytes));
  std::memcpy(bytes, &crc, kSealBytes);
  return sealed;
}

Result<std::string_view> OpenSealed(std::string_view sealed, std::size_t most, std::string_view what) {
  if (sealed.size() < kSealBytes) {
    return Fail(Code::kDataLoss, std::string(what) + " of " + std::to_string(sealed.size()) + " bytes has no checksum");
  }
  if (sealed.size() > most) {
    return Fail(Code::kOutOfRange, std::string(what) + " of " + std::to_string(sealed.size()) + " bytes is over the limit of " +
                                       std::to_string(most));
  }
  std::uint32_t crc = 0;
  std::memcpy(&crc, sealed.data(), kSealBytes);
  sealed.remove_prefix(kSealBytes);
  if (Crc32c(sealed) != crc) return Fail(Code::kDataLoss, std::string(what) + " has a wrong checksum");
  return sealed;
}

bool Parse(google::protobuf::MessageLite& message, std::string_view bytes) {
  const int size = static_cast<int>(bytes.size());
  if (message.ParseFromArray(bytes.data(), size)) return true;
  // The quick way stops at protobuf's own depth of 100.
  google::protobuf::io::CodedInputStream stream(reinterpret_cast<const std::uint8_t*>(bytes.data()), size);
  stream.SetRecursionLimit(kDepthMax);
  return message.ParseFromCodedStream(&stream) && stream.ConsumedEntireMessage();
}

}  // namespace headrace::wire
