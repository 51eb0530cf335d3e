// Base64 with the standard alphabet. Threads: pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace headrace::expr {

std::string ToBase64(std::string_view bytes);
// Nothing if `text` is no base64; padding may be missing.
std::optional<std::string> FromBase64(std::string_view text);

}  // namespace headrace::expr
