// Files of namespaces: kestra:///<namespace>/_files/<path>.
#include <algorithm>

#include "common/base/text.h"
#include "worker/data/storage_tasks.h"
#include "worker/files/glob.h"
#include "worker/files/places.h"
#include "worker/files/working_directory.h"
#include "worker/function_runner.h"

namespace headrace::worker {
namespace {

using model::PropertyKind;
using model::PropertySpec;

const std::string kPrefix = "io.kestra.plugin.core.namespace.";

// "/", "a/b" and "/a/b/" to "", "a/b/" and "a/b/".
std::string Folder(std::string text) {
  while (text.starts_with('/')) text.erase(0, 1);
  while (text.ends_with('/')) text.pop_back();
  return text.empty() ? text : text + "/";
}

std::vector<Glob> Globs(const std::vector<std::string>& patterns) {
  std::vector<Glob> globs;
  for (const std::string& pattern : patterns) globs.push_back(PathGlob(pattern));
  return globs;
}

bool MatchesAny(const std::vector<Glob>& globs, std::string_view name) {
  return std::any_of(globs.begin(), globs.end(), [&](const Glob& glob) { return glob.Matches(name); });
}

// The files of a namespace that some pattern matches, by path.
Result<std::vector<std::string>> Matching(TaskContext& context, const std::string& ns, const std::vector<std::string>& patterns) {
  RETURN_IF_ERROR(CheckNamespace(ns));
  const std::string folder = NamespaceFilesFolder(ns);
  ASSIGN_OR_RETURN(const auto files, context.services().storage.List(folder));
  const std::vector<Glob> globs = Globs(patterns);
  std::vector<std::string> paths;
  for (const StoredFile& file : files) {
    std::string path = file.place.substr(folder.size() + 1);
    if (MatchesAny(globs, path)) paths.push_back(std::move(path));
  }
  return paths;
}

Result<std::vector<std::string>> Patterns(TaskContext& context) {
  ASSIGN_OR_RETURN(auto patterns, context.Texts("files"));
  if (patterns.empty()) return InvalidArgument("files: expected a text or a list of texts");
  return patterns;
}

// ---- UploadFiles ----

class Upload {
 public:
  Upload(TaskContext& context, std::string ns, std::string destination, std::string conflict)
      : context_(context), ns_(std::move(ns)), destination_(std::move(destination)), conflict_(std::move(conflict)) {}

  Status Add(const std::string& name, int file) {
    ASSIGN_OR_RETURN(const std::string place, PlaceFor(name));
    if (conflict_ != "OVERWRITE" && context_.services().storage.Exists(place)) {
      if (conflict_ == "SKIP") return {};
      return Fail(Code::kAlreadyExists, "File " + Path(name) + " already exists and conflict is set to ERROR");
    }
    auto put = context_.services().storage.Put(place, file, context_.services().options.file_bytes_max);
    if (!put) return Fail(std::move(put.error()));
    uris_[Path(name)] = json::string(ToUri(place));
    return {};
  }
  Object& uris() { return uris_; }

 private:
  std::string Path(std::string name) const {
    while (name.starts_with('/')) name.erase(0, 1);
    return "/" + destination_ + name;
  }
  Result<std::string> PlaceFor(const std::string& name) const { return NamespaceFilePlace(ns_, Path(name)); }

