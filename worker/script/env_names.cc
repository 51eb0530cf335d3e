#include "worker/script/env_names.h"

#include <algorithm>
#include <array>

namespace headrace::worker {
namespace {

constexpr std::array kNames = std::to_array<std::string_view>({
    "CDPATH", "CLASSPATH", "DOTNET_ADDITIONAL_DEPS", "DOTNET_STARTUP_HOOKS", "EDITOR", "ENV", "GCONV_PATH", "GIT_ASKPASS",
    "GIT_EDITOR", "GIT_EXEC_PATH", "GIT_EXTERNAL_DIFF", "GIT_PAGER", "GIT_PROXY_COMMAND", "GIT_SEQUENCE_EDITOR", "GIT_SSH",
    "GIT_SSH_COMMAND", "GIT_TEMPLATE_DIR", "GLOBIGNORE", "GOFLAGS", "GRADLE_OPTS", "IFS", "JAVA_OPTS", "JAVA_TOOL_OPTIONS",
    "JDK_JAVA_OPTIONS", "JULIA_DEPOT_PATH", "JULIA_LOAD_PATH", "MAVEN_OPTS", "NODE_OPTIONS", "NODE_PATH", "PAGER", "PATH",
    "PHPRC", "PHP_INI_SCAN_DIR", "PROMPT_COMMAND", "PS4", "RUBYLIB", "RUBYOPT", "R_PROFILE", "R_PROFILE_USER", "SHELLOPTS",
    "SSH_ASKPASS", "SUDO_ASKPASS", "VISUAL", "_JAVA_OPTIONS",
});

constexpr std::array kBeginnings = std::to_array<std::string_view>({
    "BASH", "DYLD_", "GIT_CONFIG", "LD_", "LUA_CPATH", "LUA_INIT", "LUA_PATH", "NPM_CONFIG_", "PERL5", "PERLLIB", "PIP_",
    "npm_config_",
});

// PYTHONPATH and PYTHONSTARTUP, but PYTHON_VERSION is anybody's.
bool IsOfPython(std::string_view name) { return name.starts_with("PYTHON") && name.size() > 6 && name[6] != '_'; }

}  // namespace

bool IsVariableName(std::string_view name) {
  const auto letter = [](char c) { return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  return !name.empty() && letter(name.front()) &&
         std::all_of(name.begin(), name.end(), [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

bool ChangesWhatRuns(std::string_view name) {
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end() || IsOfPython(name) ||
         std::any_of(kBeginnings.begin(), kBeginnings.end(), [&](std::string_view begin) { return name.starts_with(begin); });
}

}  // namespace headrace::worker
