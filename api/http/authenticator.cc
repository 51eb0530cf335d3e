#include "api/http/authenticator.h"

#include <spdlog/spdlog.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <mutex>
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
constexpr std::chrono::seconds kLookEvery(1);
constexpr std::chrono::seconds kComplainEvery(10);

constexpr std::pair<Role, std::string_view> kRoles[] = {{Role::kPublic, "public"},
                                                        {Role::kScheduler, "scheduler"},
                                                        {Role::kWorker, "worker"},
                                                        {Role::kViewer, "viewer"},
                                                        {Role::kOperator, "operator"},
                                                        {Role::kEditor, "editor"},
                                                        {Role::kAdmin, "admin"}};

bool IsDigest(std::string_view text) {
  return text.size() == kDigestDigits &&
         std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

using ByDigest = std::map<std::string, Principal>;

// By digest: what a lookup's time tells is of a hash that nobody can choose.
Result<Principal> Look(const ByDigest& tokens, const Headers& headers) {
  const auto given = std::count_if(headers.begin(), headers.end(), [](const Header& h) { return SameName(h.name, "Authorization"); });
  const std::string* value = FindHeader(headers, "Authorization");
  const bool bearer = given == 1 && value->size() > kScheme.size() && SameName(value->substr(0, kScheme.size()), kScheme);
  if (!bearer) return Fail(Code::kUnauthenticated, "a token is needed: Authorization: Bearer TOKEN");
  const auto at = tokens.find(Sha256Hex(Trim(std::string_view(*value).substr(kScheme.size()))));
  if (at == tokens.end()) return Fail(Code::kUnauthenticated, "the token is not known here");
  return at->second;
}

bool StillHolds(const ByDigest& tokens, const Principal& principal) {
  const auto at = tokens.find(principal.key);
  return at != tokens.end() && at->second.role == principal.role && at->second.namespaces == principal.namespaces;
}

class BearerTokens final : public Authenticator {
 public:
  explicit BearerTokens(ByDigest tokens) : tokens_(std::move(tokens)) {}
  Result<Principal> Authenticate(const Headers& headers) const override { return Look(tokens_, headers); }
  bool Holds(const Principal& principal) const override { return StillHolds(tokens_, principal); }

 private:
  const ByDigest tokens_;
};

Error WrongLine(const std::string& file, int line, const std::string& what) {
  return {Code::kInvalidArgument, file + ":" + std::to_string(line) + ": " + what, {}};
}

bool IsNamespace(std::string_view text) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
  };
  return !text.empty() && text.front() != '.' && text.back() != '.' && std::all_of(text.begin(), text.end(), allowed);
}

Result<std::vector<std::string>> NamespacesOf(const std::string& word, Role role) {
  std::vector<std::string> names;
  if (word.empty()) return names;
  if (role == Role::kWorker || role == Role::kScheduler) {
    return InvalidArgument("a token of role " + std::string(RoleName(role)) + " is good for all namespaces: it takes none");
  }
  std::istringstream list(word);
  for (std::string name; std::getline(list, name, ',');) {
    if (!IsNamespace(name)) return InvalidArgument("'" + name + "' is no namespace; several are NAMESPACE,NAMESPACE without blanks");
    names.push_back(std::move(name));
  }
  if (names.empty() || word.back() == ',') return InvalidArgument("'" + word + "' names no namespace after a comma");
  return names;
}

// The digest of the token, and whose it is.
Result<std::pair<std::string, Principal>> ParseLine(const std::string& line) {
  std::istringstream words(line);
  std::string token;
  std::string name;
  std::string role_name;
  std::string namespaces;
  std::string more;
  words >> token >> name >> role_name >> namespaces;
  const std::optional<Role> role = ParseRole(role_name);
  if (!role || words >> more) {
    return InvalidArgument("a line is TOKEN NAME ROLE or TOKEN NAME ROLE NAMESPACE,NAMESPACE, with worker, scheduler, viewer, operator, editor or admin as role");
  }
  Principal principal{.name = std::move(name), .role = *role};
  ASSIGN_OR_RETURN(principal.namespaces, NamespacesOf(namespaces, *role));
  if (!token.starts_with(kDigestPrefix)) {
    if (token.size() < kTokenBytesMin) return InvalidArgument("a token has 16 characters or more (openssl rand -hex 24)");
    principal.key = Sha256Hex(token);
  } else {
    principal.key = token.substr(kDigestPrefix.size());
    if (!IsDigest(principal.key)) return InvalidArgument("sha256: wants 64 hexadecimal digits in lower case (printf %s TOKEN | sha256sum)");
  }
  std::string digest = principal.key;
  return std::pair(std::move(digest), std::move(principal));
}

