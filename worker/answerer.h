// Answers kv(), read() and their like for expressions that the scheduler evaluates: conditions, values of loops, inputs
// of subflows. What a task of the same execution would be answered.
// Errors: in the answer. Threads: any. Cost: one small file, or several; http() is refused as it may take long.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/model/event.h"
#include "worker/world.h"

namespace headrace::worker {

class Answerer {
 public:
  // Secrets and storage as a worker with these options has them. `clock` outlives it.
  static Result<std::unique_ptr<Answerer>> Open(WorkerOptions options, const Clock& clock);

  // A file of this machine, put into the storage; answers its URI. For whoever runs a flow on their own machine.
  Result<std::string> StoreLocalFile(const std::string& path) const;

  // What the tasks of an execution have stored; how many files.
  Result<std::uint64_t> DeleteFiles(const std::string& ns, const std::string& flow_id, const ExecutionId& execution) const;

  // Whether the execution was given a text: then it may read the file of that URI although it belongs to another one.
  using Holds = std::function<bool(std::string_view text)>;
  model::Answer Answer(const std::string& ns, const std::string& flow_id, const ExecutionId& execution,
                       const std::optional<ExecutionId>& parent, const model::Lookup& lookup, const Holds& holds) const;

 private:
  Answerer(WorkerOptions options, std::unique_ptr<Storage> storage, const Clock& clock);

  const WorkerOptions options_;
  const SecretStore secrets_;
  const std::unique_ptr<Storage> storage_;
  const World world_;
};

}  // namespace headrace::worker
