// Files of a working directory that are kept from one execution to the next: one stored file a task.
// Shapes: kestra:///<namespace>/<flow>/_cache/<task>; each file is name length, mode, size (8 bytes each, little end
//   first), name, bytes. Errors: a broken file is DATA_LOSS. Threads: one owner. Source: Kestra's WorkingDirectory.Cache.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "worker/files/working_directory.h"
#include "worker/task_runner.h"

namespace headrace::worker {

class WorkingDirectoryCache {
 public:
  // Reads the property `cache`: {patterns, ttl}. Nothing when it is absent.
  static Result<std::optional<WorkingDirectoryCache>> Open(TaskContext& context);

  // Puts what is kept into the directory; forgets it when it is older than the ttl.
  Status Restore(TaskContext& context, const WorkingDirectory& directory);
  // Keeps what matches, when something changed since.
  Status Keep(TaskContext& context, const WorkingDirectory& directory);

 private:
  std::string place_{};
  std::vector<std::string> patterns_{};
  std::optional<Duration> ttl_{};
  std::optional<std::int64_t> restored_ns_{};  // the newest time of a restored file
  std::size_t restored_ = 0;
};

}  // namespace headrace::worker