Result<ByDigest> Parse(const std::string& text, const std::string& file) {
  ByDigest tokens;
  std::istringstream lines(text);
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    if (Trim(line).empty() || Trim(line).starts_with('#')) continue;
    auto parsed = ParseLine(line);
    if (!parsed) return Fail(WrongLine(file, number, parsed.error().message));
    if (!tokens.insert(std::move(*parsed)).second) return Fail(WrongLine(file, number, "this token is there twice"));
  }
  return tokens;
}

Status HoldsAny(const ByDigest& tokens, const std::string& file) {
  if (!tokens.empty()) return {};
  return InvalidArgument(file + " holds no token; a line is TOKEN NAME ROLE");
}

// Of a change of the file: the link that a Kubernetes secret swaps, and its rights, too.
std::string StampOf(const std::string& file) {
  struct stat found {};
  if (stat(file.c_str(), &found) != 0) return "none";
  std::ostringstream out;
  out << found.st_dev << '/' << found.st_ino << '/' << found.st_size << '/' << found.st_mode << '/' << found.st_mtim.tv_sec << '.' << found.st_mtim.tv_nsec;
  return out.str();
}

// `stamp`: of the file before it is read. A part of it is refused: a line that is cut off before its namespaces would be good for all.
Result<ByDigest> Read(const std::string& file, const std::string& stamp) {
  struct stat status {};
  if (stat(file.c_str(), &status) != 0) return InvalidArgument("cannot read tokens from " + file + ": " + std::strerror(errno));
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return InvalidArgument("others may write " + file + ", and could give themselves any role: chmod go-w " + file);
  }
  std::ifstream stream(file, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  if (!stream) return InvalidArgument("cannot read tokens from " + file);
  if (StampOf(file) != stamp) return InvalidArgument(file + " was written while it was read; write it beside and rename it");
  if (!text.empty() && text.back() != '\n') return InvalidArgument(file + " may be half written: its last line has no line end; add one");
  return Parse(text, file);
}

class TokenFile final : public Authenticator {
 public:
  TokenFile(std::string file, std::string stamp, ByDigest tokens) : file_(std::move(file)), stamp_(std::move(stamp)), tokens_(std::move(tokens)) {}

  Result<Principal> Authenticate(const Headers& headers) const override {
    const std::lock_guard lock(mutex_);
    LookAgain();
    return Look(tokens_, headers);
  }
  bool Holds(const Principal& principal) const override {
    const std::lock_guard lock(mutex_);
    LookAgain();
    return StillHolds(tokens_, principal);
  }

 private:
  // REQUIRES: the lock is held.
  void LookAgain() const {
    const auto now = std::chrono::steady_clock::now();
    if (now - looked_ < kLookEvery) return;
    looked_ = now;
    // The stamp first: what changes while it is read is read again.
    std::string stamp = StampOf(file_);
    if (stamp == stamp_) return;
    Result<ByDigest> fresh = Read(file_, stamp);
    if (!fresh) return Complain(now, fresh.error().message);
    complained_ = {};
    stamp_ = std::move(stamp);
    // None at all is what somebody wants who takes the last one out.
    tokens_ = std::move(*fresh);
    spdlog::info("tokens read again from {}: {}", file_, tokens_.size());
  }

  // Until it is right: it is read again each time.
  void Complain(std::chrono::steady_clock::time_point now, const std::string& why) const {
    if (complained_ != std::chrono::steady_clock::time_point{} && now - complained_ < kComplainEvery) return;
    complained_ = now;
    spdlog::error("tokens stay as they were: {}", why);
  }

  const std::string file_;
  mutable std::mutex mutex_;
  mutable std::chrono::steady_clock::time_point complained_{};
  mutable std::chrono::steady_clock::time_point looked_ = std::chrono::steady_clock::now();
  mutable std::string stamp_;
  mutable ByDigest tokens_;
};

}  // namespace

bool Principal::Reaches(std::string_view ns) const {
  const auto covers = [&](const std::string& own) { return ns.starts_with(own) && (ns.size() == own.size() || ns[own.size()] == '.'); };
  return !bound() || std::any_of(namespaces.begin(), namespaces.end(), covers);
}

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
  ASSIGN_OR_RETURN(ByDigest tokens, Parse(text, file));
  RETURN_IF_ERROR(HoldsAny(tokens, file));
  return std::unique_ptr<Authenticator>(std::make_unique<BearerTokens>(std::move(tokens)));
}

Result<std::unique_ptr<Authenticator>> OpenTokenFile(const std::string& file) {
  std::string stamp = StampOf(file);
  ASSIGN_OR_RETURN(ByDigest tokens, Read(file, stamp));
  RETURN_IF_ERROR(HoldsAny(tokens, file));
  return std::unique_ptr<Authenticator>(std::make_unique<TokenFile>(file, std::move(stamp), std::move(tokens)));
}

}  // namespace headrace::api::http
