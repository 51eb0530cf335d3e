#include "worker/environment.h"

#include <algorithm>
#include <array>

#include "worker/files/storage.h"

namespace headrace::worker {
namespace {

constexpr std::size_t kReadBytesMax = 1024 * 1024;

// The argument at `place` or of this name; null when there is none.
Value Argument(const Array& positional, const Object& named, std::size_t place, std::string_view name) {
  if (const auto at = named.find(name); at != named.end()) return at->value();
  return place < positional.size() ? positional[place] : Value();
}

bool IsFileFunction(std::string_view function) {
  static constexpr std::array<std::string_view, 4> kNames = {"read", "fileSize", "fileExists", "isFileEmpty"};
  return std::find(kNames.begin(), kNames.end(), function) != kNames.end();
}

}  // namespace

Result<Value> WorkerEnvironment::Call(std::string_view function, const Array& positional, const Object& named,
                                      const Value& context) {
  if (function == "secret") return Secret(positional, named);
  if (IsFileFunction(function) && storage_ != nullptr) return File(function, positional, named);
  return Environment::Call(function, positional, named, context);
}

Result<Value> WorkerEnvironment::Secret(const Array& positional, const Object& named) {
  const Value key = Argument(positional, named, 0, "key");
  if (!key.is_string()) return InvalidArgument("The 'secret' function expects an argument 'key'.");
  const std::string name = ToText(key);
  ASSIGN_OR_RETURN(const std::string secret, secrets_.Find(name));
  masker_.Register(secret);
  const Value subkey = Argument(positional, named, 2, "subkey");
  if (subkey.is_null()) return Value(json::string(secret));
  const auto parsed = ParseJson(secret);
  const Value* member = parsed ? Member(*parsed, ToText(subkey)) : nullptr;
  if (member == nullptr)
    return NotFound("Cannot find secret sub-key '" + ToText(subkey) + "' in secret '" + name + "'.");
  masker_.Register(ToText(*member));
  return Value(json::string(ToText(*member)));
}

Result<Value> WorkerEnvironment::File(std::string_view function, const Array& positional, const Object& named) {
  const std::string uri = ToText(Argument(positional, named, 0, "path"));
  if (!IsStorageUri(uri))
    return Fail(Code::kFailedPrecondition, std::string(function) + "('" + uri + "'): only kestra:/// files can be read here");
  const auto size = storage_->Size(uri);
  if (function == "fileExists") return Value(size.has_value());
  if (!size) return Fail(size.error());
  if (function == "fileSize") return Value(*size);
  if (function == "isFileEmpty") return Value(*size == 0);
  ASSIGN_OR_RETURN(const std::string text, storage_->Read(uri, kReadBytesMax));
  return Value(json::string(text));
}

}  // namespace headrace::worker
