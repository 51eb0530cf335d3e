// HMAC-SHA256 over bytes as they came, compared without telling by time where they differ.
// Threads: pure. Source: OpenSSL; GITHUB 3.4.
#pragma once

#include <string>
#include <string_view>

namespace headrace::api::http {

// Lower-case hex.
std::string HmacSha256Hex(std::string_view secret, std::string_view bytes);
bool EqualInConstantTime(std::string_view left, std::string_view right);

}  // namespace headrace::api::http
