// What happens to a request besides bytes on a socket: who may enter, what is refused and how, what is told of it
// after. Shapes: Enter, then TakeBody as it comes, then the route's handler or the refusal, then Dress, then Leave.
// Errors: all are answers: problem+json, never a closed connection without one.
// Threads: any; a Visit belongs to its connection.
#pragma once

#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/audit_log.h"
#include "api/http/authenticator.h"
#include "api/http/head.h"
#include "api/http/limits.h"
#include "api/http/load.h"
#include "api/http/metrics.h"
#include "api/http/router.h"

namespace headrace::api::http {

struct GateOptions {
  std::vector<std::string> names{};                      // of this server besides those of loopback
  std::shared_ptr<const Authenticator> authenticator{};  // null: this machine's own programs only
  HttpLimits limits{};
  std::shared_ptr<AuditLog> audit{};  // may be null
};

struct Visit {
  std::shared_ptr<HttpRequest> request = std::make_shared<HttpRequest>();
  const Route* route = nullptr;  // once it is found
  Framing framing{};
  int version = 11;
  std::optional<HttpResponse> refusal{};  // the answer, then: no handler is asked
  std::shared_ptr<void> place{};          // among those at work; the handler's task holds it too
  std::shared_ptr<Share> held{};          // bytes of the body
  std::chrono::steady_clock::time_point began = std::chrono::steady_clock::now();
};

class Gate {
 public:
  // REQUIRES: `metrics` outlives the gate.
  Gate(GateOptions options, Router router, Metrics& metrics);

  std::unique_ptr<Visit> Enter(Head head, std::string peer);
  // For bytes that are no request.
  std::unique_ptr<Visit> EnterBroken(int status, std::string detail, std::string peer);
  // False once the body is refused.
  bool TakeBody(Visit& visit, std::string_view bytes);
  // Puts on what every answer wears.
  void Dress(const Visit& visit, HttpResponse& response) const;
  // The request is over, with so many bytes written.
  void Leave(const Visit& visit, int status, std::uint64_t bytes);

  const Router& router() const { return router_; }

 private:
  std::optional<HttpResponse> Check(Visit& visit, const Head& head);
  std::optional<HttpResponse> FindRoute(Visit& visit);
  std::optional<HttpResponse> CheckCaller(Visit& visit) const;
  std::optional<HttpResponse> TakePlace(Visit& visit);
  void Tell(const Visit& visit, int status) const;

  const GateOptions options_;
  const Router router_;
  Metrics& metrics_;
  Load at_work_;
  Load body_bytes_;
  std::deque<Load> by_route_;  // one for one with the routes
};

}  // namespace headrace::api::http
