#include "api/page_token.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>

#include "common/base/hash.h"

namespace headrace::api {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";
constexpr std::size_t kDigestDigits = 16;

// Of the filter and the position together, so that a token that was changed by hand is refused as well.
std::string Digest(std::string_view filter, std::string_view position) {
  char text[kDigestDigits + 1];
  std::snprintf(text, sizeof text, "%016llx",
                static_cast<unsigned long long>(StableHash(position, StableHash(filter, 1))));
  return text;
}

}  // namespace

Result<int> PageSize(int asked) {
  if (asked < 0) {
    return Fail(Error{Code::kInvalidArgument,
                      "page_size " + std::to_string(asked) + " is negative",
                      {{"page_size", "must be 0 (the default, 50) to 1000"}}});
  }
  return asked == 0 ? kPageSizeDefault : std::min(asked, kPageSizeMax);
}

std::string MakePageToken(std::string_view filter, std::string_view position) {
  if (position.empty()) return {};
  std::string token = Digest(filter, position);
  for (const char c : position) {
    const auto byte = static_cast<unsigned char>(c);
    token += kHex[byte >> 4U];
    token += kHex[byte & 15U];
  }
  return token;
}

Result<std::string> ReadPageToken(std::string_view filter, std::string_view token) {
  if (token.empty()) return std::string();
  std::string position;
  bool valid = token.size() > kDigestDigits && token.size() % 2 == 0;
  for (std::size_t i = kDigestDigits; valid && i < token.size(); i += 2) {
    const std::size_t high = kHex.find(token[i]);
    const std::size_t low = kHex.find(token[i + 1]);
    valid = high != std::string_view::npos && low != std::string_view::npos;
    position += static_cast<char>(high * 16 + low);
  }
  if (valid && token.substr(0, kDigestDigits) == Digest(filter, position)) return position;
  return Fail(Error{Code::kInvalidArgument, "the page token does not belong to this question",
                    {{"page_token", "take next_page_token of an answer to the same filter, or leave it empty"}}});
}

}  // namespace headrace::api
