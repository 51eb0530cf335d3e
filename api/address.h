// Addresses of the API: HOST:PORT taken apart, and a port that is kept for us until gRPC listens on it.
// Errors: INVALID_ARGUMENT says what an address looks like; a port in use is UNAVAILABLE naming it and what to do.
// Threads: plain values.
#pragma once

#include <string>

#include "common/base/error.h"

namespace headrace::api {

struct HostPort {
  std::string host;  // without brackets
  int port = 0;
  std::string ToString() const;  // "[::1]:8082"
};

Result<HostPort> SplitAddress(const std::string& address);
bool IsLoopback(const std::string& host);
// "0.0.0.0", "::": every address of the machine, and none to connect to.
bool IsWildcard(const std::string& host);
// Why nobody can listen there: gRPC itself only says that it failed.
Error CannotListen(const HostPort& where);

// A port that is bound and not listened on: the kernel gives it to nobody who asks for a free one, and who binds it by its number
// with SO_REUSEADDR, as gRPC does, gets it.
class HeldPort {
 public:
  // Port 0 takes a free one. A host that only gRPC can resolve is held by nobody: its address is as it was given.
  static Result<HeldPort> Take(const std::string& address);
  HeldPort(HeldPort&& other) noexcept;
  HeldPort& operator=(HeldPort&&) = delete;
  ~HeldPort();

  // With the port that is held.
  std::string address() const { return where_.ToString(); }
  int port() const { return where_.port; }

 private:
  HeldPort(int fd, HostPort where) : fd_(fd), where_(std::move(where)) {}
  int fd_;
  HostPort where_;
};

}  // namespace headrace::api
