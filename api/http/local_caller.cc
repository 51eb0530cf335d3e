#include "api/http/local_caller.h"

#include <arpa/inet.h>

#include <algorithm>

#include "api/http/head.h"

namespace headrace::api::http {
namespace {

bool IsOurs(const std::string& host, const std::vector<std::string>& names) {
  return IsLoopbackHost(host) || std::find(names.begin(), names.end(), host) != names.end();
}

// "https://name:port"; also "null", which is nobody's.
bool IsOurOrigin(std::string_view origin, const std::vector<std::string>& names) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!origin.starts_with(scheme)) continue;
    const Result<std::string> host = HostName(origin.substr(scheme.size()));
    return host && IsOurs(*host, names);
  }
  return false;
}

}  // namespace

bool IsLoopbackHost(std::string_view host) {
  if (host == "localhost" || host == "::1") return true;
  in_addr address{};
  return inet_pton(AF_INET, std::string(host).c_str(), &address) == 1 && (ntohl(address.s_addr) >> 24U) == 127;
}

Status CheckLocalCaller(const std::string& host, const Headers& headers, const std::vector<std::string>& names) {
  if (!IsOurs(host, names)) {
    return Fail(Code::kPermissionDenied,
                "without tokens this server answers under the names of this machine only (localhost, 127.0.0.1); name "
                "others with --http-names");
  }
  for (const Header& header : headers) {
    const bool foreign = (SameName(header.name, "Origin") && !IsOurOrigin(header.value, names)) ||
                         (SameName(header.name, "Sec-Fetch-Site") && header.value == "cross-site");
    if (foreign) return Fail(Code::kPermissionDenied, "a page of another origin may not ask here");
  }
  return {};
}

}  // namespace headrace::api::http
