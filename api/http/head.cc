#include "api/http/head.h"

#include <algorithm>
#include <charconv>

#include "common/base/text.h"

namespace headrace::api::http {
namespace {

constexpr std::uint64_t kLengthMax = 1ULL << 40U;

std::vector<std::string_view> All(const Headers& headers, std::string_view name) {
  std::vector<std::string_view> out;
  for (const Header& header : headers) {
    if (SameName(header.name, name)) out.push_back(header.value);
  }
  return out;
}

bool HasToken(const Headers& headers, std::string_view name, std::string_view token) {
  for (std::string_view value : All(headers, name)) {
    while (!value.empty()) {
      const std::size_t end = std::min(value.find(','), value.size());
      if (SameName(Trim(value.substr(0, end)), token)) return true;
      value.remove_prefix(std::min(end + 1, value.size()));
    }
  }
  return false;
}

bool IsTokenChar(char c) {
  const bool alphanumeric = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  return alphanumeric || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

Status CheckNames(const Headers& headers) {
  for (const Header& header : headers) {
    if (header.name.empty() || !std::all_of(header.name.begin(), header.name.end(), IsTokenChar)) {
      return InvalidArgument("a header has a name that is none");
    }
  }
  return {};
}

Status CheckLength(const Head& head, Framing& out) {
  const auto lengths = All(head.headers, "Content-Length");
  const auto codings = All(head.headers, "Transfer-Encoding");
  if (!lengths.empty() && !codings.empty())
    return InvalidArgument("a request has Content-Length or Transfer-Encoding, not both");
  if (lengths.size() > 1) return InvalidArgument("more than one Content-Length");
  if (codings.size() > 1) return InvalidArgument("more than one Transfer-Encoding");
  if (!codings.empty()) {
    if (head.version < 11) return InvalidArgument("HTTP/1.0 has no Transfer-Encoding");
    if (!SameName(codings[0], "chunked")) return Fail(Code::kUnimplemented, "the only Transfer-Encoding is chunked");
    out.chunked = true;
  }
  if (!lengths.empty()) {
    const char* end = lengths[0].data() + lengths[0].size();
    const auto parsed = std::from_chars(lengths[0].data(), end, out.length);
    if (parsed.ec != std::errc() || parsed.ptr != end || out.length > kLengthMax)
      return InvalidArgument("Content-Length is no number");
  }
  return {};
}

Status CheckHost(const Head& head, Framing& out) {
  const auto hosts = All(head.headers, "Host");
  if (hosts.size() > 1) return InvalidArgument("more than one Host");
  if (hosts.empty()) return head.version < 11 ? Status() : InvalidArgument("HTTP/1.1 needs a Host");
  if (hosts[0].empty()) return {};
  ASSIGN_OR_RETURN(out.host, HostName(hosts[0]));
  return {};
}

bool IsHostChar(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_'; }

}  // namespace

Result<std::string> HostName(std::string_view authority) {
  std::string host(authority);
  for (char& c : host) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  const bool bracketed = host.starts_with('[');
  const std::size_t colon = bracketed ? host.find(':', std::min(host.find(']'), host.size())) : host.find(':');
  const std::string port = colon == std::string::npos ? "" : host.substr(colon + 1);
  if (!std::all_of(port.begin(), port.end(), [](char c) { return c >= '0' && c <= '9'; }))
    return InvalidArgument("Host has no valid port");
  host = host.substr(0, colon);
  if (bracketed) {
    const bool closed = host.size() > 2 && host.ends_with(']');
    host = closed ? host.substr(1, host.size() - 2) : "";
    const bool valid = std::all_of(host.begin(), host.end(), [](char c) { return IsHostChar(c) || c == ':'; });
    if (host.empty() || !valid) return InvalidArgument("Host is no host");
    return host;
  }
  if (host.empty() || !std::all_of(host.begin(), host.end(), IsHostChar)) return InvalidArgument("Host is no host");
  return host;
}

Result<Framing> CheckHead(const Head& head) {
  Framing out;
  RETURN_IF_ERROR(CheckNames(head.headers));
  RETURN_IF_ERROR(CheckLength(head, out));
  RETURN_IF_ERROR(CheckHost(head, out));
  out.keep_alive = head.version >= 11 ? !HasToken(head.headers, "Connection", "close")
                                      : HasToken(head.headers, "Connection", "keep-alive");
  out.expects_continue = head.version >= 11 && HasToken(head.headers, "Expect", "100-continue");
  return out;
}

std::string_view FirstLine(std::string_view bytes) { return bytes.substr(0, std::min(bytes.find('\n'), bytes.size())); }

bool NamesAVersion(std::string_view line) {
  constexpr std::string_view kPrefix = " HTTP/";
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  const std::size_t at = line.rfind(kPrefix);
  if (at == std::string_view::npos || std::count(line.begin(), line.end(), ' ') != 2) return false;
  const std::string_view version = line.substr(at + kPrefix.size());
  return version.size() == 4 && digit(version[0]) && version[1] == '.' && digit(version[2]) && version[3] == '\r';
}

}  // namespace headrace::api::http
