// scripts.<language>.Script and .Commands: one contract, one table of languages.
// Threads: pure. Source: FLOWS section 3.
#pragma once

#include <vector>

#include "worker/registry.h"

namespace headrace::worker {

std::vector<TaskType> ScriptTasks();

}  // namespace headrace::worker
