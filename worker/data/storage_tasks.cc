#include "worker/data/storage_tasks.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "worker/files/places.h"
#include "worker/files/working_directory.h"
#include "worker/function_runner.h"
#include "worker/script/script_files.h"

namespace headrace::worker {
namespace {

using model::PropertyKind;
using model::PropertySpec;

const std::string kPrefix = "io.kestra.plugin.core.storage.";
const std::string kOld = "io.kestra.core.tasks.storages.";

std::string Extension(const std::optional<std::string>& text, std::string_view fallback) {
  if (!text || text->empty()) return std::string(fallback);
  return text->front() == '.' ? *text : "." + *text;
}

Result<TaskOutcome> Stored(TaskContext& context, ScratchFile& file, std::string_view extension) {
  if (extension.find('/') != std::string_view::npos) return InvalidArgument("extension: '/' is not allowed");
  ASSIGN_OR_RETURN(const std::string uri, context.Store(file, extension));
  return TaskOutcome::Success({{"uri", uri}});
}

Result<TaskOutcome> RunWrite(TaskContext& context) {
  ASSIGN_OR_RETURN(const std::string content, context.RequiredText("content"));
  ASSIGN_OR_RETURN(const auto extension, context.Text("extension"));
  ASSIGN_OR_RETURN(ScratchFile file, context.Scratch());
  RETURN_IF_ERROR(file.Write(content));
  return Stored(context, file, Extension(extension, ""));
}

Result<TaskOutcome> RunConcat(TaskContext& context) {
  ASSIGN_OR_RETURN(const auto files, context.Texts("files"));
  ASSIGN_OR_RETURN(const auto separator, context.Text("separator"));
  ASSIGN_OR_RETURN(const auto extension, context.Text("extension"));
  ASSIGN_OR_RETURN(ScratchFile to, context.Scratch());
  for (const std::string& uri : files) {
    if (uri.empty()) continue;
    ASSIGN_OR_RETURN(const UniqueFd from, context.OpenFile(uri));
    RETURN_IF_ERROR(AppendFile(to, from.get()));
    if (separator) RETURN_IF_ERROR(to.Write(*separator));
    if (context.cancel().requested()) return Fail(Code::kCancelled, "cancelled");
  }
  return Stored(context, to, Extension(extension, ".tmp"));
}

Result<TaskOutcome> RunDelete(TaskContext& context) {
  ASSIGN_OR_RETURN(const std::string uri, context.RequiredText("uri"));
  ASSIGN_OR_RETURN(const bool strict, context.Bool("errorOnMissing", false));
  ASSIGN_OR_RETURN(const std::string place, context.files().Resolve(uri, context.variables()));
  RETURN_IF_ERROR(context.files().CheckOwn(place));
  ASSIGN_OR_RETURN(const bool deleted, context.services().storage.Delete(place));
  if (!deleted && strict) return NotFound("Unable to find file '" + uri + "'");
  return TaskOutcome::Success({{"uri", uri}, {"deleted", deleted}});
}

Result<TaskOutcome> RunSize(TaskContext& context) {
  ASSIGN_OR_RETURN(const std::string uri, context.RequiredText("uri"));
  ASSIGN_OR_RETURN(const UniqueFd file, context.OpenFile(uri));
  struct stat status {};
  if (fstat(file.get(), &status) != 0) return Fail(Code::kUnavailable, "cannot look at '" + uri + "'");
  return TaskOutcome::Success({{"size", std::int64_t{status.st_size}}});
}

// One number a line is kept, not the lines.
Result<TaskOutcome> RunReverse(TaskContext& context) {
  ASSIGN_OR_RETURN(const std::string uri, context.RequiredText("from"));
  ASSIGN_OR_RETURN(const auto given, context.Text("separator"));
  const std::string separator = given.value_or("\n");
  if (separator.empty()) return InvalidArgument("separator: is empty");
  ASSIGN_OR_RETURN(const UniqueFd from, context.OpenFile(uri));
  std::vector<off_t> begins;
  off_t at = 0;
  LineReader reader(from.get(), separator);
  std::string line;
  for (;;) {
    ASSIGN_OR_RETURN(const bool more, reader.Next(line));
    if (!more) break;
    begins.push_back(at);
    at += static_cast<off_t>(line.size() + separator.size());
  }
  ASSIGN_OR_RETURN(ScratchFile to, context.Scratch());
  struct stat status {};
  if (fstat(from.get(), &status) != 0) return Fail(Code::kUnavailable, "cannot look at '" + uri + "'");
  off_t end = at;
  for (auto begin = begins.rbegin(); begin != begins.rend(); ++begin) {
    const off_t stop = std::min(end - static_cast<off_t>(separator.size()), status.st_size);
    line.resize(static_cast<std::size_t>(stop - *begin));
    if (pread(from.get(), line.data(), line.size(), *begin) != static_cast<ssize_t>(line.size()))
      return Fail(Code::kUnavailable, "'" + uri + "' changed while it was read");
    RETURN_IF_ERROR(to.Write(line + separator));
    end = *begin;
  }
  const std::string base = uri.substr(uri.rfind('/') + 1);
  return Stored(context, to, base.find('.') == std::string::npos ? "" : base.substr(base.rfind('.')));
}

Result<TaskOutcome> RunLocalFiles(TaskContext& context) {
  ASSIGN_OR_RETURN(const WorkingDirectory* const directory, context.Directory());
  RETURN_IF_ERROR(WriteInputFiles(context, *directory, "inputs"));
  ASSIGN_OR_RETURN(const auto patterns, context.Texts("outputs"));
  ASSIGN_OR_RETURN(Object uris, StoreOutputFiles(context, *directory, patterns, ""));
  return TaskOutcome::Success({{"uris", std::move(uris)}});
}

Result<TaskOutcome> RunPurgeCurrent(TaskContext& context) {
  const std::string folder = ExecutionFolder(context.order());
  ASSIGN_OR_RETURN(const auto files, context.services().storage.List(folder));
  Array uris;
  for (const StoredFile& file : files) {
    ASSIGN_OR_RETURN(const bool deleted, context.services().storage.Delete(file.place));
    if (deleted) uris.emplace_back(ToUri(file.place));
  }
  ASSIGN_OR_RETURN(const bool rest, context.services().storage.Delete(folder));
  static_cast<void>(rest);
  context.Log("DEBUG", "purged " + std::to_string(uris.size()) + " files");
  return TaskOutcome::Success({{"uris", std::move(uris)}});
}

PropertySpec UriOutput() { return {.name = "uri", .doc = "Of the stored file."}; }

model::TaskTypeSpec Spec(const std::string& name, std::string doc, std::vector<PropertySpec> properties,
                         std::vector<PropertySpec> outputs, const std::string& example, bool has_old = true) {
  model::TaskTypeSpec spec{.type = kPrefix + name, .doc = std::move(doc), .properties = std::move(properties),
                           .outputs = std::move(outputs), .example = "id: files\ntype: " + kPrefix + name + "\n" + example};
  if (has_old) spec.aliases.push_back(kOld + name);
  return spec;
}

TaskType WriteType() {
  return MakeType(Spec("Write", "Stores a text as a file.",
                       {{.name = "content", .required = true, .doc = "The text."}, {.name = "extension", .doc = "Such as .txt."}},
                       {UriOutput()}, "content: hello\n", false),
                  RunWrite);
}

TaskType ConcatType() {
  return MakeType(Spec("Concat", "Puts files one after the other.",
                       {{.name = "files", .kind = PropertyKind::kAny, .required = true, .doc = "A list of URIs, or one as JSON."},
                        {.name = "separator", .doc = "Written after each."},
                        {.name = "extension", .doc = "Of the new file.", .default_value = ".tmp"}},
                       {UriOutput()}, "files:\n  - \"{{ outputs.a.uri }}\"\n"),
                  RunConcat);
}

TaskType DeleteType() {
  return MakeType(Spec("Delete", "Deletes a stored file of this execution or of a namespace.",
                       {{.name = "uri", .required = true, .doc = "A kestra:/// or nsfile:/// URI."},
                        {.name = "errorOnMissing", .kind = PropertyKind::kBoolean, .doc = "Fail when it is not there.", .default_value = false}},
                       {{.name = "uri", .doc = "As given."}, {.name = "deleted", .kind = PropertyKind::kBoolean, .doc = "Whether it was there."}},
                       "uri: \"{{ outputs.a.uri }}\"\n"),
                  RunDelete);
}

TaskType ReverseType() {
  return MakeType(Spec("Reverse", "Puts the last line first.",
                       {{.name = "from", .required = true, .doc = "A URI."},
                        {.name = "separator", .doc = "Between lines.", .default_value = "\n"},
                        {.name = "charset", .doc = "Lines are cut by bytes: any that keeps ASCII.", .default_value = "UTF-8"}},
                       {UriOutput()}, "from: \"{{ outputs.a.uri }}\"\n"),
                  RunReverse);
}

TaskType PurgeType() {
  model::TaskTypeSpec spec = Spec("PurgeCurrentExecutionFiles", "Deletes all stored files of this execution.", {},
                                  {{.name = "uris", .kind = PropertyKind::kList, .doc = "What went."}}, "", false);
  spec.aliases = {kOld + "PurgeExecution", kPrefix + "PurgeExecution"};
  return MakeType(std::move(spec), RunPurgeCurrent);
}

}  // namespace

Status AppendFile(ScratchFile& to, int from) {
  std::string piece(128 * 1024, '\0');
  for (;;) {
    const ssize_t n = read(from, piece.data(), piece.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Fail(Code::kUnavailable, "reading a stored file failed");
    if (n == 0) return {};
    RETURN_IF_ERROR(to.Write(std::string_view(piece).substr(0, static_cast<std::size_t>(n))));
  }
}

std::vector<TaskType> StorageTasks() {
  std::vector<TaskType> types;
  types.push_back(WriteType());
  types.push_back(ConcatType());
  types.push_back(DeleteType());
  types.push_back(ReverseType());
  types.push_back(PurgeType());
  types.push_back(MakeType(Spec("Size", "Tells how large a stored file is.", {{.name = "uri", .required = true, .doc = "A URI."}},
                                {{.name = "size", .kind = PropertyKind::kInteger, .doc = "In bytes."}}, "uri: \"{{ outputs.a.uri }}\"\n"),
                           RunSize));
  types.push_back(MakeType(Spec("LocalFiles", "Puts files into the working directory, and keeps some of it.",
                                {{.name = "inputs", .kind = PropertyKind::kAny, .doc = "A map of name to content or URI."},
                                 {.name = "outputs", .kind = PropertyKind::kList, .doc = "Names and globs.", .members = {{.name = "text"}}}},
                                {{.name = "uris", .kind = PropertyKind::kMap, .doc = "Name to URI."}}, "inputs:\n  a.txt: hello\n"),
                           RunLocalFiles));
  return types;
}

}  // namespace headrace::worker
