// How to reach one GitHub: where it is, who we are there, and how much of its limits we may take.
// Shapes: a connections file is YAML {connections: {github: {NAME: {endpoint, token | app, apiVersion, webhook, budget,
//   maxConcurrent}}}}; its texts may hold expressions such as {{ secret('X') }}, rendered when a task first asks.
// Errors: INVALID_ARGUMENT naming the connection and the property; NOT_FOUND with the names that are known.
// Threads: values. Source: GITHUB 5.0; docs/adr/0011-github-in-the-worker.md.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "common/base/error.h"
#include "common/base/time.h"
#include "common/model/value.h"

namespace headrace::worker::github {

inline constexpr std::string_view kPublicEndpoint = "https://api.github.com";
// What GitHub speaks since 2026, and what every server speaks.
inline constexpr std::string_view kNewVersion = "2026-03-10";
inline constexpr std::string_view kOldVersion = "2022-11-28";

struct App {
  std::string client_id{};
  std::string installation_id{};
  std::string private_key{};  // PEM, PKCS#1 or PKCS#8
};

struct Allowance {
  double reserve = 0.2;  // of the limit: reads stop there, writes do not
  std::int64_t writes_per_minute = 40;
  std::int64_t writes_per_hour = 300;
};

struct Connection {
  std::string name{};      // in keys of shared records; of a token given to the task itself: "direct-" and its fingerprint
  std::string endpoint{kPublicEndpoint};  // no slash at the end
  std::string token{};     // or the App
  App app{};
  std::string api_version = "auto";
  std::string webhook_secret{};
  Allowance allowance{};
  int concurrent_max = 8;  // requests at once, of one worker
};

using TextRenderer = std::function<Result<std::string>(std::string_view text)>;

// The connection `name` of a connections document.
Result<Connection> FindConnection(const Value& document, const std::string& name, const TextRenderer& render);
std::vector<std::string> ConnectionNames(const Value& document);

// "https://ghe.company/api/v3/" and "github.com" to what paths are put behind.
Result<std::string> ReadEndpoint(std::string_view text);
// "https://host:port" of a URL, in lower case; empty when it is none.
std::string OriginOf(std::string_view url);
// Of a token, for keys of records: tells tokens apart, not what they are.
std::string FingerprintOf(std::string_view token);

}  // namespace headrace::worker::github
