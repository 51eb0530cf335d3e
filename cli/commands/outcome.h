// What is left to print when a watch is over.
// Threads: main's.
#pragma once

#include "cli/context.h"
#include "cli/watch/model.h"

namespace headrace::cli {

// On out: the execution as -o json, jsonl, yaml or name asks, else its summary (nothing with -q).
void PrintOutcome(const Context& context, const WatchModel& model, Timestamp now);

}  // namespace headrace::cli
