#include "api/http/target.h"

#include <algorithm>

#include "common/base/text.h"

namespace headrace::api::http {
namespace {

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool IsControl(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }
bool IsVisible(char c) { return c > 0x20 && c < 0x7f; }

Result<std::string> Decode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      out += ' ';
    } else if (text[i] != '%') {
      out += text[i];
    } else {
      const int high = i + 2 < text.size() ? HexDigit(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? HexDigit(text[i + 2]) : -1;
      if (high < 0 || low < 0) return InvalidArgument("the target has a '%' that no two hexadecimal digits follow");
      out += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  if (!IsValidUtf8(out)) return InvalidArgument("the target is not UTF-8 once it is decoded");
  return out;
}

Status CheckSegment(const std::string& text) {
  if (text == "." || text == "..") return InvalidArgument("the path may not have the segments '.' and '..'");
  if (std::any_of(text.begin(), text.end(), IsControl)) return InvalidArgument("the path has control characters");
  if (text.find('\\') != std::string::npos) return InvalidArgument("the path has a backslash");
  return {};
}

Result<std::vector<Segment>> ParsePath(std::string_view path) {
  std::vector<Segment> segments;
  while (!path.empty()) {
    path.remove_prefix(1);  // the '/'
    const std::size_t end = std::min(path.find('/'), path.size());
    ASSIGN_OR_RETURN(std::string text, Decode(path.substr(0, end), false));
    RETURN_IF_ERROR(CheckSegment(text));
    const bool slashed = text.find('/') != std::string::npos;
    if (segments.size() == kSegmentsMax) return InvalidArgument("the path is too deep");
    segments.push_back({std::move(text), slashed});
    path.remove_prefix(end);
  }
  return segments;
}

// "http://host:port/path": a proxy's form, which servers must take too. What is left is the path.
Status TakeAuthority(std::string_view& target, std::string& authority) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!target.starts_with(scheme)) continue;
    target.remove_prefix(scheme.size());
    const std::size_t end = std::min(target.find_first_of("/?"), target.size());
    authority = target.substr(0, end);
    target.remove_prefix(end);
    if (authority.empty()) return InvalidArgument("the target names no host");
    if (!target.starts_with('/')) return InvalidArgument("the target has no path");
  }
  return {};
}

}  // namespace

Result<std::string> PercentDecode(std::string_view text, bool plus_is_space) { return Decode(text, plus_is_space); }

Result<Parameters> ParseQuery(std::string_view query) {
  Parameters out;
  std::size_t count = 0;
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (pair.empty()) continue;
    if (++count > kParametersMax) return InvalidArgument("more than 1000 query parameters");
    const std::size_t equals = std::min(pair.find('='), pair.size());
    ASSIGN_OR_RETURN(std::string name, Decode(pair.substr(0, equals), true));
    ASSIGN_OR_RETURN(std::string value, Decode(pair.substr(std::min(equals + 1, pair.size())), true));
    if (name.find('\0') != std::string::npos || value.find('\0') != std::string::npos) {
      return InvalidArgument("the query has a NUL character");
    }
    out[std::move(name)].push_back(std::move(value));
  }
  return out;
}

Result<Target> ParseTarget(std::string_view target) {
  Target out;
  if (!std::all_of(target.begin(), target.end(), IsVisible))
    return InvalidArgument("the target has characters that must be percent-encoded");
  if (target.find('#') != std::string_view::npos) return InvalidArgument("the target has a fragment");
  RETURN_IF_ERROR(TakeAuthority(target, out.authority));
  if (!target.starts_with('/')) return InvalidArgument("the target must begin with '/'");
  const std::size_t question = std::min(target.find('?'), target.size());
  out.query = target.substr(std::min(question + 1, target.size()));
  ASSIGN_OR_RETURN(out.path, ParsePath(target.substr(0, question)));
  ASSIGN_OR_RETURN(out.parameters, ParseQuery(out.query));
  return out;
}

}  // namespace headrace::api::http
