#include "api/http/authenticator.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>
#include <utility>

#include "api/http/role.h"
#include "common/base/hash.h"
#include "common/base/text.h"

namespace headrace::api::http {
namespace {

constexpr std::size_t kTokenBytesMin = 16;
constexpr std::size_t kDigestDigits = 64;
constexpr std::string_view kDigestPrefix = "sha256:";
constexpr std::string_view kScheme = "Bearer ";

constexpr std::pair<Role, std::string_view> kRoles[] = {{Role::kPublic, "public"},
                                                        {Role::kWorker, "worker"},
                                                        {Role::kViewer, "viewer"},
                                                        {Role::kOperator, "operator"},
                                                        {Role::kEditor, "editor"},
                                                        {Role::kAdmin, "admin"}};

bool IsDigest(std::string_view text) {
  return text.size() == kDigestDigits &&
         std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

// By digest: what a lookup's time tells is of a hash that nobody can choose.
class BearerTokens final : public Authenticator {
 public:
  explicit BearerTokens(std::map<std::string, Principal> by_digest) : by_digest_(std::move(by_digest)) {}

  Result<Principal> Authenticate(const Headers& headers) const override {
    const auto given = std::count_if(headers.begin(), headers.end(),
                                     [](const Header& h) { return SameName(h.name, "Authorization"); });
    const std::string* value = FindHeader(headers, "Authorization");
    const bool bearer =
        given == 1 && value->size() > kScheme.size() && SameName(value->substr(0, kScheme.size()), kScheme);
    if (!bearer) return Fail(Code::kUnauthenticated, "a token is needed: Authorization: Bearer TOKEN");
    const auto at = by_digest_.find(Sha256Hex(Trim(std::string_view(*value).substr(kScheme.size()))));
    if (at == by_digest_.end()) return Fail(Code::kUnauthenticated, "the token is not known here");
    return at->second;
  }

 private:
  const std::map<std::string, Principal> by_digest_;
};

Error WrongLine(const std::string& file, int line, const std::string& what) {
  return {Code::kInvalidArgument, file + ":" + std::to_string(line) + ": " + what, {}};
}

}  // namespace

std::string_view RoleName(Role role) {
  for (const auto& [one, name] : kRoles) {
    if (one == role) return name;
  }
  return "";
}

std::optional<Role> ParseRole(std::string_view name) {
  for (const auto& [role, one] : kRoles) {
    if (one == name && role != Role::kPublic) return role;
  }
  return std::nullopt;
}

Result<std::unique_ptr<Authenticator>> ParseTokens(const std::string& text, const std::string& file) {
  std::map<std::string, Principal> tokens;
  std::istringstream lines(text);
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    if (Trim(line).empty() || Trim(line).starts_with('#')) continue;
    std::istringstream words(line);
    std::string token;
    std::string name;
    std::string role_name;
    std::string more;
    words >> token >> name >> role_name;
    const std::optional<Role> role = ParseRole(role_name);
    if (!role || words >> more)
      return Fail(WrongLine(file, number, "a line is TOKEN NAME ROLE, with worker, viewer, operator, editor or admin as role"));
    std::string digest;
    if (token.starts_with(kDigestPrefix)) {
      digest = token.substr(kDigestPrefix.size());
      if (!IsDigest(digest))
        return Fail(
            WrongLine(file, number, "sha256: wants 64 hexadecimal digits in lower case (printf %s TOKEN | sha256sum)"));
    } else {
      if (token.size() < kTokenBytesMin)
        return Fail(WrongLine(file, number, "a token has 16 characters or more (openssl rand -hex 24)"));
      digest = Sha256Hex(token);
    }
    if (!tokens.emplace(std::move(digest), Principal{name, *role}).second)
      return Fail(WrongLine(file, number, "this token is there twice"));
  }
  if (tokens.empty()) return InvalidArgument(file + " holds no token; a line is TOKEN NAME ROLE");
  return std::unique_ptr<Authenticator>(std::make_unique<BearerTokens>(std::move(tokens)));
}

Result<std::unique_ptr<Authenticator>> ReadTokenFile(const std::string& file) {
  struct stat status {};
  if (stat(file.c_str(), &status) != 0)
    return InvalidArgument("cannot read tokens from " + file + ": " + std::strerror(errno));
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return InvalidArgument("others may write " + file + ", and could give themselves any role: chmod go-w " + file);
  }
  std::ifstream stream(file, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  if (!stream) return InvalidArgument("cannot read tokens from " + file);
  return ParseTokens(text, file);
}

}  // namespace headrace::api::http
