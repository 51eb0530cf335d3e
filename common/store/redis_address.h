// Where a Redis is: one server, a unix socket, the sentinels that know the master, or nodes of a cluster.
// Shapes: redis://[user:password@]host[:6379][/db], rediss:// (TLS), redis+unix:///path[?db=N],
//   redis+sentinel://[user:password@]host[:26379],…/master[/db], redis+cluster://[user:password@]host[:6379],…;
//   options behind '?' (docs/redis.md).
// Errors: INVALID_ARGUMENT with the form that would be right; no message holds a password.
// Threads: pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.h"
#include "common/base/time.h"

namespace headrace::store {

struct RedisEndpoint {
  std::string host{};
  std::string port{};
  std::string path{};  // of a unix socket, instead of host and port
  std::string ToString() const { return path.empty() ? host + ":" + port : path; }
  bool operator==(const RedisEndpoint&) const = default;
};

struct RedisTls {
  bool on = false;
  std::string ca_file{};    // empty: the system's
  std::string cert_file{};  // with key_file: mutual TLS
  std::string key_file{};
};

struct RedisAddress {
  std::vector<RedisEndpoint> endpoints{};  // of the server, of the sentinels, or of some nodes of the cluster
  std::string master{};                    // what the sentinels call it; empty: no sentinels
  bool cluster = false;
  std::string user{};
  std::string password{};
  std::string sentinel_password{};
  int database = 0;
  RedisTls tls{};

  bool sentinel() const { return !master.empty(); }
  // As a person wrote it, without passwords.
  std::string ToString() const;
};

// Whether the text names a Redis at all, rather than a file.
bool IsRedisUrl(std::string_view text);
// "redis://user:secret@h" without what is between ':' and '@', for messages about a text that cannot be read; where it cannot
// be told apart, without everything before '@'.
std::string WithoutPassword(std::string_view url);
Result<RedisAddress> ParseRedisUrl(std::string_view url);

}  // namespace headrace::store
