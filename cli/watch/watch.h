// Follows an execution to its end: a tree painted in place on a terminal, one line a change elsewhere.
// Shapes: everything goes to context.err; the summary is the caller's (summary.h, over `model`).
// Errors: printed; the outcome holds the exit code.
// Threads: the caller's. Source: UX.md section 3.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "cli/context.h"
#include "cli/signals.h"
#include "cli/watch/feed.h"
#include "cli/watch/model.h"
#include "cli/watch/render.h"
#include "common/base/clock.h"

namespace headrace::cli {

struct WatchOptions {
  const Clock* clock = nullptr;        // as the server's; outlives the watch
  bool logs = false;                   // show what tasks write
  bool silent = false;                 // show nothing but errors
  std::optional<Duration> timeout{};   // real time
  // The run ends with this process: an interrupt or a timeout asks it to end, and waits for that.
  bool owns_run = false;
  std::string resume{};                // the command that comes back, for a watch that is left
  // Readable when the engine of this process is at an end; then the watch ends with kExitError.
  int failure_fd = -1;
};

struct WatchOutcome {
  int exit_code = 0;
  WatchModel model;
};

WatchOutcome WatchExecution(Context& context, Feed& feed, Signals& signals, const std::string& execution,
                            const WatchOptions& options);

// How err's terminal shows things.
RenderStyle StyleOf(const Context& context);
RenderStyle StyleOf(const Context& context, const Screen& screen);

}  // namespace headrace::cli
