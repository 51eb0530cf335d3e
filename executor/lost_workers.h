// The workers that fell silent while they held a task run: what a task that takes its workers down is known by.
// Shapes: one entry a process, also if two had the same name; the oldest first. What was lost before a restart does not count.
// Threads: pure. Source: FAILURES row 21; docs/failures.md.
#pragma once

#include <vector>

#include "common/model/execution.h"

namespace headrace::executor {

// No further worker is risked for it.
inline constexpr std::size_t kWorkersLostMost = 3;

std::vector<WorkerId> LostWorkers(const model::TaskRun& run);
// It has failed for that.
bool IsQuarantined(const model::TaskRun& run);

}  // namespace headrace::executor
