// What a route or a method asks of who calls it. Each role may do what those before it may; a worker may also call what its
// tasks need (api/access.h).
// Threads: plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace headrace::api::http {

enum class Role : std::uint8_t { kPublic, kWorker, kViewer, kOperator, kEditor, kAdmin };

std::string_view RoleName(Role role);
// "viewer" and so on; public is nobody's role.
std::optional<Role> ParseRole(std::string_view name);

// Who calls.
struct Principal {
  std::string name{};  // empty: unknown
  Role role = Role::kPublic;
};

}  // namespace headrace::api::http
