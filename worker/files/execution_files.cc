#include "worker/files/execution_files.h"

#include "worker/files/places.h"

namespace headrace::worker {

Result<std::uint64_t> DeleteExecutionFiles(const Storage& storage, const std::string& ns, const std::string& flow_id,
                                           const ExecutionId& execution) {
  const std::string folder = ExecutionFolder(ns, flow_id, execution);
  ASSIGN_OR_RETURN(const auto files, storage.List(folder));
  RETURN_IF_ERROR(storage.Delete(folder));
  return files.size();
}

}  // namespace headrace::worker
