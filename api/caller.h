// Who makes one call, what lies in reach of them, and what is told of what they do.
// Errors: a namespace out of reach is PERMISSION_DENIED; an id is NOT_FOUND, in the words that one has that is not there.
// Threads: any. Source: DESIGN section 6; FAILURES row 75.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "api/audit_log.h"
#include "api/http/authenticator.h"
#include "common/base/ids.h"
#include "scheduler/engine.h"

namespace headrace::api {

// What a call is about.
struct Touched {
  std::string ns{};
  std::string flow{};
  std::string object{};
};

class Caller {
 public:
  // `tokens` null: nobody is asked who they are. `audit` may be null.
  Caller(http::Principal principal, std::string peer, std::shared_ptr<const http::Authenticator> tokens, std::shared_ptr<AuditLog> audit)
      : principal_(std::move(principal)), peer_(std::move(peer)), tokens_(std::move(tokens)), audit_(std::move(audit)) {}

  const http::Principal& principal() const { return principal_; }
  bool bound() const { return principal_.bound(); }
  bool audited() const { return audit_ != nullptr; }
  bool Reaches(std::string_view ns) const { return principal_.Reaches(ns); }

  // UNAUTHENTICATED when the token is not good any more: for what lasts.
  Status StillKnown() const;
  // All tell of a refusal.
  Status CheckNamespace(const char* method, const Touched& touched) const;
  // Nobody has a task read files that they do not reach themselves: no text of `inputs` may name one.
  Status CheckInputs(const char* method, const Object& inputs) const;
  Result<model::Execution> Find(scheduler::Engine& engine, const char* method, const ExecutionId& id) const;
  // REQUIRES: bound. For what is about all namespaces.
  Status Refuse(const char* method, const Touched& touched) const;
  // Of something that changes the world.
  void Tell(const char* method, const Touched& touched, Code outcome) const;

 private:
  void Tell(const char* method, const Touched& touched, Code outcome, bool denied) const;

  const http::Principal principal_;
  const std::string peer_;
  // Its own: what was asked of the engine may be answered when the server is gone.
  const std::shared_ptr<const http::Authenticator> tokens_;
  const std::shared_ptr<AuditLog> audit_;
};

}  // namespace headrace::api
