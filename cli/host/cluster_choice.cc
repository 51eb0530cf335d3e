#include "cli/host/cluster_choice.h"

#include <arpa/inet.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <utility>

#include "api/address.h"
#include "cli/commands/arguments.h"
#include "cli/pem.h"
#include "cli/version.h"
#include "common/base/random.h"
#include "common/base/text.h"

namespace headrace::cli {
namespace {

constexpr std::string_view kTcp = "tcp://";
constexpr Duration kLeaseMin = std::chrono::seconds(1);
constexpr Duration kLeaseMax = std::chrono::seconds(60);
constexpr Duration kTaskLease = std::chrono::seconds(10);
constexpr int kIdDigits = 8;

std::string OwnHost() {
  std::array<char, 256> host{};
  return gethostname(host.data(), host.size() - 1) == 0 ? std::string(host.data()) : "localhost";
}

std::string NewId() {
  Random random = Random::FromSystem();
  std::string id = OwnHost() + "-" + std::to_string(getpid()) + "-";
  for (int i = 0; i < kIdDigits; ++i) id += "0123456789abcdef"[random.Below(16)];
  return id;
}

bool IsHost(const std::string& host) {
  in6_addr six{};
  if (host.find(':') != std::string::npos) return inet_pton(AF_INET6, host.c_str(), &six) == 1;
  return !host.empty() && std::all_of(host.begin(), host.end(), [](unsigned char c) { return std::isalnum(c) != 0 || c == '.' || c == '-' || c == '_'; });
}

// Nothing when nobody could connect to that.
std::optional<api::HostPort> ParseAdvertised(const std::string& text, int bound_port) {
  api::HostPort out{.host = text, .port = bound_port};
  const bool bracketed = text.starts_with('[');
  if (bracketed && text.ends_with(']')) {
    out.host = text.substr(1, text.size() - 2);
  } else if (bracketed || std::count(text.begin(), text.end(), ':') == 1) {
    const auto split = api::SplitAddress(text);
    if (!split) return std::nullopt;
    out.host = split->host;
    if (split->port != 0) out.port = split->port;
  }
  if (!IsHost(out.host) || api::IsWildcard(out.host)) return std::nullopt;
  return out;
}

Result<api::HostPort> OfBound(const std::string& bound) {
  ASSIGN_OR_RETURN(api::HostPort out, api::SplitAddress(bound));
  if (api::IsWildcard(out.host)) out.host = OwnHost();
  return out;
}

Result<std::string> ReadToken(const std::string& file) {
  std::string text;
  if (file.empty()) {
    const char* token = std::getenv("HEADRACE_PEER_TOKEN");
    text = token == nullptr ? "" : token;
  } else {
    std::ifstream stream(file, std::ios::binary);
    if (!stream) return InvalidArgument("--peer-token-file " + file + " cannot be read");
    text.assign(std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>());
    if (Trim(text).empty()) return InvalidArgument("--peer-token-file " + file + " is empty: it holds a token of role scheduler");
  }
  const std::string token(Trim(text));
  if (token.find_first_of(" \t\r\n") == std::string::npos) return token;
  return InvalidArgument((file.empty() ? "HEADRACE_PEER_TOKEN" : "--peer-token-file " + file) +
                         " holds more than one word: it is the token alone, without its name and role");
}

Result<std::optional<api::PeerTls>> TrustOf(const ClusterFlags& flags, const std::optional<api::ApiTls>& tls) {
  if (!tls) {
    if (flags.peer_ca.empty() && flags.peer_name.empty() && flags.peer_token_file.empty()) return std::nullopt;
    return InvalidArgument("--peer-ca, --peer-name and --peer-token-file are for an API with TLS: name --grpc-cert, --grpc-key and --token-file, too");
  }
  api::PeerTls peers{.ca = "system", .certificate = tls->certificate, .key = tls->key, .name = flags.peer_name};
  if (flags.peer_ca.empty() && !tls->client_ca.empty()) peers.ca = tls->client_ca;
  if (!flags.peer_ca.empty() && flags.peer_ca != "system") {
    ASSIGN_OR_RETURN(peers.ca, ReadPem(flags.peer_ca, "--peer-ca"));
  }
  ASSIGN_OR_RETURN(peers.token, ReadToken(flags.peer_token_file));
  if (peers.token.empty()) {
    spdlog::warn("this scheduler cannot ask others: they want a token of role scheduler from it; set HEADRACE_PEER_TOKEN or --peer-token-file");
  }
  return peers;
}

}  // namespace

Result<std::string> AdvertisedApi(const std::string& wanted, const std::string& bound) {
  ASSIGN_OR_RETURN(const api::HostPort own, OfBound(bound));
  if (wanted.empty()) return own.ToString();
  if (const auto parsed = ParseAdvertised(wanted, own.port)) return parsed->ToString();
  return InvalidArgument("--advertise '" + wanted + "' is no address that other schedulers could connect to: it must be HOST, HOST:PORT or " +
                         "[IPV6]:PORT, such as 10.1.2.3:8082");
}

Result<std::string> AdvertisedWorkers(const std::string& wanted, const std::string& bound) {
  api::HostPort own;
  if (bound.starts_with(kTcp)) {
    ASSIGN_OR_RETURN(own, OfBound(bound.substr(kTcp.size())));
    if (wanted.empty()) return std::string(kTcp) + own.ToString();
  }
  if (wanted.empty()) return bound;
  const auto parsed = ParseAdvertised(wanted.starts_with(kTcp) ? wanted.substr(kTcp.size()) : wanted, own.port);
  if (parsed && parsed->port != 0) return std::string(kTcp) + parsed->ToString();
  return InvalidArgument("--advertise-workers '" + wanted + "' is no address that workers could connect to: it must be tcp://HOST:PORT, such as " +
                         "tcp://10.1.2.3:5570");
}

Result<ClusterChoice> ChooseCluster(const ClusterFlags& flags, const std::string& bound, const std::optional<api::ApiTls>& tls) {
  ClusterChoice choice;
  choice.id = NewId();
  choice.workers = flags.advertise_workers;
  choice.build = kVersion;
  ASSIGN_OR_RETURN(choice.api_address, AdvertisedApi(flags.advertise, bound));
  RETURN_IF_ERROR(AdvertisedWorkers(flags.advertise_workers, "tcp://127.0.0.1:1"));
  ASSIGN_OR_RETURN(choice.lease, ParseSpan(flags.partition_lease));
  if (choice.lease < kLeaseMin || choice.lease > kLeaseMax) {
    return InvalidArgument("--partition-lease " + flags.partition_lease +
                           " must be from 1s to 60s: so long the executions of a scheduler that died wait for another one");
  }
  ASSIGN_OR_RETURN(choice.peers.tls, TrustOf(flags, tls));
  return choice;
}

Result<Duration> LeaseOfTasks(const std::string& wanted, Duration of_partition) {
  // The worker ends a task before its lease does, and may have renewed it a heartbeat before its scheduler died.
  const Duration enough = 2 * of_partition;
  if (wanted.empty()) return std::max<Duration>(kTaskLease, enough);
  ASSIGN_OR_RETURN(const Duration lease, ParseSpan(wanted));
  if (lease < std::chrono::seconds(1)) return InvalidArgument("--lease must be at least 1s");
  if (lease < enough) {
    spdlog::warn("--lease {} is less than twice --partition-lease {}: what runs when its scheduler dies may end before another one has taken over, and "
                 "is run again then", FormatDuration(lease), FormatDuration(of_partition));
  }
  return lease;
}

Status RefuseClusterFlags(const ClusterFlags& flags) {
  const std::pair<const char*, const std::string*> given[] = {{"--advertise", &flags.advertise},
                                                              {"--advertise-workers", &flags.advertise_workers},
                                                              {"--peer-ca", &flags.peer_ca},
                                                              {"--peer-name", &flags.peer_name},
                                                              {"--peer-token-file", &flags.peer_token_file}};
  for (const auto& [name, value] : given) {
    if (!value->empty()) return InvalidArgument(std::string(name) + " is for schedulers that share a Redis: name that with --store");
  }
  return {};
}

}  // namespace headrace::cli
