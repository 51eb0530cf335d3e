// Rows as Kestra's tasks hand them out: `fetchType` says whether as outputs, as the first alone, as a stored file, or counted only.
// Shapes: FETCH gives rows, FETCH_ONE row, STORE uri; all give size and total. A stored file has one JSON value a line.
// Errors: the storage's; INVALID_ARGUMENT for another fetchType. Threads: the task's. Source: GITHUB 2.1.
#pragma once

#include <vector>

#include "worker/github/look.h"

namespace headrace::worker::github {

Result<Object> HandOut(TaskContext& context, Array rows, std::int64_t total);
model::PropertySpec FetchTypeProperty();
std::vector<model::PropertySpec> FetchedOutputs();

}  // namespace headrace::worker::github
