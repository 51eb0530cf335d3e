#include "worker/script/script_files.h"

#include <algorithm>
#include <cctype>

#include "common/base/hash.h"
#include "worker/files/glob.h"
#include "worker/files/storage.h"

namespace headrace::worker {
namespace {

constexpr std::size_t kListedMax = 1'000'000;

Status CopyStored(TaskContext& context, const WorkingDirectory& directory, const std::string& name,
                  const std::string& uri) {
  ASSIGN_OR_RETURN(const UniqueFd from, context.services().storage.OpenUri(uri));
  ASSIGN_OR_RETURN(const UniqueFd to, CreateBeneath(directory.fd(), name));
  ASSIGN_OR_RETURN(const auto copied, CopyAll(from.get(), to.get(), context.services().options.file_bytes_max));
  static_cast<void>(copied);
  return {};
}

Status WriteInputFile(TaskContext& context, const WorkingDirectory& directory, const std::string& name,
                      const Value& content) {
  RETURN_IF_ERROR(CheckRelativeName(name));
  const std::string text = ToText(content);
  if (IsStorageUri(text)) return CopyStored(context, directory, name, text);
  for (const std::string_view scheme : {"file://", "nsfile://"})
    if (text.starts_with(scheme))
      return InvalidArgument("'" + name + "': " + std::string(scheme) + " files are not available on this worker");
  ASSIGN_OR_RETURN(const UniqueFd file, CreateBeneath(directory.fd(), name));
  return WriteAll(file.get(), text);
}

bool IsUriCharacter(char c) {
  static constexpr std::string_view kOthers = "-._+~#=/,:;";
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0x80 || std::isalnum(byte) || kOthers.find(c) != std::string_view::npos;
}

// Everything that is to be stored: the name in the outputs and the name in the working directory.
using Chosen = std::vector<std::pair<std::string, std::string>>;

Chosen Choose(TaskContext& context, const std::vector<std::string>& listed, const std::vector<std::string>& patterns,
              const std::string& output_folder) {
  Chosen chosen;
  for (const std::string& pattern : patterns) {
    const Glob glob(pattern);
    bool any = false;
    for (const std::string& name : listed) {
      if (!glob.Matches(name) || name.starts_with(kOwnPrefix)) continue;
      chosen.emplace_back(name, name);
      any = true;
    }
    if (!any) context.Log("WARN", "outputFiles: nothing matches '" + pattern + "'");
  }
  const std::string prefix = output_folder + "/";
  if (!output_folder.empty())
    for (const std::string& name : listed)
      if (name.starts_with(prefix)) chosen.emplace_back(name.substr(prefix.size()), name);
  std::sort(chosen.begin(), chosen.end());
  chosen.erase(std::unique(chosen.begin(), chosen.end()), chosen.end());
  return chosen;
}

}  // namespace

Status WriteInputFiles(TaskContext& context, const WorkingDirectory& directory) {
  ASSIGN_OR_RETURN(Value files, context.Render("inputFiles", false));
  if (files.is_string()) {
    auto parsed = ParseJson(ToText(files));
    if (!parsed) return Fail(std::move(parsed.error()).Wrap("inputFiles is no JSON map"));
    files = std::move(*parsed);
  }
  if (files.is_null()) return {};
  if (!files.is_object()) return InvalidArgument("inputFiles: expected a map of name to content");
  for (const auto& [name, content] : files.get_object()) {
    if (content.is_null()) continue;
    auto written = WriteInputFile(context, directory, std::string(name), content);
    if (!written) return Fail(std::move(written.error()).Wrap("inputFiles"));
  }
  return {};
}

Result<std::string> LocaliseUris(TaskContext& context, const WorkingDirectory& directory, const std::string& text) {
  static constexpr std::string_view kScheme = "kestra:///";
  std::string out;
  std::size_t from = 0;
  for (std::size_t at = text.find(kScheme); at != std::string::npos; at = text.find(kScheme, from)) {
    std::size_t end = at + kScheme.size();
    while (end < text.size() && IsUriCharacter(text[end])) ++end;
    const std::string uri = text.substr(at, end - at);
    // The extension stays: programs look at it.
    const std::string base = uri.substr(uri.rfind('/') + 1);
    const std::size_t dot = base.rfind('.');
    const std::string name = std::string(kOwnPrefix) + std::to_string(StableHash(uri)) +
                             (dot == std::string::npos ? "" : base.substr(dot));
    RETURN_IF_ERROR(CheckRelativeName(name));
    RETURN_IF_ERROR(CopyStored(context, directory, name, uri));
    out.append(text, from, at - from);
    out += directory.path() + "/" + name;
    from = end;
  }
  return out.append(text, from);
}

Result<Object> StoreOutputFiles(TaskContext& context, const WorkingDirectory& directory,
                                const std::vector<std::string>& patterns, const std::string& output_folder) {
  Object stored;
  if (patterns.empty() && output_folder.empty()) return stored;
  const WorkerOptions& options = context.services().options;
  ASSIGN_OR_RETURN(const std::vector<std::string> listed, directory.Files(kListedMax));
  const Chosen chosen = Choose(context, listed, patterns, output_folder);
  if (chosen.size() > options.files_max)
    return Fail(Code::kResourceExhausted, "outputFiles: " + std::to_string(chosen.size()) + " files, at most " +
                                              std::to_string(options.files_max) + " are taken");
  std::uint64_t left = options.file_bytes_max;
  for (const auto& [shown, name] : chosen) {
    RETURN_IF_ERROR(CheckRelativeName(name));
    ASSIGN_OR_RETURN(const UniqueFd file, OpenRegular(directory.fd(), name));
    ASSIGN_OR_RETURN(auto put, context.services().storage.Put(context.order(), shown, file.get(), left));
    left -= put.bytes;
    stored[shown] = json::string(put.uri);
  }
  return stored;
}

}  // namespace headrace::worker
