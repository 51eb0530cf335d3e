#include <algorithm>
#include <charconv>
#include <string_view>

#include "common/queue/zmq_context.h"

namespace headrace::queue {
namespace {

constexpr std::string_view kTcp = "tcp://";
constexpr std::string_view kIpc = "ipc://";

tl::unexpected<Error> Malformed(const std::string& endpoint, std::string_view what) {
  return InvalidArgument("queue address \"" + endpoint + "\": " + std::string(what) + "; an example: tcp://127.0.0.1:5555");
}

bool IsPort(std::string_view text) {
  if (text == "*") return true;
  int port = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size() && port >= 0 && port <= 65535;
}

bool IsLoopback(std::string_view host) {
  if (host == "[::1]") return true;
  return host.starts_with("127.") && std::all_of(host.begin(), host.end(), [](char c) { return c == '.' || (c >= '0' && c <= '9'); });
}

}  // namespace

Result<std::string> CheckEndpoint(const std::string& endpoint, bool has_keys) {
  // A socket file is guarded by the rights of its folder.
  if (endpoint.starts_with(kIpc) && endpoint.size() > kIpc.size()) return endpoint;
  if (!endpoint.starts_with(kTcp)) return Malformed(endpoint, "it must begin with tcp:// or ipc://");
  const std::string_view rest = std::string_view(endpoint).substr(kTcp.size());
  const std::size_t colon = rest.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return Malformed(endpoint, "host and port are expected");
  const std::string_view port = rest.substr(colon + 1);
  if (!IsPort(port)) return Malformed(endpoint, "\"" + std::string(port) + "\" is no port");
  std::string host(rest.substr(0, colon));
  if (host == "localhost") host = "127.0.0.1";
  if (!has_keys && !IsLoopback(host)) {
    return Fail(Code::kPermissionDenied,
                "queue address \"" + endpoint + "\": others could reach " + host +
                    ", and without keys the queue neither encrypts nor asks who comes: make keys with headrace keys new and name them "
                    "(--queue-key and --queue-authorized of the scheduler, --key and --scheduler-key of the worker), or use a loopback "
                    "address such as tcp://127.0.0.1:5555");
  }
  return std::string(kTcp) + host + ":" + std::string(port);
}

}  // namespace headrace::queue
