// What health, metrics and /info know of an engine.
// Threads: the server's, which wait for the engine.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "api/http/system_routes.h"

namespace headrace::scheduler {
class Engine;
}

namespace headrace::api::http {

// Fills the functions of `view`. `missing` is asked before the engine is, `sample` beside it; both may be empty. `engine`
// outlives the view.
void LookAtEngine(SystemView& view, scheduler::Engine& engine, std::function<std::vector<std::string>()> missing,
                  std::function<std::vector<Sampled>()> sample);

// The label of a worker group: tasks that name none are of "default".
std::string QueueLabel(const std::string& group);

}  // namespace headrace::api::http
