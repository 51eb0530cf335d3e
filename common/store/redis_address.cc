#include "common/store/redis_address.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "common/base/text.h"

namespace headrace::store {
namespace {

constexpr std::string_view kForms =
    "write redis://[user:password@]host[:port][/db], rediss://…, redis+unix:///path[?db=N], "
    "redis+sentinel://host,host,host/master or redis+cluster://host,host,host";

tl::unexpected<Error> Wrong(std::string_view url, const std::string& what) {
  return InvalidArgument("the address of Redis '" + WithoutPassword(url) + "' " + what + "; " + std::string(kForms));
}

std::optional<int> Hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return std::nullopt;
}

std::string Decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && Hex(text[i + 1]) && Hex(text[i + 2])) {
      out += static_cast<char>(*Hex(text[i + 1]) * 16 + *Hex(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::vector<std::string_view> Split(std::string_view text, char mark) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t end = text.find(mark);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

bool ParseDatabase(std::string_view text, int& to) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), to);
  return error == std::errc() && end == text.data() + text.size() && to >= 0 && to < 1'000'000;
}

bool ParseEndpoint(std::string_view text, const char* port, RedisEndpoint& to) {
  to.port = port;
  if (text.starts_with('[')) {  // an IPv6 address
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return false;
    to.host = text.substr(1, end - 1);
    text.remove_prefix(end + 1);
  } else {
    const std::size_t end = std::min(text.find(':'), text.size());
    to.host = text.substr(0, end);
    text.remove_prefix(end);
  }
  if (text.starts_with(':')) to.port = text.substr(1);
  else if (!text.empty()) return false;
  int number = 0;
  const auto [end, error] = std::from_chars(to.port.data(), to.port.data() + to.port.size(), number);
  return !to.host.empty() && error == std::errc() && end == to.port.data() + to.port.size() && number > 0 && number < 65536;
}

// What stands behind '?'.
Status ParseOptions(std::string_view url, std::string_view text, RedisAddress& to) {
  if (text.empty()) return {};
  for (const std::string_view option : Split(text, '&')) {
    const std::size_t mark = std::min(option.find('='), option.size());
    const std::string name(option.substr(0, mark));
    const std::string value = mark < option.size() ? Decoded(option.substr(mark + 1)) : "";
    if (name == "db") {
      if (!ParseDatabase(value, to.database)) return Wrong(url, "has the database '" + value + "', which is no number");
    } else if (name == "ca") {
      to.tls.ca_file = value;
    } else if (name == "cert") {
      to.tls.cert_file = value;
    } else if (name == "key") {
      to.tls.key_file = value;
    } else if (name == "sentinel_password") {
      to.sentinel_password = value;
    } else {
      const auto near = Nearest(name, {"db", "ca", "cert", "key", "sentinel_password"});
      return Wrong(url, "has an unknown option '" + name + "'" + (near ? ", did you mean '" + *near + "'?" : ""));
    }
  }
  return {};
}

Status ParsePath(std::string_view url, std::string_view path, bool sentinel, RedisAddress& to) {
  std::vector<std::string_view> parts;
  if (!path.empty()) parts = Split(path.substr(1), '/');
  if (sentinel) {
    if (parts.empty() || parts[0].empty()) return Wrong(url, "does not say what the sentinels call the master");
    to.master = Decoded(parts[0]);
    parts.erase(parts.begin());
  }
  if (parts.size() > 1) return Wrong(url, "has too many '/'");
  if (!parts.empty() && !parts[0].empty() && !ParseDatabase(parts[0], to.database)) {
    return Wrong(url, "has the database '" + std::string(parts[0]) + "', which is no number");
  }
  return {};
}

}  // namespace

bool IsRedisUrl(std::string_view text) { return text.starts_with("redis://") || text.starts_with("rediss://") || text.starts_with("redis+"); }

