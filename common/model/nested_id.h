// The id of a run that a worker makes inside another's job, as both its worker and the executor derive it.
// Threads: pure.
#pragma once

#include <string_view>

#include "common/base/hash.h"
#include "common/base/ids.h"

namespace headrace::model {

// Another attempt of the job makes other runs.
inline TaskRunId NestedRunId(const ExecutionId& execution, const TaskRunId& job, std::string_view task, std::uint32_t attempt) {
  return DeriveTaskRunId(execution, StableHash(task, StableHash(job.str(), attempt)));
}

}  // namespace headrace::model
