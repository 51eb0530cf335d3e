#include "api/mend_utf8.h"

#include "common/base/text.h"

namespace headrace::api {
namespace {

constexpr std::size_t kScanBytes = 4;  // of one character at most

}  // namespace

std::string MendUtf8(std::string_view text) {
  if (IsValidUtf8(text)) return std::string(text);
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    std::size_t length = 0;
    for (std::size_t n = 1; length == 0 && n <= kScanBytes && i + n <= text.size(); ++n) {
      if (IsValidUtf8(text.substr(i, n))) length = n;
    }
    out += length > 0 ? text.substr(i, length) : std::string_view("\xEF\xBF\xBD");
    i += length > 0 ? length : 1;
  }
  return out;
}

}  // namespace headrace::api
