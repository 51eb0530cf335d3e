// Which addresses HTTP of tasks may be connected to. Asked for the very address of every connection, so that neither a
// name that changes its address nor a redirect leads around it.
// Shapes: refused are loopback, link-local (metadata services), unspecified, multicast, broadcast and reserved ones, also
//   as IPv4 inside IPv6, unless a listed network holds them.
// Errors: a text that is no network. Threads: immutable. Source: FAILURES row 71.
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "common/base/error.h"

namespace headrace::worker {

class AddressRules {
 public:
  // `allowed`: networks such as "127.0.0.0/8" and "::1/128"; an address alone is a network of one.
  static Result<AddressRules> Parse(const std::vector<std::string>& allowed);
  // Empty: it may be connected to. Else why not.
  std::string Refuse(const sockaddr& address) const;
  // Of a host that is an address already; empty for names.
  std::string RefuseHost(const std::string& host) const;

 private:
  using Bytes = std::array<std::uint8_t, 16>;  // IPv4 as ::ffff:a.b.c.d
  struct Network {
    Bytes bytes{};
    int bits = 0;
    bool Holds(const Bytes& address) const;
  };
  static Result<Network> ParseNetwork(const std::string& text);
  static Bytes ToBytes(const sockaddr& address);

  std::vector<Network> allowed_;
};

}  // namespace headrace::worker
