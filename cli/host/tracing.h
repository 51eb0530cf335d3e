// Traces of executions, from an engine to a collector: its records are read when they are whole, by a thread of their own.
// Place: the loop hands over an id and goes on. Why so: docs/adr/0018.
// Errors: INVALID_ARGUMENT names the option or the variable.
// Threads: the owner's; what is handed to `measures` from the engine's loop.
#pragma once

#include <memory>
#include <string>

#include "cli/host/measures.h"
#include "common/trace/trace_exporter.h"
#include "scheduler/engine.h"

namespace headrace::cli {

class Tracing {
 public:
  // Null: nobody wants traces. `role`: of this process; `measures` and this outlive the engine that it is given to.
  static Result<std::unique_ptr<Tracing>> Open(const std::string& endpoint, const std::string& role, Measures& measures);
  virtual ~Tracing() = default;
  // Begins to tell; ends, with what there is until then, when the returned one does. `engine` outlives that.
  virtual std::unique_ptr<trace::TraceExporter> Export(scheduler::Engine& engine) = 0;
};

// Nothing of no tracing.
inline std::unique_ptr<trace::TraceExporter> ExportTraces(Tracing* tracing, scheduler::Engine& engine) {
  return tracing == nullptr ? nullptr : tracing->Export(engine);
}

// Closed executions of the newest ones that ended last: what an owner that died may not have told.
std::vector<ExecutionId> EndedLately(scheduler::Engine& engine);

}  // namespace headrace::cli
