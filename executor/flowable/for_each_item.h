// What the parts of a ForEachItem know of each other (common/model/for_each_item.h says which there are).
// Shapes: each_items remembers in its memo how many batches there are and where; run N of each_items/batch is batch N.
// Threads: pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "executor/apply.h"
#include "executor/bookkeeping.h"

namespace headrace::executor {

// The run of this type in the same ForEachItem.
std::optional<model::TaskRunIndex> PartOfSame(const LiveExecution& live, const model::TaskRun& run, std::string_view type);
// `taskrun.items` of a batch: the URI of its file.
std::string BatchUri(const model::Execution& execution, const model::TaskRun& batch);
// What the worker is given to write: the variables of a run of each_merge/part.
Object PartVariables(const LiveExecution& live, const model::TaskRun& part);

}  // namespace headrace::executor