std::string WithoutPassword(std::string_view url) {
  const std::size_t at = url.rfind('@');
  if (at == std::string_view::npos) return std::string(url.substr(0, url.find('?')));
  // A password may hold what ends a place, and without a scheme nobody knows where it begins.
  const std::size_t scheme = url.substr(0, at).find("://");
  const std::size_t start = scheme == std::string_view::npos ? 0 : scheme + 3;
  const bool clear = start > 0 && url.find_first_of("/?", start) > at;
  const std::size_t colon = url.substr(0, at).find(':', start);
  const std::size_t shown = !clear ? start : colon == std::string_view::npos ? at : colon + 1;
  const std::string_view rest = url.substr(at);
  return std::string(url.substr(0, shown)) + (shown < at ? "***" : "") + std::string(rest.substr(0, rest.find('?')));
}

Result<RedisAddress> ParseRedisUrl(std::string_view url) {
  RedisAddress address;
  const std::size_t scheme_end = url.find("://");
  if (scheme_end == std::string_view::npos || url.find('@') < scheme_end) return Wrong(url, "has no scheme");
  const std::string_view scheme = url.substr(0, scheme_end);
  std::string_view rest = url.substr(scheme_end + 3);
  if (const std::size_t at = rest.rfind('@'); at != std::string_view::npos && rest.find_first_of("/?") < at) {
    return InvalidArgument("an address of Redis has an '@' behind its first '/' or '?', so that nobody can tell its password from the rest: "
                           "write %2F for '/', %3F for '?' and %40 for '@' in names and passwords, and %40 in what stands behind them; " +
                           std::string(kForms));
  }
  const std::size_t mark = std::min(rest.find('?'), rest.size());
  RETURN_IF_ERROR(ParseOptions(url, mark < rest.size() ? rest.substr(mark + 1) : "", address));
  rest = rest.substr(0, mark);
  constexpr std::array<std::string_view, 7> kSchemes{"redis", "rediss", "redis+unix", "redis+sentinel", "rediss+sentinel",
                                                     "redis+cluster", "rediss+cluster"};
  if (std::find(kSchemes.begin(), kSchemes.end(), scheme) == kSchemes.end()) {
    return Wrong(url, "has the unknown scheme '" + std::string(scheme) + "'");
  }
  address.tls.on = scheme.starts_with("rediss");
  const bool sentinel = scheme.ends_with("sentinel");
  address.cluster = scheme.ends_with("cluster");
  const std::size_t slash = std::min(rest.find('/'), rest.size());
  std::string_view place = rest.substr(0, slash);
  if (const std::size_t at = place.rfind('@'); at != std::string_view::npos) {
    const std::string_view login = place.substr(0, at);
    const std::size_t colon = std::min(login.find(':'), login.size());
    address.user = Decoded(login.substr(0, colon));
    if (colon < login.size()) address.password = Decoded(login.substr(colon + 1));
    place.remove_prefix(at + 1);
  }
  if (scheme == "redis+unix") {
    if (slash >= rest.size()) return Wrong(url, "names no socket");
    address.endpoints.push_back({.path = Decoded(rest.substr(slash))});
    return address;
  }
  for (const std::string_view one : Split(place, ',')) {
    if (!ParseEndpoint(one, sentinel ? "26379" : "6379", address.endpoints.emplace_back())) {
      return Wrong(url, "has the place '" + std::string(one) + "', which is no host[:port]");
    }
  }
  if (!sentinel && !address.cluster && address.endpoints.size() > 1) {
    return Wrong(url, "names several servers, which only sentinels and nodes of a cluster may be");
  }
  RETURN_IF_ERROR(ParsePath(url, rest.substr(slash), sentinel, address));
  if (address.cluster && address.database != 0) return Wrong(url, "has a database, of which a cluster has only 0");
  return address;
}

std::string RedisAddress::ToString() const {
  std::string text = endpoints.front().path.empty() ? (tls.on ? "rediss" : "redis") : "redis+unix";
  if (sentinel()) text += "+sentinel";
  if (cluster) text += "+cluster";
  text += "://";
  if (!user.empty()) text += user + "@";
  for (std::size_t i = 0; i < endpoints.size(); ++i) text += (i > 0 ? "," : "") + endpoints[i].ToString();
  if (sentinel()) text += "/" + master;
  if (database != 0) text += (endpoints.front().path.empty() ? "/" : "?db=") + std::to_string(database);
  return text;
}

}  // namespace headrace::store
