// Responses as bytes of HTTP/1.1.
// Threads: pure, but for the date.
#pragma once

#include <string>
#include <string_view>

#include "api/http/message.h"

namespace headrace::api::http {

enum class BodyFrame { kLength, kChunked, kUntilClose };

// Whether the status has a body at all.
bool MayHaveBody(int status);
// The head, its empty line included. Values that could break out of their line are cut there.
std::string HeadBytes(const HttpResponse& response, BodyFrame frame, bool keep_alive);
std::string ChunkBytes(std::string_view piece);
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";
inline constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

}  // namespace headrace::api::http
