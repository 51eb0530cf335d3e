// The head of a request as it came over the wire, and what may be refused by it alone.
// Shapes: framing is decided here and must agree with what the parser does: one Content-Length of digits, or one
//   Transfer-Encoding "chunked", never both, never something else.
// Errors: INVALID_ARGUMENT (400) and UNIMPLEMENTED (501: another transfer encoding).
// Threads: pure. Source: RFC 9112 section 6; FAILURES row 64.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "api/http/message.h"

namespace headrace::api::http {

struct Head {
  std::string method;
  std::string target;
  int version = 11;  // 10 or 11
  Headers headers{};
};

struct Framing {
  bool chunked = false;
  std::uint64_t length = 0;  // 0 with `chunked`
  bool keep_alive = true;
  bool expects_continue = false;
  std::string host{};  // without port, lower case; empty when HTTP/1.0 named none
  bool has_body() const { return chunked || length > 0; }
};

Result<Framing> CheckHead(const Head& head);
// Of bytes that came as the head of a request.
std::string_view FirstLine(std::string_view bytes);
// Whether a request line, with its carriage return, ends with a version of HTTP, of whatever kind.
bool NamesAVersion(std::string_view line);
// "Example.org:80" is "example.org", "[::1]:80" is "::1". Errors: not a host.
Result<std::string> HostName(std::string_view authority);

}  // namespace headrace::api::http
