// All files that the tasks of one execution have stored, as one thing.
// Errors: the storage's. Threads: any.
#pragma once

#include <cstdint>
#include <string>

#include "common/base/ids.h"
#include "worker/files/storage.h"

namespace headrace::worker {

// How many there were.
Result<std::uint64_t> DeleteExecutionFiles(const Storage& storage, const std::string& ns, const std::string& flow_id,
                                           const ExecutionId& execution);

}  // namespace headrace::worker
