// The head of a member in a tar file: 512 bytes of texts and octal numbers.
// Errors: a block that is no such head is nothing. Threads: pure. Source: POSIX ustar, and GNU's long names and large sizes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace headrace::cli {

inline constexpr std::size_t kTarBlock = 512;
inline constexpr std::size_t kTarName = 100;

struct TarHead {
  std::string name{};
  std::uint64_t size = 0;
  std::int64_t modified_s = 0;
  unsigned mode = 0644;
  char kind = '0';  // '0' a file, 'L' the long name of the next
};

// REQUIRES: the name has at most kTarName bytes.
std::string PackTarHead(const TarHead& head);
std::optional<TarHead> UnpackTarHead(std::string_view block);
// Bytes that follow so many of a member until the next block.
inline std::size_t TarPadding(std::uint64_t size) { return static_cast<std::size_t>((kTarBlock - size % kTarBlock) % kTarBlock); }

}  // namespace headrace::cli
