#include "api/http/router.h"

#include <algorithm>
#include <utility>

#include "common/base/check.h"

namespace headrace::api::http {
namespace {

constexpr std::size_t kIdBytesMax = 256;

bool IsAlphanumeric(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }
bool IsIdChar(char c) { return IsAlphanumeric(c) || c == '.' || c == '-' || c == '_'; }

bool IsId(const std::string& text) {
  return !text.empty() && text.size() <= kIdBytesMax && IsAlphanumeric(text[0]) &&
         std::all_of(text.begin(), text.end(), IsIdChar);
}

}  // namespace

Router::Steps Router::Parse(const std::string& pattern) {
  CHECK(pattern.starts_with('/') && (pattern.size() == 1 || !pattern.ends_with('/')));
  Steps steps;
  for (std::size_t at = 1; at < pattern.size();) {
    const std::size_t end = std::min(pattern.find('/', at), pattern.size());
    const std::string word = pattern.substr(at, end - at);
    CHECK(!word.empty() && (steps.empty() || steps.back().kind != Kind::kRest));
    at = end + 1;
    if (!word.starts_with('{')) {
      steps.push_back({Kind::kLiteral, word});
      continue;
    }
    const std::size_t colon = word.find(':');
    CHECK(word.ends_with('}') && colon != std::string::npos);
    const std::string type = word.substr(colon + 1, word.size() - colon - 2);
    CHECK(type == "id" || type == "text" || type == "slashed" || type == "rest");
    const Kind kind = type == "id"        ? Kind::kId
                      : type == "text"    ? Kind::kText
                      : type == "slashed" ? Kind::kSlashed
                                          : Kind::kRest;
    steps.push_back({kind, word.substr(1, colon - 1)});
  }
  return steps;
}

void Router::Add(std::string method, std::string pattern, Role access, Handler handler, RouteLimits limits) {
  Steps steps = Parse(pattern);
  std::string rank;
  for (const Step& step : steps) rank += step.kind == Kind::kLiteral ? 'a' : step.kind == Kind::kRest ? 'z' : 'm';
  for (std::size_t i = 0; i < routes_.size(); ++i) {
    if (routes_[i].method != method || rank_[i] != rank) continue;
    const auto same = [](const Step& a, const Step& b) { return a.kind != Kind::kLiteral || a.name == b.name; };
    CHECK(!std::equal(steps.begin(), steps.end(), steps_[i].begin(), steps_[i].end(), same));
  }
  routes_.push_back({std::move(method), std::move(pattern), access, std::move(handler), limits});
  steps_.push_back(std::move(steps));
  rank_.push_back(std::move(rank));
}

bool Router::Matches(const Step& step, const Segment& segment) {
  if (segment.text.empty()) return false;  // "//" and a slash at the end
  switch (step.kind) {
    case Kind::kLiteral:
      return segment.text == step.name;
    case Kind::kId:
      return IsId(segment.text);
    case Kind::kText:
      return !segment.slashed;
    case Kind::kSlashed:
      return true;
    case Kind::kRest:
      return !segment.slashed;
  }
  return false;
}

bool Router::Match(const Steps& steps, const std::vector<Segment>& path, std::map<std::string, std::string>& captures) {
  const bool rest = !steps.empty() && steps.back().kind == Kind::kRest;
  if (rest ? path.size() < steps.size() : path.size() != steps.size()) return false;
  for (std::size_t i = 0; i < path.size(); ++i) {
    const Step& step = steps[std::min(i, steps.size() - 1)];
    if (!Matches(step, path[i])) return false;
    if (step.kind == Kind::kLiteral) continue;
    std::string& to = captures[step.name];
    to += (i >= steps.size() ? "/" : "") + path[i].text;
  }
  return true;
}

RouteMatch Router::Find(std::string_view method, const Target& target) const {
  RouteMatch best;
  for (std::size_t i = 0; i < routes_.size(); ++i) {
    std::map<std::string, std::string> captures;
    if (!Match(steps_[i], target.path, captures)) continue;
    const Route& route = routes_[i];
    const bool as_head = method == "HEAD" && route.method == "GET" && route.limits.head;
    best.allowed.push_back(route.method);
    if (route.method == "GET" && route.limits.head) best.allowed.emplace_back("HEAD");
    if (route.method != method && !as_head) continue;
    if (best.route != nullptr && rank_[best.index] <= rank_[i]) continue;
    best.route = &route;
    best.index = i;
    best.captures = std::move(captures);
  }
  std::sort(best.allowed.begin(), best.allowed.end());
  best.allowed.erase(std::unique(best.allowed.begin(), best.allowed.end()), best.allowed.end());
  return best;
}

}  // namespace headrace::api::http
