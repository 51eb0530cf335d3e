#include "worker/answerer.h"

#include <fcntl.h>

#include <filesystem>

#include "common/base/random.h"
#include "worker/cancel_token.h"
#include "worker/environment.h"
#include "worker/files/execution_files.h"
#include "worker/files/places.h"
#include "worker/files/task_files.h"
#include "worker/session_port.h"

namespace headrace::worker {

Result<std::unique_ptr<Answerer>> Answerer::Open(WorkerOptions options, const Clock& clock) {
  ASSIGN_OR_RETURN(auto storage, OpenLocalStorage(StorageFolder(options)));
  return std::unique_ptr<Answerer>(new Answerer(std::move(options), std::move(storage), clock));
}

Answerer::Answerer(WorkerOptions options, std::unique_ptr<Storage> storage, const Clock& clock)
    : options_(std::move(options)), secrets_(options_.environment), storage_(std::move(storage)),
      world_{options_, clock, secrets_, *storage_} {}

Result<std::uint64_t> Answerer::DeleteFiles(const std::string& ns, const std::string& flow_id, const ExecutionId& execution) const {
  return DeleteExecutionFiles(*storage_, ns, flow_id, execution);
}

Result<std::string> Answerer::StoreLocalFile(const std::string& path) const {
  UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return InvalidArgument("there is no file '" + path + "' to read");
  Random random = Random::FromSystem();
  const std::string name = std::filesystem::path(path).filename().string();
  const std::string place = InputPlace(NewExecutionId(world_.clock.Now(), random, 0).str(), name);
  RETURN_IF_ERROR(storage_->Put(place, file.get(), options_.file_bytes_max));
  return ToUri(place);
}

model::Answer Answerer::Answer(const std::string& ns, const std::string& flow_id, const ExecutionId& execution,
                               const std::optional<ExecutionId>& parent, const model::Lookup& lookup,
                               const Holds& holds) const {
  if (lookup.function == "subflow") return {.value = {}, .error = "subflow() is for inputs of executions that somebody starts"};
  if (lookup.function == "http" || lookup.function == "errorLogs") {
    return {.value = {}, .error = lookup.function + "() is for properties of tasks that a worker runs, not for what steers a flow"};
  }
  StartOrder order;
  order.key.execution = execution;
  order.ns = ns;
  order.flow_id = flow_id;
  Object context{{"flow", Object{{"id", flow_id}, {"namespace", ns}}}, {"execution", Object{{"id", execution.str()}}}};
  // Files that are not the execution's own are read if it was given their URIs.
  Array handed;
  const auto note = [&](const Value& argument) {
    if (argument.is_string() && IsStorageUri(argument.get_string()) && holds && holds(argument.get_string())) {
      handed.push_back(argument);
    }
  };
  for (const Value& argument : lookup.positional) note(argument);
  for (const auto& [name, argument] : lookup.named) note(argument);
  context["inputs"] = Object{{"handed", std::move(handed)}};
  if (parent) context["trigger"] = Object{{"executionId", parent->str()}};
  const TaskFiles files(*storage_, order, options_);
  CancelToken cancel;
  Masker masker;
  WorkerEnvironment environment(world_, order, 0, files, cancel, masker);
  Result<Value> value = environment.Call(lookup.function, lookup.positional, lookup.named, Value(std::move(context)));
  if (!value) return {.value = {}, .error = value.error().message};
  return {.value = std::move(*value), .error = {}};
}

}  // namespace headrace::worker
