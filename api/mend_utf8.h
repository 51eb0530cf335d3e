// Bytes that must be text for JSON or protobuf, made so.
// Threads: pure.
#pragma once

#include <string>
#include <string_view>

namespace headrace::api {

// Replaces bytes that are no UTF-8 by U+FFFD.
std::string MendUtf8(std::string_view text);

}  // namespace headrace::api
