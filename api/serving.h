// What every service and stream works with.
// Threads: shared; owned by ApiServer, which outlives them.
#pragma once

#include <memory>
#include <string>

#include "api/audit_log.h"
#include "api/call_book.h"
#include "api/http/authenticator.h"
#include "api/task_pool.h"
#include "scheduler/engine.h"

namespace headrace::api {

struct Serving {
  scheduler::Engine& engine;  // what a caller may of it: caller_engine.h
  TaskPool& pool;
  CallBook& calls;
  std::string version;
  std::shared_ptr<const http::Authenticator> tokens{};  // null: nobody is asked who they are
  std::shared_ptr<AuditLog> audit{};                    // may be null
};

}  // namespace headrace::api
