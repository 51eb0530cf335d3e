// The exit codes of every command (docs/operations.md).
// Threads: pure.
#pragma once

#include "common/base/error.h"
#include "common/model/state.h"

namespace headrace::cli {

enum ExitCode : int {
  kExitOk = 0,
  kExitError = 1,
  kExitUsage = 2,
  kExitInvalid = 3,       // the flow or its inputs
  kExitNotAllowed = 4,
  kExitNotFound = 5,
  kExitConflict = 6,      // or not possible in this state
  kExitUnreachable = 7,   // the server, or a deadline
  kExitFailed = 10,       // the run
  kExitKilled = 11,       // or CANCELLED
  kExitPaused = 12,       // and nobody waits for it
  kExitTimeout = 13,      // --timeout passed, the run goes on
  kExitInterrupted = 130,
};

int ExitCodeOf(const Error& error);
// Of a command that is its own server: nothing was out of reach.
int LocalExitCodeOf(const Error& error);
// Of a run that ended so; SUCCESS and WARNING are 0.
int ExitCodeOf(model::State state);

}  // namespace headrace::cli
