#include "worker/secrets.h"

#include <cctype>

#include "common/expr/base64.h"

namespace headrace::worker {
namespace {

constexpr std::string_view kEncodedPrefix = "SECRET_";
constexpr std::string_view kPlainPrefix = "HEADRACE_SECRET_";

std::string Upper(std::string_view name) {
  std::string upper(name);
  for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return upper;
}

}  // namespace

Result<std::string> Base64Decode(std::string_view text) {
  std::string dense(text);
  std::erase_if(dense, [](char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; });
  const bool whole = !dense.ends_with('=') || dense.size() % 4 == 0;
  auto decoded = whole ? expr::FromBase64(dense) : std::nullopt;
  if (!decoded) return InvalidArgument("not base64");
  return std::move(*decoded);
}

SecretStore::SecretStore(const std::map<std::string, std::string>& environment) {
  for (const auto& [name, value] : environment) {
    if (name.starts_with(kPlainPrefix)) plain_[Upper(name.substr(kPlainPrefix.size()))] = value;
    else if (name.starts_with(kEncodedPrefix)) encoded_[Upper(name.substr(kEncodedPrefix.size()))] = value;
  }
}

Result<std::string> SecretStore::Find(std::string_view key) const {
  const std::string name = Upper(key);
  if (const auto at = plain_.find(name); at != plain_.end()) return at->second;
  const auto at = encoded_.find(name);
  if (at == encoded_.end()) {
    return NotFound("Cannot find secret for key '" + std::string(key) + "'. Set " + std::string(kEncodedPrefix) + name +
                    " (base64) or " + std::string(kPlainPrefix) + name + " (plain) in the environment of the worker");
  }
  auto decoded = Base64Decode(at->second);
  if (!decoded) {
    return InvalidArgument("Cannot find secret for key '" + std::string(key) + "': SECRET_" + name +
                           " of this worker is not base64; encode it, or set HEADRACE_SECRET_" + name +
                           " to the plain value");
  }
  return std::move(*decoded);
}

bool IsWorkerOnly(std::string_view variable) {
  return variable.starts_with(kEncodedPrefix) || variable.starts_with("HEADRACE_") ||
         (variable.starts_with("OTEL_EXPORTER_OTLP_") && variable.ends_with("HEADERS"));  // tokens of a collector
}

}  // namespace headrace::worker
