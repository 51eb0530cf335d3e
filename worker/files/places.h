// Which place of the storage belongs to what: URIs, files of executions, of namespaces, keys.
// Shapes: kestra:///<namespace as folders>/<flow>/executions/<id>/tasks/<task>/<task run>/<attempt>-<delivery>/<name>,
//   kestra:///<namespace as folders>/_files/<path> and …/_kv/<key>.
// Errors: a URI of another scheme, or a path that leads out, is INVALID_ARGUMENT.
// Threads: pure. Source: Kestra's StorageContext.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/base/error.h"
#include "worker/session_port.h"

namespace headrace::worker {

bool IsStorageUri(std::string_view text);  // kestra:///…
bool IsNamespaceUri(std::string_view text);  // nsfile://…
std::string ToUri(std::string_view place);
Result<std::string> PlaceOf(std::string_view uri);

// A file given as an input, before there is an execution that it could belong to.
std::string InputPlace(const std::string& unique, std::string_view name);
bool IsInputFile(std::string_view place);
std::string NamespaceFolder(std::string_view ns);
std::string ExecutionFolder(const StartOrder& order);
std::string ExecutionFolder(std::string_view ns, std::string_view flow_id, const ExecutionId& execution);
// Whose file this is; nothing for one that is no execution's.
struct ExecutionPlace {
  std::string folder;
  std::string ns;
  std::string flow_id;
  ExecutionId execution;
};
std::optional<ExecutionPlace> ExecutionOf(std::string_view place);
// What this run of a task stores under `name`.
std::string TaskPlace(const StartOrder& order, std::string_view name);
// "a/b/_files/" + path; a leading slash of the path does not count.
Result<std::string> NamespaceFilePlace(std::string_view ns, std::string_view path);
std::string NamespaceFilesFolder(std::string_view ns);
std::string KeysFolder(std::string_view ns);

// "a.b.c", "a.b", "a".
std::optional<std::string> ParentNamespace(std::string_view ns);
// Kestra's rule; the message says it.
Status CheckNamespace(std::string_view ns);

// Of the files of namespaces; neither of an execution's nor a key.
bool IsNamespaceFile(std::string_view place);
// Of the files of any execution.
bool IsExecutionFile(std::string_view place);

}  // namespace headrace::worker
