// The engine as one caller may use it: what lies outside the namespaces of a token is not there, and what changes the world is told to
// the audit log. Every service asks through it; what it does not let through nobody gets.
// Laws: what decides is the namespace that is stored with the thing, never one that the request claims beside it.
// Errors: as Caller's; a list leaves out what is out of reach.
// Threads: as the engine's. Operations on an id look at the execution first, on the pool.
#pragma once

#include <memory>

#include "api/serving.h"

namespace grpc {
class CallbackServerContext;
}

namespace headrace::api {

class Caller;

// REQUIRES: `serving` outlives the answer. Without tokens and audit log it is the engine itself.
std::shared_ptr<scheduler::Engine> EngineFor(const Serving& serving, const grpc::CallbackServerContext& context);
std::shared_ptr<scheduler::Engine> EngineFor(const Serving& serving, std::shared_ptr<const Caller> caller);

}  // namespace headrace::api
