#include "worker/environment.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>

#include "common/base/text.h"
#include "common/expr/zone.h"
#include "worker/files/places.h"
#include "worker/http/request_plan.h"
#include "worker/kv/kv_store.h"
#include "worker/task_runner.h"

namespace headrace::worker {
namespace {

constexpr std::size_t kReadBytesMax = 1024 * 1024;

bool IsFileFunction(std::string_view function) {
  static constexpr std::array<std::string_view, 4> kNames = {"read", "fileSize", "fileExists", "isFileEmpty"};
  return std::find(kNames.begin(), kNames.end(), function) != kNames.end();
}

}  // namespace

struct WorkerEnvironment::Arguments {
  std::string_view function;
  const Array& positional;
  const Object& named;

  // The argument at `place` or of this name; null when there is none.
  Value At(std::size_t place, std::string_view name) const {
    if (const auto at = named.find(name); at != named.end()) return at->value();
    return place < positional.size() ? positional[place] : Value();
  }
  Result<std::string> Text(std::size_t place, std::string_view name) const {
    const Value value = At(place, name);
    if (!value.is_string())
      return InvalidArgument("The '" + std::string(function) + "' function expects an argument '" + std::string(name) + "'.");
    return ToText(value);
  }
};

std::string_view WorkerEnvironment::time_zone() const {
  static const std::string kZone = expr::MachineZoneName();
  return kZone;
}

Timestamp WorkerEnvironment::Now() const { return world_.clock.Now(); }

Result<Value> WorkerEnvironment::Call(std::string_view function, const Array& positional, const Object& named,
                                      const Value& context) {
  const Arguments arguments{function, positional, named};
  if (function == "secret") return Secret(arguments);
  if (function == "kv") return Key(arguments);
  if (function == "fileURI") return FileUri(arguments);
  if (function == "http") return Http(arguments);
  if (IsFileFunction(function)) return File(function, arguments, context);
  if (function == "errorLogs") {
    // Only where the engine sent them along.
    if (const Value* logs = Member(context, "errorLogs"); logs != nullptr) return *logs;
  }
  return Environment::Call(function, positional, named, context);
}

Result<Value> WorkerEnvironment::Secret(const Arguments& arguments) {
  ASSIGN_OR_RETURN(const std::string name, arguments.Text(0, "key"));
  ASSIGN_OR_RETURN(const std::string secret, world_.secrets.Find(name));
  masker_.Register(secret);
  const Value subkey = arguments.At(2, "subkey");
  if (subkey.is_null()) return Value(json::string(secret));
  const auto parsed = ParseJson(secret);
  const Value* member = parsed ? Member(*parsed, ToText(subkey)) : nullptr;
  if (member == nullptr)
    return NotFound("Cannot find secret sub-key '" + ToText(subkey) + "' in secret '" + name + "'.");
  masker_.Register(ToText(*member));
  return Value(json::string(ToText(*member)));
}

Result<Value> WorkerEnvironment::Key(const Arguments& arguments) {
  ASSIGN_OR_RETURN(const std::string key, arguments.Text(0, "key"));
  const Value ns = arguments.At(1, "namespace");
  const Value strict = arguments.At(2, "errorOnMissing");
  const KvStore store(world_.storage, world_.clock);
  ASSIGN_OR_RETURN(auto entry, ns.is_null() ? store.Find(order_.ns, key) : store.Get(ToText(ns), key));
  if (entry) return std::move(entry->value);
  if (!strict.is_null() && !IsTruthy(ToText(strict))) return Value();
  return NotFound("The key '" + key + "' does not exist in the namespace '" + (ns.is_null() ? order_.ns : ToText(ns)) + "'.");
}

Result<Value> WorkerEnvironment::FileUri(const Arguments& arguments) {
  ASSIGN_OR_RETURN(const std::string path, arguments.Text(0, "path"));
  const Value ns = arguments.At(1, "namespace");
  ASSIGN_OR_RETURN(const std::string place, NamespaceFilePlace(ns.is_null() ? order_.ns : ToText(ns), path));
  return Value(json::string(ToUri(place)));
}

Result<Value> WorkerEnvironment::File(std::string_view function, const Arguments& arguments, const Value& context) {
  ASSIGN_OR_RETURN(const std::string path, arguments.Text(0, "path"));
  std::string uri = path;
  if (!IsFileUri(path)) {
    if (path.find("://") != std::string::npos)
      return InvalidArgument("Cannot process the URI " + path + ": scheme not supported.");
    const Value ns = arguments.At(1, "namespace");
    ASSIGN_OR_RETURN(const std::string place, NamespaceFilePlace(ns.is_null() ? order_.ns : ToText(ns), path));
    uri = ToUri(place);
  }
  auto file = files_.Open(uri, context);
  if (!file && file.error().code == Code::kNotFound && function == "fileExists") return Value(false);
  if (!file) return Fail(std::move(file.error()));
  if (function == "fileExists") return Value(true);
  if (function == "read") {
    ASSIGN_OR_RETURN(const std::string text, ReadText(file->get(), kReadBytesMax, uri));
    return Value(json::string(text));
  }
  struct stat status {};
  if (fstat(file->get(), &status) != 0) return Fail(Code::kUnavailable, "cannot look at '" + uri + "'");
  if (function == "isFileEmpty") return Value(status.st_size == 0);
  return Value(std::int64_t{status.st_size});
}

// uri, method, query, body, contentType, headers, options, accept: the answer's body, parsed when its type is known.
Result<Value> WorkerEnvironment::Http(const Arguments& arguments) {
  ASSIGN_OR_RETURN(const std::string uri, arguments.Text(0, "uri"));
  Object properties;
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kNames = {{
      {"method", "method"}, {"query", "params"}, {"body", "body"}, {"contentType", "contentType"},
      {"headers", "headers"}, {"options", "options"}}};
  for (std::size_t i = 0; i < kNames.size(); ++i)
    if (Value value = arguments.At(i + 1, kNames[i].first); !value.is_null()) properties[kNames[i].second] = std::move(value);
  properties["uri"] = json::string(uri);
  if (const Value accept = arguments.At(7, "accept"); !accept.is_null()) {
    Value& headers = properties["headers"];
    if (!headers.is_object()) headers = Object();
    headers.get_object()["Accept"] = accept;
  }
  ASSIGN_OR_RETURN(const HttpRequest request, PlanRequest(properties, world_.options));
  ASSIGN_OR_RETURN(HttpAnswer answer, CallHttp(request, cancel_, world_.options.http_body_bytes_max));
  return BodyValue(answer);
}

}  // namespace headrace::worker
