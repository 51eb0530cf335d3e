// What one run of a task may read and write of the storage.
// Shapes: readable are kestra:/// URIs of this execution, of the one that triggered it, of namespace files, and URIs
//   that the engine handed to the task in inputs, outputs or trigger; nsfile:/// ones; file:// ones below allowed folders.
// Errors: PERMISSION_DENIED for a file of others; NOT_FOUND names the URI.
// Threads: any. Source: FLOWS 2.5 (read), Kestra's AbstractFileFunction.
#pragma once

#include <string>
#include <string_view>

#include "common/model/value.h"
#include "worker/files/storage.h"
#include "worker/options.h"
#include "worker/session_port.h"

namespace headrace::worker {

class TaskFiles {
 public:
  // All outlive it.
  TaskFiles(const Storage& storage, const StartOrder& order, const WorkerOptions& options)
      : storage_(storage), order_(order), options_(options) {}

  // The place of a kestra:/// or nsfile:// URI that the task may read.
  Result<std::string> Resolve(std::string_view uri, const Value& context) const;
  // Of file:// too.
  Result<UniqueFd> Open(std::string_view uri, const Value& context) const;
  // Stores what is left of `file` as the task's own; returns the URI.
  struct Stored {
    std::string uri;
    std::uint64_t bytes = 0;
  };
  Result<Stored> Put(std::string_view name, int file, std::uint64_t bytes_max) const;
  // Only of this execution.
  Status CheckOwn(std::string_view place) const;
  const Storage& storage() const { return storage_; }

 private:
  Result<UniqueFd> OpenLocal(std::string_view path) const;
  bool IsTriggers(std::string_view place, const Value& context) const;

  const Storage& storage_;
  const StartOrder& order_;
  const WorkerOptions& options_;
};

// kestra:///, nsfile:// or file://.
bool IsFileUri(std::string_view text);

}  // namespace headrace::worker
