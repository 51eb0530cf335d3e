// The target of a request: path and query, decoded once and checked.
// Shapes: "/a%20b/c?x=1&x=2" is the segments "a b", "c" and x = ["1", "2"]; order of parameters is kept by name.
// Errors: INVALID_ARGUMENT says what is wrong, never what was sent: a webhook's key is part of its path.
// Threads: pure. Source: RFC 3986, RFC 9112 section 3.2; FAILURES row 75.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.h"

namespace headrace::api::http {

inline constexpr std::size_t kParametersMax = 1000;
inline constexpr std::size_t kSegmentsMax = 64;

using Parameters = std::map<std::string, std::vector<std::string>>;

struct Segment {
  std::string text;
  bool slashed = false;  // holds a '/' that was sent as %2F
  bool operator==(const Segment&) const = default;
};

struct Target {
  std::vector<Segment> path;
  Parameters parameters{};
  std::string authority{};  // of "GET http://host/path"; else empty
  std::string query{};      // as it came
};

// Decodes %XX once. A '%' without its digits, or what is no UTF-8 then, is an error.
Result<std::string> PercentDecode(std::string_view text, bool plus_is_space);
Result<Parameters> ParseQuery(std::string_view query);
Result<Target> ParseTarget(std::string_view target);

}  // namespace headrace::api::http
