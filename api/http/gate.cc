#include "api/http/gate.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <utility>

#include "api/http/local_caller.h"
#include "api/http/problem.h"
#include "common/base/random.h"

namespace headrace::api::http {
namespace {

constexpr std::size_t kRequestIdBytesMax = 64;
constexpr std::array<std::string_view, 7> kMethods = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};
constexpr char kNoRoute[] = "none";

bool IsIdChar(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}

std::string NewRequestId() {
  static const std::uint64_t kSeed = Random::FromSystem().Next();
  static std::atomic<std::uint64_t> count{0};
  return fmt::format("{:016x}", Mix64(kSeed + count.fetch_add(1)));
}

// A caller's own, if it is one that a log can hold.
std::string RequestIdOf(const Headers& headers) {
  const std::string* given = FindHeader(headers, "X-Request-Id");
  const bool usable = given != nullptr && !given->empty() && given->size() <= kRequestIdBytesMax &&
                      std::all_of(given->begin(), given->end(), IsIdChar);
  return usable ? *given : NewRequestId();
}

std::string Joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ", ") + word;
  return out;
}

}  // namespace

Gate::Gate(GateOptions options, Router router, Metrics& metrics)
    : options_(std::move(options)), router_(std::move(router)), metrics_(metrics), by_route_(router_.routes().size()) {}

std::unique_ptr<Visit> Gate::Enter(Head head, std::string peer) {
  auto visit = std::make_unique<Visit>();
  visit->version = head.version;
  visit->request->id = RequestIdOf(head.headers);
  visit->request->method = head.method;
  visit->request->peer = std::move(peer);
  visit->refusal = Check(*visit, head);
  visit->request->headers = std::move(head.headers);
  return visit;
}

std::unique_ptr<Visit> Gate::EnterBroken(int status, std::string detail, std::string peer) {
  auto visit = std::make_unique<Visit>();
  visit->request->id = NewRequestId();
  visit->request->peer = std::move(peer);
  visit->framing.keep_alive = false;
  visit->refusal = Problem(status, std::move(detail), visit->request->id);
  return visit;
}

std::optional<HttpResponse> Gate::Check(Visit& visit, const Head& head) {
  const std::string& id = visit.request->id;
  Result<Framing> framing = CheckHead(head);
  if (!framing) {
    // Where its body ends is not known, so nothing after it can be read.
    visit.framing.keep_alive = false;
    return Problem(framing.error().code == Code::kUnimplemented ? 501 : 400, framing.error().message, id);
  }
  visit.framing = std::move(*framing);
  if (head.headers.size() > options_.limits.headers_max) return Problem(431, "there are too many headers", id);
  if (head.target.size() > options_.limits.target_bytes_max) return Problem(414, "the target is too long", id);
  Result<Target> target = ParseTarget(head.target);
  if (!target) return Problem(400, target.error().message, id);
  visit.request->target = std::move(*target);
  if (!visit.request->target.authority.empty()) {
    Result<std::string> host = HostName(visit.request->target.authority);
    if (!host) return Problem(400, host.error().message, id);
    visit.framing.host = std::move(*host);
  }
  if (std::find(kMethods.begin(), kMethods.end(), head.method) == kMethods.end())
    return Problem(501, "this method is not known here", id);
  const std::string* expect = FindHeader(head.headers, "Expect");
  if (expect != nullptr && !visit.framing.expects_continue)
    return Problem(417, "the only expectation is 100-continue", id);
  if (auto refused = FindRoute(visit)) return refused;
  visit.request->headers = head.headers;
  if (auto refused = CheckCaller(visit)) return refused;
  if (visit.framing.length > visit.route->limits.body_max) {
    return Problem(413, "a body of this route has at most " + std::to_string(visit.route->limits.body_max) + " bytes",
                   id);
  }
  return TakePlace(visit);
}

std::optional<HttpResponse> Gate::FindRoute(Visit& visit) {
  HttpRequest& request = *visit.request;
  RouteMatch match = router_.Find(request.method, request.target);
  if (match.route == nullptr && match.allowed.empty()) return Problem(404, "there is nothing at this path", request.id);
  if (match.route == nullptr) {
    HttpResponse out = Problem(405, "this path answers " + Joined(match.allowed), request.id);
    out.headers.push_back({"Allow", Joined(match.allowed)});
    return out;
  }
  visit.route = match.route;
  request.route = match.route->pattern;
  request.captures = std::move(match.captures);
  return std::nullopt;
}

