// The routes there are. What is not registered is not there: nothing is served by a path that looks like another's.
// Shapes: "/api/v1/{tenant:id}/files/{path:rest}"; captures are id (letters, digits, '.', '-', '_'), text (one
// segment),
//   slashed (one segment that may hold %2F), rest (all that follow). Literal beats capture, capture beats rest.
// Errors: registering a pattern that is malformed or there already is a CHECK.
// Threads: registered before it is shared, then read by all. Source: FAILURES row 75.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "api/http/message.h"

namespace headrace::api::http {

inline constexpr std::uint64_t kBodyMaxDefault = 1U << 20U;
inline constexpr std::uint64_t kBodyMaxWebhook = 25U << 20U;

struct RouteLimits {
  std::uint64_t body_max = kBodyMaxDefault;
  std::size_t in_flight_max = 256;                                     // more at once is 429
  std::chrono::milliseconds answer_within = std::chrono::seconds(30);  // then 503
  bool head = true;    // a GET also answers HEAD; not where a GET has an effect
  bool quick = false;  // the handler waits for nothing: it runs where bytes are read, whatever else is stuck
  bool waits = false;  // the answer may take minutes: who goes meanwhile, or stops sending, gives the place back
  bool inside = false;  // tokens that are bound to namespaces may ask: the handler shows nothing of others
  bool quiet = false;  // asked all the time: no line in the log when all is well
};

struct Route {
  std::string method;
  std::string pattern;
  Role access;
  Handler handler;
  RouteLimits limits{};
};

struct RouteMatch {
  const Route* route = nullptr;  // null: `allowed` methods would be served, none: the path is unknown
  std::size_t index = 0;
  std::map<std::string, std::string> captures{};
  std::vector<std::string> allowed{};
};

class Router {
 public:
  void Add(std::string method, std::string pattern, Role access, Handler handler, RouteLimits limits = {});
  RouteMatch Find(std::string_view method, const Target& target) const;
  const std::vector<Route>& routes() const { return routes_; }

 private:
  enum class Kind : std::uint8_t { kLiteral, kId, kText, kSlashed, kRest };
  struct Step {
    Kind kind;
    std::string name;  // or the literal
  };
  using Steps = std::vector<Step>;

  static Steps Parse(const std::string& pattern);
  static bool Matches(const Step& step, const Segment& segment);
  static bool Match(const Steps& steps, const std::vector<Segment>& path, std::map<std::string, std::string>& captures);

  std::vector<Route> routes_;
  std::vector<Steps> steps_;       // one for one
  std::vector<std::string> rank_;  // one for one: smaller is more particular
};

}  // namespace headrace::api::http
