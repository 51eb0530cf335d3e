// What every service and stream works with.
// Threads: shared; owned by ApiServer, which outlives them.
#pragma once

#include <string>

#include "api/call_book.h"
#include "api/task_pool.h"
#include "scheduler/engine.h"

namespace headrace::api {

struct Serving {
  scheduler::Engine& engine;
  TaskPool& pool;
  CallBook& calls;
  std::string version;
};

}  // namespace headrace::api
