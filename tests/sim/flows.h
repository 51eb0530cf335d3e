// The flows of the simulated house and what their tasks do.
// Threads: pure.
#pragma once

#include <string>
#include <vector>

#include "tests/sim/nodes.h"

namespace headrace::sim {

std::shared_ptr<const flow::Catalog> SimCatalog();
const std::vector<std::string>& FlowSources();
// The ids of flows that are submitted; the others are their children.
const std::vector<std::string>& FlowIds();
// A flow with a polling trigger, in some histories.
extern const std::string kWatchFlow;
std::string WatchSource();
// A pure function of the seed, the submission, the task, its loop iteration and its attempt.
TaskFate FateOf(std::uint64_t seed, const worker::StartOrder& order);

}  // namespace headrace::sim
