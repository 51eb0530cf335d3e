// What a route or a method asks of who calls it. From viewer on each role may do what those before it may; a worker may call what
// its tasks need, a scheduler what schedulers ask each other, and nothing else (api/access.h).
// A principal that is bound to namespaces reaches what lies in them and below them: a.b has a.b and a.b.c, not a.bc.
// Threads: plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace headrace::api::http {

enum class Role : std::uint8_t { kPublic, kScheduler, kWorker, kViewer, kOperator, kEditor, kAdmin };

std::string_view RoleName(Role role);
// "viewer" and so on; public is nobody's role.
std::optional<Role> ParseRole(std::string_view name);

// Who calls.
struct Principal {
  std::string name{};  // empty: unknown
  Role role = Role::kPublic;
  std::vector<std::string> namespaces{};  // none: of all
  std::string key{};                      // what the authenticator knows it by; no token can be made of it

  bool bound() const { return !namespaces.empty(); }
  bool Reaches(std::string_view ns) const;
};

}  // namespace headrace::api::http