  TaskContext& context_;
  const std::string ns_;
  const std::string destination_;
  const std::string conflict_;
  Object uris_;
};

Status UploadMap(TaskContext& context, const Object& files, Upload& upload) {
  for (const auto& [name, content] : files) {
    const std::string text = ToText(content);
    if (IsFileUri(text)) {
      ASSIGN_OR_RETURN(const UniqueFd file, context.OpenFile(text));
      RETURN_IF_ERROR(upload.Add(name, file.get()));
      continue;
    }
    ASSIGN_OR_RETURN(ScratchFile file, context.Scratch());
    RETURN_IF_ERROR(file.Write(text));
    RETURN_IF_ERROR(file.Rewind());
    RETURN_IF_ERROR(upload.Add(name, file.fd()));
  }
  return {};
}

Result<TaskOutcome> RunUpload(TaskContext& context) {
  ASSIGN_OR_RETURN(std::string ns, context.RequiredText("namespace"));
  ASSIGN_OR_RETURN(const auto destination, context.Text("destination"));
  ASSIGN_OR_RETURN(const auto conflict, context.Text("conflict"));
  RETURN_IF_ERROR(CheckNamespace(ns));
  Upload upload(context, std::move(ns), Folder(destination.value_or("")), conflict.value_or("OVERWRITE"));
  // A map under `files` is the older way to write filesMap.
  const Value* files = context.properties().if_contains("files");
  const bool old_map = files != nullptr && files->is_object();
  ASSIGN_OR_RETURN(const Object map, context.Map(old_map ? "files" : "filesMap", false));
  RETURN_IF_ERROR(UploadMap(context, map, upload));
  if (!old_map && context.Has("files")) {
    ASSIGN_OR_RETURN(const auto patterns, context.Texts("files"));
    ASSIGN_OR_RETURN(const WorkingDirectory* const directory, context.Directory());
    ASSIGN_OR_RETURN(const auto listed, directory->Files(context.services().options.files_max));
    const std::vector<Glob> globs = Globs(patterns);
    for (const std::string& name : listed) {
      if (!MatchesAny(globs, name)) continue;
      ASSIGN_OR_RETURN(const UniqueFd file, OpenRegular(directory->fd(), name));
      RETURN_IF_ERROR(upload.Add(name, file.get()));
    }
  }
  return TaskOutcome::Success({{"files", std::move(upload.uris())}});
}

// ---- DownloadFiles, DeleteFiles, PurgeFiles ----

Result<TaskOutcome> RunDownload(TaskContext& context) {
  ASSIGN_OR_RETURN(const std::string ns, context.RequiredText("namespace"));
  ASSIGN_OR_RETURN(const auto destination, context.Text("destination"));
  ASSIGN_OR_RETURN(const auto patterns, Patterns(context));
  ASSIGN_OR_RETURN(const auto paths, Matching(context, ns, patterns));
  Object uris;
  for (const std::string& path : paths) {
    ASSIGN_OR_RETURN(const std::string place, NamespaceFilePlace(ns, path));
    ASSIGN_OR_RETURN(const UniqueFd file, context.services().storage.Open(place));
    const std::string shown = Folder(destination.value_or("")) + path;
    ASSIGN_OR_RETURN(auto stored, context.files().Put(shown, file.get(), context.services().options.file_bytes_max));
    uris["/" + shown] = json::string(stored.uri);
  }
  return TaskOutcome::Success({{"files", std::move(uris)}});
}

// Folders in which nothing is left.
Status DeleteEmptyFolders(const Storage& storage, const std::string& root, std::string place) {
  for (std::size_t slash = place.rfind('/'); slash != std::string::npos && slash > root.size(); slash = place.rfind('/')) {
    place.resize(slash);
    ASSIGN_OR_RETURN(const auto left, storage.List(place, Storage::kListedMax));
    if (!left.empty()) return {};
    ASSIGN_OR_RETURN(const bool deleted, storage.Delete(place));
    static_cast<void>(deleted);
  }
  return {};
}

Result<TaskOutcome> RunDelete(TaskContext& context) {
  ASSIGN_OR_RETURN(const std::string ns, context.RequiredText("namespace"));
  ASSIGN_OR_RETURN(const bool folders, context.Bool("deleteParentFolder", false));
  ASSIGN_OR_RETURN(const auto patterns, Patterns(context));
  ASSIGN_OR_RETURN(const auto paths, Matching(context, ns, patterns));
  const Storage& storage = context.services().storage;
  Object uris;
  for (const std::string& path : paths) {
    ASSIGN_OR_RETURN(const std::string place, NamespaceFilePlace(ns, path));
    ASSIGN_OR_RETURN(const bool deleted, storage.Delete(place));
    if (deleted) uris["/" + path] = json::string(ToUri(place));
    if (folders) RETURN_IF_ERROR(DeleteEmptyFolders(storage, NamespaceFilesFolder(ns), place));
  }
  return TaskOutcome::Success({{"files", std::move(uris)}});
}

// Files have one version here, so what is left to purge is what is older than `before`.
Result<TaskOutcome> RunPurge(TaskContext& context) {
  ASSIGN_OR_RETURN(auto namespaces, context.Texts("namespaces"));
  ASSIGN_OR_RETURN(const bool children, context.Bool("includeChildNamespaces", true));
  ASSIGN_OR_RETURN(const auto pattern, context.Text("filePattern"));
  ASSIGN_OR_RETURN(const Value behavior, context.Render("behavior"));
  const Value* before = Member(behavior, "before");
  if (before == nullptr || before->is_null()) return TaskOutcome::Success({{"size", 0}});
  ASSIGN_OR_RETURN(const Timestamp limit, ParseInstant(ToText(*before)));
  if (context.Has("namespacePattern")) return InvalidArgument("namespacePattern: name the namespaces");
  if (namespaces.empty()) namespaces.push_back(context.order().ns);
  const std::optional<Glob> glob = pattern ? std::optional<Glob>(PathGlob(*pattern)) : std::nullopt;
  const Storage& storage = context.services().storage;
  std::int64_t size = 0;
  for (const std::string& ns : namespaces) {
    RETURN_IF_ERROR(CheckNamespace(ns));
    ASSIGN_OR_RETURN(const auto files, storage.List(children ? NamespaceFolder(ns) : NamespaceFilesFolder(ns)));
    for (const StoredFile& file : files) {
      if (!IsNamespaceFile(file.place) || file.modified >= limit) continue;
      const std::string path = file.place.substr(file.place.find("/_files/") + 8);
      if (glob && !glob->Matches(path)) continue;
      ASSIGN_OR_RETURN(const bool deleted, storage.Delete(file.place));
      size += deleted ? 1 : 0;
    }
  }
  return TaskOutcome::Success({{"size", size}});
}

// ---- specs ----

PropertySpec NamespaceProperty() { return {.name = "namespace", .required = true, .doc = "The namespace."}; }
PropertySpec FilesProperty(std::string doc, bool required) {
  return {.name = "files", .kind = PropertyKind::kAny, .required = required, .doc = std::move(doc)};
}
std::vector<PropertySpec> FilesOutput() { return {{.name = "files", .kind = PropertyKind::kMap, .doc = "Path to URI."}}; }

model::TaskTypeSpec UploadSpec() {
  return {.type = kPrefix + "UploadFiles",
          .doc = "Puts files among those of a namespace.",
          .properties = {NamespaceProperty(), FilesProperty("Globs over the working directory.", false),
                         {.name = "filesMap", .kind = PropertyKind::kAny, .doc = "A map of path to content or URI."},
                         {.name = "destination", .doc = "The folder.", .default_value = "/"},
                         {.name = "conflict", .kind = PropertyKind::kEnum, .doc = "When a file is there.", .default_value = "OVERWRITE",
                          .enum_values = {"OVERWRITE", "ERROR", "SKIP"}}},
          .outputs = FilesOutput(),
          .example = "id: up\ntype: " + kPrefix + "UploadFiles\nnamespace: company\nfilesMap:\n  a.txt: hello\n"};
}

model::TaskTypeSpec PurgeSpec() {
  return {.type = kPrefix + "PurgeFiles",
          .doc = "Deletes old files of namespaces.",
          .properties = {{.name = "filePattern", .doc = "A glob."},
                         {.name = "namespaces", .kind = PropertyKind::kList, .doc = "Of these; absent: the flow's.", .members = {{.name = "namespace"}}},
                         {.name = "namespacePattern", .doc = "Not available: name the namespaces."},
                         {.name = "behavior", .kind = PropertyKind::kAny, .doc = "{type: version, before: an instant}."},
                         {.name = "includeChildNamespaces", .kind = PropertyKind::kBoolean, .doc = "Those below too.", .default_value = true}},
          .outputs = {{.name = "size", .kind = PropertyKind::kInteger, .doc = "How many files went."}},
          .support = model::Support::kDiffers,
          .differs = "Files have one version: without `before` nothing goes.",
          .example = "id: purge\ntype: " + kPrefix + "PurgeFiles\nbehavior:\n  type: version\n  before: \"2026-01-01T00:00:00Z\"\n"};
}

}  // namespace

std::vector<TaskType> NamespaceTasks() {
  std::vector<TaskType> types;
  types.push_back(MakeType(UploadSpec(), RunUpload));
  types.push_back(MakeType({.type = kPrefix + "DownloadFiles", .doc = "Copies files of a namespace into the execution.",
                            .properties = {NamespaceProperty(), FilesProperty("A glob or a list of them.", true),
                                           {.name = "destination", .doc = "A folder before the names."}},
                            .outputs = FilesOutput(),
                            .example = "id: down\ntype: " + kPrefix + "DownloadFiles\nnamespace: company\nfiles: \"**.sql\"\n"},
                           RunDownload));
  types.push_back(MakeType({.type = kPrefix + "DeleteFiles", .doc = "Deletes files of a namespace.",
                            .properties = {NamespaceProperty(), FilesProperty("A glob or a list of them.", true),
                                           {.name = "deleteParentFolder", .kind = PropertyKind::kBoolean, .doc = "And folders that are empty then.", .default_value = false}},
                            .outputs = FilesOutput(),
                            .example = "id: del\ntype: " + kPrefix + "DeleteFiles\nnamespace: company\nfiles: \"tmp/**\"\n"},
                           RunDelete));
  types.push_back(MakeType(PurgeSpec(), RunPurge));
  return types;
}

}  // namespace headrace::worker
