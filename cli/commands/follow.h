// Following an execution of a server, for `exec start --watch` and `exec watch`.
// Threads: main's.
#pragma once

#include "cli/commands/remote.h"

namespace headrace::cli {

// The live tree on err; then on out the execution as -o asks, or its summary. Ctrl-C leaves the run alone.
int FollowExecution(Context& context, const FollowRequest& request);

}  // namespace headrace::cli
