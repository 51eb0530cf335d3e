#include "worker/http/http_tasks.h"

#include <algorithm>
#include <cctype>

#include "worker/function_runner.h"
#include "worker/http/http_trigger.h"
#include "worker/http/request_plan.h"
#include "worker/http/sse_request.h"

namespace headrace::worker {
namespace {

using model::PropertyKind;
using model::PropertySpec;

Result<TaskOutcome> RunRequest(TaskContext& context) {
  ASSIGN_OR_RETURN(Object outputs, CallAsTask(context, false));
  return TaskOutcome::Success(std::move(outputs));
}

// Of Content-Disposition, else of the URI's path, without what would lead elsewhere.
std::string FileName(const HttpAnswer& answer, const std::string& uri) {
  const std::string_view disposition = answer.Header("content-disposition");
  std::string name;
  if (const std::size_t at = disposition.find("filename="); at != std::string_view::npos) {
    name = disposition.substr(at + 9);
    name = name.substr(0, name.find(';'));
    std::erase(name, '"');
  } else {
    name = uri.substr(0, uri.find_first_of("?#"));
  }
  name = name.substr(name.find_last_of("/\\") + 1);
  std::erase_if(name, [](char c) { return static_cast<unsigned char>(c) < 0x20; });
  if (name.empty() || name == "." || name == ".." || name.size() > 200) return "download";
  return name;
}

Result<TaskOutcome> RunDownload(TaskContext& context) {
  ASSIGN_OR_RETURN(const HttpRequest request, PlanTask(context));
  ASSIGN_OR_RETURN(const auto save_as, context.Text("saveAs"));
  ASSIGN_OR_RETURN(const bool fail_on_empty, context.Bool("failOnEmptyResponse", true));
  if (save_as) RETURN_IF_ERROR(CheckRelativeName(*save_as));
  ASSIGN_OR_RETURN(ScratchFile file, context.Scratch());
  const std::uint64_t most = context.services().options.file_bytes_max;
  ASSIGN_OR_RETURN(const HttpAnswer answer, CallHttp(request, context.cancel(), most,
                                                     [&](std::string_view piece) { return file.Write(piece); }));
  if (file.bytes() == 0) {
    if (fail_on_empty) return TaskOutcome::Failed("No response from server");
    context.Log("WARN", "File '" + request.uri + "' is empty");
  }
  RETURN_IF_ERROR(file.Rewind());
  ASSIGN_OR_RETURN(auto stored, context.files().Put(save_as.value_or(FileName(answer, request.uri)), file.fd(), most));
  return TaskOutcome::Success({{"uri", stored.uri}, {"code", answer.code}, {"length", file.bytes()}, {"headers", HeaderLists(answer)}});
}

}  // namespace

std::vector<PropertySpec> HttpProperties() {
  return {
      {.name = "uri", .required = true, .doc = "An http:// or https:// URI."},
      {.name = "method", .doc = "The HTTP method.", .default_value = "GET"},
      {.name = "body", .doc = "The full body as text."},
      {.name = "formData", .kind = PropertyKind::kMap,
       .doc = "Fields of a form; with contentType multipart/form-data a value may be a file's URI or {name, content}."},
      {.name = "params", .kind = PropertyKind::kMap, .doc = "Added to the query of the URI."},
      {.name = "contentType", .doc = "Of the body.", .default_value = "application/json"},
      {.name = "headers", .kind = PropertyKind::kMap, .doc = "Headers of the request."},
      {.name = "options", .kind = PropertyKind::kAny,
       .doc = "timeout {connectTimeout, readIdleTimeout}, auth {type: BASIC or BEARER, …}, proxy, ssl, followRedirects, "
              "allowFailed, allowedResponseCodes."},
      {.name = "allowFailed", .kind = PropertyKind::kBoolean, .doc = "Deprecated: use options.allowFailed.", .default_value = false},
      {.name = "sslOptions", .kind = PropertyKind::kAny, .doc = "Deprecated: use options.ssl."},
  };
}

std::vector<PropertySpec> HttpOutputs() {
  return {{.name = "uri", .doc = "As it was asked for."},
          {.name = "code", .kind = PropertyKind::kInteger, .doc = "The status code."},
          {.name = "headers", .kind = PropertyKind::kMap, .doc = "Name to list of values."},
          {.name = "body", .kind = PropertyKind::kAny, .doc = "The text; parsed when it is JSON."},
          {.name = "formData", .kind = PropertyKind::kMap, .doc = "As it was sent."},
          {.name = "encryptedBody", .kind = PropertyKind::kAny, .doc = "Never set here."}};
}

namespace {

model::TaskTypeSpec RequestSpec() {
  model::TaskTypeSpec spec{
      .type = "io.kestra.plugin.core.http.Request",
      .aliases = {"io.kestra.plugin.fs.http.Request"},
      .doc = "Sends an HTTP request; its answer becomes outputs.",
      .properties = HttpProperties(),
      .outputs = HttpOutputs(),
      .support = model::Support::kDiffers,
      .differs = "encryptBody is refused. Loopback and link-local addresses are refused unless the worker allows them.",
      .example = "id: call\ntype: io.kestra.plugin.core.http.Request\nuri: https://api.example.com/items\n"};
  spec.properties.push_back({.name = "encryptBody", .kind = PropertyKind::kBoolean, .doc = "Not available.", .default_value = false});
  return spec;
}

model::TaskTypeSpec DownloadSpec() {
  model::TaskTypeSpec spec{
      .type = "io.kestra.plugin.core.http.Download",
      .aliases = {"io.kestra.plugin.fs.http.Download"},
      .doc = "Downloads a file into the internal storage.",
      .properties = HttpProperties(),
      .outputs = {{.name = "uri", .doc = "Of the stored file."},
                  {.name = "code", .kind = PropertyKind::kInteger, .doc = "The status code."},
                  {.name = "length", .kind = PropertyKind::kInteger, .doc = "In bytes."},
                  {.name = "headers", .kind = PropertyKind::kMap, .doc = "Name to list of values."}},
      .support = model::Support::kDiffers,
      .differs = "Loopback and link-local addresses are refused unless the worker allows them.",
      .example = "id: get\ntype: io.kestra.plugin.core.http.Download\nuri: https://example.com/a.csv\n"};
  spec.properties.push_back({.name = "failOnEmptyResponse", .kind = PropertyKind::kBoolean,
                             .doc = "Fail when the body is empty.", .default_value = true});
  spec.properties.push_back({.name = "saveAs", .doc = "The name of the stored file."});
  return spec;
}

}  // namespace

Result<HttpRequest> PlanTask(TaskContext& context) {
  Object rendered;
  for (const auto& [name, value] : context.properties()) {
    // Rendered when the answer is there.
    if (name == "concatJqExpression" || name == "responseCondition") continue;
    // A body is text, whatever it looks like; the rest keeps its types.
    ASSIGN_OR_RETURN(rendered[name], context.RenderValue(value, name != "body" && name != "uri"));
  }
  return PlanRequest(rendered, context.services().options, [&context](std::string_view uri) { return context.OpenFile(uri); });
}

Result<Object> CallAsTask(TaskContext& context, bool allow_failed) {
  ASSIGN_OR_RETURN(const bool encrypt, context.Bool("encryptBody", false));
  if (encrypt) return InvalidArgument("encryptBody: this worker has no encryption key");
  ASSIGN_OR_RETURN(HttpRequest request, PlanTask(context));
  request.allow_failed = request.allow_failed || allow_failed;
  ASSIGN_OR_RETURN(const HttpAnswer answer, CallHttp(request, context.cancel(), context.services().options.http_body_bytes_max));
  ASSIGN_OR_RETURN(const std::string body, BodyText(answer));
  Object outputs{{"uri", request.uri}, {"code", answer.code}, {"headers", HeaderLists(answer)}};
  outputs["body"] = json::string(body);
  if (context.Has("formData")) {
    ASSIGN_OR_RETURN(outputs["formData"], context.Render("formData"));
  }
  return outputs;
}

std::vector<TaskType> HttpTasks() {
  std::vector<TaskType> types;
  types.push_back(MakeType(RequestSpec(), RunRequest));
  types.push_back(MakeType(DownloadSpec(), RunDownload));
  types.push_back(SseTask(HttpProperties()));
  types.push_back(HttpTrigger());
  return types;
}

}  // namespace headrace::worker
