#include "worker/http_client/address_rules.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace headrace::worker {
namespace {

// Networks of IPv4 that are nobody's on the Internet or this machine's; private ones are where companies live.
const std::vector<std::string>& Refused() {
  static const std::vector<std::string> networks = {
      "0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "192.0.0.0/24", "224.0.0.0/4", "240.0.0.0/4",
      "::/127", "fe80::/10", "ff00::/8", "fd00:ec2::254/128"};
  return networks;
}

bool Starts(const std::array<std::uint8_t, 16>& bytes, std::initializer_list<std::uint8_t> prefix) {
  return std::equal(prefix.begin(), prefix.end(), bytes.begin());
}

}  // namespace

bool AddressRules::Network::Holds(const Bytes& address) const {
  const auto whole = static_cast<std::size_t>(bits / 8);
  if (!std::equal(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(whole), address.begin())) return false;
  const int rest = bits % 8;
  if (rest == 0) return true;
  const auto mask = static_cast<std::uint8_t>(0xff << (8 - rest));
  return (bytes[whole] & mask) == (address[whole] & mask);
}

AddressRules::Bytes AddressRules::ToBytes(const sockaddr& address) {
  Bytes bytes{};
  if (address.sa_family == AF_INET) {
    bytes[10] = bytes[11] = 0xff;
    std::memcpy(&bytes[12], &reinterpret_cast<const sockaddr_in&>(address).sin_addr, 4);
    return bytes;
  }
  std::memcpy(bytes.data(), &reinterpret_cast<const sockaddr_in6&>(address).sin6_addr, 16);
  // Other ways to write an IPv4 address: 6to4, NAT64 and the old compatible form.
  if (Starts(bytes, {0x20, 0x02})) std::copy_n(bytes.begin() + 2, 4, bytes.begin() + 12);
  else if (!Starts(bytes, {0x00, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0}) &&
           !(Starts(bytes, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}) && (bytes[12] | bytes[13] | bytes[14]) != 0))
    return bytes;
  std::fill_n(bytes.begin(), 10, std::uint8_t{0});
  bytes[10] = bytes[11] = 0xff;
  return bytes;
}

Result<AddressRules::Network> AddressRules::ParseNetwork(const std::string& text) {
  const auto refuse = [&] { return InvalidArgument("'" + text + "' is no network such as 127.0.0.0/8 or ::1/128"); };
  const std::size_t slash = text.find('/');
  const std::string host = text.substr(0, slash);
  Network network;
  int most = 128;
  sockaddr_in six_or_four{};
  sockaddr_in6 six{};
  if (inet_pton(AF_INET, host.c_str(), &six_or_four.sin_addr) == 1) {
    six_or_four.sin_family = AF_INET;
    network.bytes = ToBytes(reinterpret_cast<const sockaddr&>(six_or_four));
    most = 32;
  } else if (inet_pton(AF_INET6, host.c_str(), &six.sin6_addr) == 1) {
    std::memcpy(network.bytes.data(), &six.sin6_addr, 16);
  } else {
    return refuse();
  }
  network.bits = most;
  if (slash != std::string::npos) {
    const char* end = text.data() + text.size();
    const auto [stop, problem] = std::from_chars(text.data() + slash + 1, end, network.bits);
    if (problem != std::errc() || stop != end || network.bits < 0 || network.bits > most) return refuse();
  }
  if (most == 32) network.bits += 96;
  return network;
}

Result<AddressRules> AddressRules::Parse(const std::vector<std::string>& allowed) {
  AddressRules rules;
  for (const std::string& text : allowed) {
    ASSIGN_OR_RETURN(const Network network, ParseNetwork(text));
    rules.allowed_.push_back(network);
  }
  return rules;
}

std::string AddressRules::Refuse(const sockaddr& address) const {
  if (address.sa_family != AF_INET && address.sa_family != AF_INET6) return "it is no Internet address";
  const Bytes bytes = ToBytes(address);
  const auto holds = [&](const Network& network) { return network.Holds(bytes); };
  if (std::any_of(allowed_.begin(), allowed_.end(), holds)) return {};
  for (const std::string& text : Refused()) {
    const auto network = ParseNetwork(text);
    if (network && network->Holds(bytes)) return "it is in " + text + ", which this worker does not allow (http_allow)";
  }
  return {};
}

std::string AddressRules::RefuseHost(const std::string& host) const {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST;
  addrinfo* found = nullptr;
  if (getaddrinfo(host.c_str(), nullptr, &hints, &found) != 0) return {};
  std::string why;
  for (const addrinfo* at = found; at != nullptr && why.empty(); at = at->ai_next) why = Refuse(*at->ai_addr);
  freeaddrinfo(found);
  return why;
}

}  // namespace headrace::worker
