#include "worker/files/task_files.h"

#include <fcntl.h>

#include <algorithm>

#include "common/model/search.h"
#include "worker/files/places.h"

namespace headrace::worker {
namespace {

constexpr std::string_view kLocal = "file://";

// The engine gave this URI to the task: an output of a task or child flow, an input, a batch of a loop.
bool WasHanded(const Value& context, std::string_view uri) {
  static constexpr std::string_view kFrom[] = {"outputs", "inputs", "trigger", "taskrun", "parent", "parents", "execution"};
  return std::any_of(std::begin(kFrom), std::end(kFrom), [&](std::string_view name) {
    const Value* variable = Member(context, name);
    return variable != nullptr && HoldsText(*variable, uri);
  });
}

std::string TextAt(const Value& context, std::string_view path) {
  const Value* value = AtPath(context, path);
  return value == nullptr ? std::string() : ToText(*value);
}

}  // namespace

bool IsFileUri(std::string_view text) {
  return IsStorageUri(text) || IsNamespaceUri(text) || text.starts_with(kLocal);
}

bool TaskFiles::IsTriggers(std::string_view place, const Value& context) const {
  const std::string execution = TextAt(context, "trigger.executionId");
  if (execution.empty()) return false;
  return place.starts_with(NamespaceFolder(TextAt(context, "trigger.namespace")) + "/" + TextAt(context, "trigger.flowId") +
                           "/executions/" + execution + "/");
}

Result<std::string> TaskFiles::Resolve(std::string_view uri, const Value& context) const {
  if (IsNamespaceUri(uri)) {
    const std::string_view rest = uri.substr(9);
    const std::size_t slash = rest.find('/');
    if (slash == std::string_view::npos) return InvalidArgument("'" + std::string(uri) + "' names no file");
    return NamespaceFilePlace(slash == 0 ? order_.ns : rest.substr(0, slash), rest.substr(slash));
  }
  ASSIGN_OR_RETURN(std::string place, PlaceOf(uri));
  const bool allowed = place.starts_with(ExecutionFolder(order_) + "/") || IsNamespaceFile(place) ||
                       IsTriggers(place, context) || ((IsExecutionFile(place) || IsInputFile(place)) && WasHanded(context, uri));
  if (allowed) return place;
  return Fail(Code::kPermissionDenied,
              "Unable to read the file '" + std::string(uri) + "' as it didn't belong to the current execution");
}

Result<UniqueFd> TaskFiles::Open(std::string_view uri, const Value& context) const {
  if (uri.starts_with(kLocal)) return OpenLocal(uri.substr(kLocal.size()));
  ASSIGN_OR_RETURN(const std::string place, Resolve(uri, context));
  auto file = storage_.Open(place);
  if (!file && file.error().code == Code::kNotFound) return NotFound(std::string(uri) + " (File not found)");
  return file;
}

Result<UniqueFd> TaskFiles::OpenLocal(std::string_view path) const {
  for (const std::string& folder : options_.local_folders) {
    const std::string prefix = folder.ends_with('/') ? folder : folder + "/";
    if (!path.starts_with(prefix)) continue;
    const std::string name(path.substr(prefix.size()));
    RETURN_IF_ERROR(CheckRelativeName(name));
    ASSIGN_OR_RETURN(const UniqueFd root, OpenFolder(folder));
    return OpenRegular(root.get(), name);
  }
  return Fail(Code::kPermissionDenied, "The path file://" + std::string(path) +
                                           " is not authorized: this worker opens no local folder that holds it (local_folders)");
}

Result<TaskFiles::Stored> TaskFiles::Put(std::string_view name, int file, std::uint64_t bytes_max) const {
  const std::string place = TaskPlace(order_, name);
  auto bytes = storage_.Put(place, file, bytes_max);
  if (!bytes) return Fail(std::move(bytes.error()).Wrap(name));
  return Stored{ToUri(place), *bytes};
}

Status TaskFiles::CheckOwn(std::string_view place) const {
  if (place.starts_with(ExecutionFolder(order_) + "/") || IsNamespaceFile(place)) return {};
  return Fail(Code::kPermissionDenied, "'" + ToUri(place) + "' is no file of this execution");
}

}  // namespace headrace::worker
