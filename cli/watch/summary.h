// What a run did, as a table: every task run of an execution and of its subflows.
// Shapes: earlier iterations of a loop stand in one row with the present one, counted.
// Units: running is the time in which a worker had an attempt of the task run or of something inside it; all else of its
//   duration is waiting.
// Threads: pure.
#pragma once

#include <string>
#include <vector>

#include "cli/watch/model.h"
#include "cli/watch/render.h"

namespace headrace::cli {

std::vector<std::string> RenderSummary(const WatchModel& model, Timestamp now, const RenderStyle& style);

}  // namespace headrace::cli
