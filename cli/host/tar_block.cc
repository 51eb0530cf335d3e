#include "cli/host/tar_block.h"

#include <algorithm>

namespace headrace::cli {
namespace {

struct Field {
  std::size_t at;
  std::size_t size;
};
constexpr Field kName{0, kTarName}, kMode{100, 8}, kSize{124, 12}, kModified{136, 12}, kSum{148, 8}, kKind{156, 1}, kMagic{257, 8};
constexpr std::uint64_t kOctalMost = 077777777777;
constexpr std::string_view kGnu("ustar  \0", 8);

void PutText(std::string& block, Field field, std::string_view text) { block.replace(field.at, std::min(text.size(), field.size), text.substr(0, field.size)); }

void PutOctal(std::string& block, Field field, std::uint64_t number) {
  std::string digits(field.size - 1, '0');
  for (std::size_t i = digits.size(); i-- > 0; number >>= 3U) digits[i] = static_cast<char>('0' + (number & 7U));
  PutText(block, field, digits);
}

// GNU: a first byte of 0x80, then the number, big end first.
void PutBig(std::string& block, Field field, std::uint64_t number) {
  for (std::size_t i = field.size; i-- > 1; number >>= 8U) block[field.at + i] = static_cast<char>(number & 0xffU);
  block[field.at] = static_cast<char>(0x80);
}

std::uint64_t Number(std::string_view block, Field field) {
  const std::string_view text = block.substr(field.at, field.size);
  std::uint64_t number = 0;
  if ((static_cast<unsigned char>(text[0]) & 0x80U) != 0) {
    for (const char c : text.substr(1)) number = number << 8U | static_cast<unsigned char>(c);
    return number;
  }
  for (const char c : text) {
    if (c < '0' || c > '7') break;
    number = number << 3U | static_cast<std::uint64_t>(c - '0');
  }
  return number;
}

// Of all bytes, its own field taken as spaces.
std::uint64_t SumOf(std::string_view block) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < block.size(); ++i) {
    const bool own = i >= kSum.at && i < kSum.at + kSum.size;
    sum += own ? ' ' : static_cast<unsigned char>(block[i]);
  }
  return sum;
}

}  // namespace

std::string PackTarHead(const TarHead& head) {
  std::string block(kTarBlock, '\0');
  PutText(block, kName, head.name);
  PutOctal(block, kMode, head.mode & 07777U);
  PutOctal(block, {108, 8}, 0);
  PutOctal(block, {116, 8}, 0);
  if (head.size > kOctalMost) PutBig(block, kSize, head.size);
  else PutOctal(block, kSize, head.size);
  PutOctal(block, kModified, static_cast<std::uint64_t>(std::max<std::int64_t>(head.modified_s, 0)));
  block[kKind.at] = head.kind;
  PutText(block, kMagic, kGnu);
  PutOctal(block, {kSum.at, 7}, SumOf(block));
  block[kSum.at + 7] = ' ';
  return block;
}

std::optional<TarHead> UnpackTarHead(std::string_view block) {
  if (block.size() != kTarBlock || block.substr(kMagic.at, 5) != "ustar" || Number(block, kSum) != SumOf(block)) return std::nullopt;
  TarHead head;
  const std::string_view name = block.substr(kName.at, kName.size);
  head.name = name.substr(0, name.find('\0'));
  head.size = Number(block, kSize);
  head.modified_s = static_cast<std::int64_t>(Number(block, kModified));
  head.mode = static_cast<unsigned>(Number(block, kMode)) & 0777U;
  head.kind = block[kKind.at];
  return head;
}

}  // namespace headrace::cli
