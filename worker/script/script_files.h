// The files of a working directory: inputFiles and namespaceFiles before a task runs, outputFiles after, kestra:/// URIs
// in its text.
// Errors: a name that leads out of the working directory, a file that is missing or too large; each names the file.
// Threads: the task's. Source: FLOWS 3.1 and 3.2; FAILURES rows 50, 67, 68.
#pragma once

#include <string>
#include <vector>

#include "worker/files/working_directory.h"
#include "worker/task_runner.h"

namespace headrace::worker {

// Files that the engine itself puts beside the user's begin so; they are never outputs.
inline constexpr std::string_view kOwnPrefix = "headrace-own-";

// Writes the rendered `inputFiles`: a map of name to content or URI, or such a map as JSON text.
Status WriteInputFiles(TaskContext& context, const WorkingDirectory& directory, std::string_view property = "inputFiles");
// Copies what `namespaceFiles` names: {enabled, namespaces, include, exclude, folderPerNamespace}.
Status WriteNamespaceFiles(TaskContext& context, const WorkingDirectory& directory);
// One file, from content or a URI.
Status WriteFile(TaskContext& context, const WorkingDirectory& directory, const std::string& name, const Value& content);
// Replaces every kestra:/// URI in `text` by the path of a copy in `directory`.
Result<std::string> LocaliseUris(TaskContext& context, const WorkingDirectory& directory, const std::string& text);
// Stores what matches `patterns` and everything below `output_folder` (a name, may be empty); returns name to URI.
Result<Object> StoreOutputFiles(TaskContext& context, const WorkingDirectory& directory,
                                const std::vector<std::string>& patterns, const std::string& output_folder);

}  // namespace headrace::worker