std::optional<HttpResponse> Gate::CheckCaller(Visit& visit) const {
  HttpRequest& request = *visit.request;
  if (visit.route->access == Role::kPublic) return std::nullopt;
  if (options_.authenticator == nullptr) {
    if (Status local = CheckLocalCaller(visit.framing.host, request.headers, options_.names); !local)
      return Problem(local.error(), request.id);
    request.principal = {"local", Role::kAdmin};
    return std::nullopt;
  }
  Result<Principal> principal = options_.authenticator->Authenticate(request.headers);
  if (!principal) return Problem(principal.error(), request.id);
  request.principal = std::move(*principal);
  if (request.principal.role < visit.route->access)
    return Problem(403, "this needs a token of role " + std::string(RoleName(visit.route->access)), request.id);
  if (request.principal.bound() && !visit.route->limits.inside)
    return Problem(403, "this needs a token that is not bound to namespaces", request.id);
  return std::nullopt;
}

std::optional<HttpResponse> Gate::TakePlace(Visit& visit) {
  const auto index = static_cast<std::size_t>(visit.route - router_.routes().data());
  const auto here = std::make_shared<Share>(by_route_[index]);
  if (!here->Take(1, visit.route->limits.in_flight_max))
    return TryLater(429, "too many of these at once; try again", visit.request->id);
  const auto everywhere = std::make_shared<Share>(at_work_);
  if (!everywhere->Take(1, options_.limits.in_flight_max))
    return TryLater(503, "the server is full; try again", visit.request->id);
  visit.place =
      std::make_shared<std::array<std::shared_ptr<Share>, 2>>(std::array<std::shared_ptr<Share>, 2>{here, everywhere});
  visit.held = std::make_shared<Share>(body_bytes_);
  return std::nullopt;
}

bool Gate::TakeBody(Visit& visit, std::string_view bytes) {
  const std::uint64_t max = visit.route->limits.body_max;
  HttpRequest& request = *visit.request;
  if (request.body.size() + bytes.size() > max) {
    visit.refusal = Problem(413, "a body of this route has at most " + std::to_string(max) + " bytes", request.id);
  } else if (!visit.held->Take(bytes.size(), options_.limits.body_bytes_held_max)) {
    visit.refusal = TryLater(503, "the server is full; try again", request.id);
  } else {
    request.body += bytes;
  }
  return !visit.refusal;
}

void Gate::Dress(const Visit& visit, HttpResponse& response) const {
  const auto add = [&](const char* name, std::string value) {
    if (FindHeader(response.headers, name) == nullptr) response.headers.push_back({name, std::move(value)});
  };
  add("X-Request-Id", visit.request->id);
  add("Cache-Control", "no-store");
  add("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
  add("Cross-Origin-Resource-Policy", "same-origin");
  add("Referrer-Policy", "no-referrer");
  add("X-Content-Type-Options", "nosniff");
  add("X-Frame-Options", "DENY");
}

void Gate::Leave(const Visit& visit, int status, std::uint64_t bytes) {
  const auto took = std::chrono::steady_clock::now() - visit.began;
  const HttpRequest& request = *visit.request;
  const bool known = std::find(kMethods.begin(), kMethods.end(), request.method) != kMethods.end();
  const std::string route = visit.route != nullptr ? visit.route->pattern : kNoRoute;
  if (options_.audit != nullptr && visit.route != nullptr) Tell(visit, status);
  metrics_.CountRequest(route, known ? request.method : "other", status, took);
  // The pattern, not the path: a webhook's key is part of its path.
  const bool quiet = visit.route == nullptr || visit.route->limits.quiet;
  spdlog::log(status >= 500 && visit.route != nullptr ? spdlog::level::warn
              : quiet                                 ? spdlog::level::debug
                                                      : spdlog::level::info,
              "http {} {} {} {:.1f} ms {} B id={} from={}{}", known ? request.method : "other", route, status,
              std::chrono::duration<double, std::milli>(took).count(), bytes, request.id, request.peer,
              request.principal.name.empty() ? "" : " who=" + request.principal.name);
}

// Of a path only what names a thing: a webhook's key is part of it, too.
void Gate::Tell(const Visit& visit, int status) const {
  const HttpRequest& request = *visit.request;
  const bool denied = status == 401 || status == 403;
  const bool reads = (request.method == "GET" && visit.route->limits.head) || request.method == "HEAD" || request.method == "OPTIONS";
  if (reads && !denied) return;
  const auto named = [&](const char* name) {
    const auto found = request.captures.find(name);
    return found == request.captures.end() ? std::string() : found->second;
  };
  const Principal& who = request.principal;
  options_.audit->Tell({.who = who.name, .role = std::string(RoleName(who.role)), .method = request.method + " " + visit.route->pattern, .ns = named("ns"),
                        .flow = named("flow"), .object = named("connection"), .outcome = std::to_string(status), .denied = denied, .peer = request.peer});
}

}  // namespace headrace::api::http
