#include "worker/secrets.h"

#include <array>
#include <cctype>

namespace headrace::worker {
namespace {

constexpr std::string_view kEncodedPrefix = "SECRET_";
constexpr std::string_view kPlainPrefix = "HEADRACE_SECRET_";

std::string Upper(std::string_view name) {
  std::string upper(name);
  for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return upper;
}

int Digit(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+') return 62;
  return c == '/' ? 63 : -1;
}

}  // namespace

Result<std::string> Base64Decode(std::string_view text) {
  std::string out;
  std::uint32_t bits = 0;
  int count = 0;
  std::size_t digits = 0;
  std::size_t padding = 0;
  for (const char c : text) {
    if (std::isspace(static_cast<unsigned char>(c))) continue;
    if (c == '=') {
      ++padding;
      continue;
    }
    const int digit = Digit(c);
    if (digit < 0 || padding > 0) return InvalidArgument("not base64");
    ++digits;
    bits = bits << 6U | static_cast<std::uint32_t>(digit);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    out += static_cast<char>(bits >> static_cast<unsigned>(count) & 0xffU);
  }
  const bool whole = padding == 0 ? digits % 4 != 1 : padding <= 2 && (digits + padding) % 4 == 0;
  if (!whole) return InvalidArgument("not base64");
  return out;
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
  return variable.starts_with(kEncodedPrefix) || variable.starts_with("HEADRACE_");
}

}  // namespace headrace::worker
