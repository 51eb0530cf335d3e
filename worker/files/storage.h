// The files that tasks leave for others, as kestra:/// URIs over one local folder.
// Shapes: kestra:///<namespace as folders>/<flow>/executions/<id>/tasks/<task>/<task run>/<attempt>-<delivery>/<name>.
// Errors: NOT_FOUND for a file that is not there; RESOURCE_EXHAUSTED past a quota or on a full disk.
// Threads: any. Cost: copies stream; nothing is held in memory.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "worker/files/beneath.h"

namespace headrace::worker {

struct StartOrder;

bool IsStorageUri(std::string_view text);

class LocalStorage {
 public:
  // The folder is made.
  static Result<LocalStorage> Open(const std::string& folder);

  // Stores what `file` holds under the task's own place; returns the URI and the bytes.
  struct Stored {
    std::string uri;
    std::uint64_t bytes = 0;
  };
  Result<Stored> Put(const StartOrder& order, std::string_view name, int file, std::uint64_t bytes_max) const;
  Result<UniqueFd> OpenUri(std::string_view uri) const;
  Result<std::uint64_t> Size(std::string_view uri) const;
  Result<std::string> Read(std::string_view uri, std::size_t bytes_max) const;

 private:
  explicit LocalStorage(UniqueFd folder) : folder_(std::move(folder)) {}
  UniqueFd folder_;
};

}  // namespace headrace::worker
