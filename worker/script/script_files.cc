#include "worker/script/script_files.h"

#include <algorithm>
#include <cctype>

#include "common/base/hash.h"
#include "common/base/text.h"
#include "worker/files/glob.h"
#include "worker/files/places.h"

namespace headrace::worker {
namespace {

constexpr std::size_t kListedMax = 1'000'000;

Status CopyInto(TaskContext& context, const WorkingDirectory& directory, const std::string& name, int from) {
  ASSIGN_OR_RETURN(const UniqueFd to, CreateBeneath(directory.fd(), name));
  ASSIGN_OR_RETURN(const auto copied, CopyAll(from, to.get(), context.services().options.file_bytes_max));
  static_cast<void>(copied);
  return {};
}

bool MatchesAny(const std::vector<Glob>& globs, std::string_view name) {
  return std::any_of(globs.begin(), globs.end(), [&](const Glob& glob) { return glob.Matches(name); });
}

std::vector<Glob> Globs(const Value* patterns) {
  std::vector<Glob> globs;
  if (patterns == nullptr || patterns->is_null()) return globs;
  const Array list = patterns->is_array() ? patterns->get_array() : Array{*patterns};
  for (const Value& pattern : list) globs.push_back(PathGlob(ToText(pattern)));
  return globs;
}

Status CopyNamespace(TaskContext& context, const WorkingDirectory& directory, const std::string& ns, const Value& wanted) {
  RETURN_IF_ERROR(CheckNamespace(ns));
  const Storage& storage = context.services().storage;
  const std::vector<Glob> include = Globs(Member(wanted, "include"));
  const std::vector<Glob> exclude = Globs(Member(wanted, "exclude"));
  const Value* apart = Member(wanted, "folderPerNamespace");
  const std::string prefix = apart != nullptr && IsTruthy(ToText(*apart)) ? ns + "/" : "";
  const std::string folder = NamespaceFilesFolder(ns);
  ASSIGN_OR_RETURN(const auto files, storage.List(folder));
  for (const StoredFile& file : files) {
    const std::string name = file.place.substr(folder.size() + 1);
    if (!include.empty() && !MatchesAny(include, name)) continue;
    if (MatchesAny(exclude, name)) continue;
    ASSIGN_OR_RETURN(const UniqueFd from, storage.Open(file.place));
    RETURN_IF_ERROR(CopyInto(context, directory, prefix + name, from.get()));
  }
  return {};
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

Status WriteFile(TaskContext& context, const WorkingDirectory& directory, const std::string& name, const Value& content) {
  RETURN_IF_ERROR(CheckRelativeName(name));
  const std::string text = ToText(content);
  if (IsFileUri(text)) {
    ASSIGN_OR_RETURN(const UniqueFd from, context.OpenFile(text));
    return CopyInto(context, directory, name, from.get());
  }
  ASSIGN_OR_RETURN(const UniqueFd file, CreateBeneath(directory.fd(), name));
  return WriteAll(file.get(), text);
}

Status WriteInputFiles(TaskContext& context, const WorkingDirectory& directory, std::string_view property) {
  ASSIGN_OR_RETURN(const Object files, context.Map(property, false));
  for (const auto& [name, content] : files) {
    if (content.is_null()) continue;
    auto written = WriteFile(context, directory, std::string(name), content);
    if (!written) return Fail(std::move(written.error()).Wrap(property));
  }
  return {};
}

Status WriteNamespaceFiles(TaskContext& context, const WorkingDirectory& directory) {
  if (!context.Has("namespaceFiles")) return {};
  ASSIGN_OR_RETURN(const Value wanted, context.Render("namespaceFiles"));
  const Value* enabled = Member(wanted, "enabled");
  // Naming what to copy is asking for it.
  if (enabled != nullptr && !IsTruthy(ToText(*enabled))) return {};
  std::vector<std::string> namespaces = {context.order().ns};
  if (const Value* named = Member(wanted, "namespaces"); named != nullptr && named->is_array()) {
    namespaces.clear();
    for (const Value& ns : named->get_array()) namespaces.push_back(ToText(ns));
  }
  for (const std::string& ns : namespaces) {
    auto copied = CopyNamespace(context, directory, ns, wanted);
    if (!copied) return Fail(std::move(copied.error()).Wrap("namespaceFiles"));
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
    ASSIGN_OR_RETURN(const UniqueFd from_file, context.OpenFile(uri));
    RETURN_IF_ERROR(CopyInto(context, directory, name, from_file.get()));
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
    ASSIGN_OR_RETURN(auto put, context.files().Put(shown, file.get(), left));
    left -= put.bytes;
    stored[shown] = json::string(put.uri);
  }
  return stored;
}

}  // namespace headrace::worker
