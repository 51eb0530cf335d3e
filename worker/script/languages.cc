#include "worker/script/languages.h"

namespace headrace::worker {
namespace {

// An active virtual environment first, then whichever name the machine has.
constexpr std::string_view kPython =
    "\"$(if [ -n \"${VIRTUAL_ENV:-}\" ] && [ -x \"$VIRTUAL_ENV/bin/python\" ]; then echo \"$VIRTUAL_ENV/bin/python\"; "
    "else command -v python || command -v python3 || echo python; fi)\"";

}  // namespace

const std::vector<Language>& Languages() {
  static const std::vector<Language> languages = {
      {.name = "shell", .image = "ubuntu", .legacy = "Bash"},
      {.name = "python", .image = "python:3.13-slim", .extension = ".py", .command = kPython,
       .env = {{"PYTHONUNBUFFERED", "true"}, {"PIP_ROOT_USER_ACTION", "ignore"}, {"PIP_DISABLE_PIP_VERSION_CHECK", "1"}},
       .legacy = "Python"},
      {.name = "node", .image = "node", .extension = ".js", .command = "node",
       .env = {{"PYTHONUNBUFFERED", "true"}, {"PIP_ROOT_USER_ACTION", "ignore"}}, .legacy = "Node"},
      {.name = "powershell", .image = "ghcr.io/kestra-io/powershell:latest", .extension = ".ps1", .command = "&",
       .powershell = true},
      {.name = "r", .image = "r-base", .extension = ".R", .command = "Rscript"},
      {.name = "julia", .image = "julia", .extension = ".jl", .command = "julia"},
      {.name = "ruby", .image = "ruby", .extension = ".rb", .command = "ruby"},
      {.name = "go", .image = "golang", .extension = ".go", .command = "go run"},
      {.name = "php", .image = "php", .extension = ".php", .command = "php"},
      {.name = "perl", .image = "perl", .extension = ".pl", .command = "perl"},
      {.name = "groovy", .image = "groovy", .extension = ".groovy", .command = "groovy"},
      {.name = "bun", .image = "oven/bun", .extension = ".ts", .command = "bun run"},
      {.name = "deno", .image = "denoland/deno", .extension = ".ts", .command = "deno run -A"},
      {.name = "jbang", .image = "jbangdev/jbang-action", .extension = ".java", .command = "jbang"},
      {.name = "lua", .image = "nickblah/lua", .extension = ".lua", .command = "lua"},
      {.name = "dotnet", .image = "mcr.microsoft.com/dotnet/sdk:10.0", .extension = ".cs", .command = "dotnet run"},
  };
  return languages;
}

}  // namespace headrace::worker
