// Labels as people write them: a map, a list of {key, value}, or JSON text of either.
// Errors: INVALID_ARGUMENT for an empty key or value, and for a key that only the system may set.
// Threads: pure.
#pragma once

#include <vector>

#include "common/base/error.h"
#include "common/model/flow.h"

namespace headrace::executor {

Result<std::vector<model::Label>> LabelsFrom(const Value& rendered);
// A label of `more` replaces the one of the same key.
void MergeLabels(std::vector<model::Label>& into, const std::vector<model::Label>& more);

}  // namespace headrace::executor
