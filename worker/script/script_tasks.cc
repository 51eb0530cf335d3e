#include "worker/script/script_tasks.h"

#include "worker/script/languages.h"
#include "worker/script/script_runner.h"

namespace headrace::worker {
namespace {

using model::PropertyKind;
using model::PropertySpec;

const std::string kPrefix = "io.kestra.plugin.scripts.";

PropertySpec Texts(std::string name, std::string doc, bool required = false) {
  return {.name = std::move(name), .kind = PropertyKind::kList, .required = required, .doc = std::move(doc),
          .members = {{.name = "text"}}};
}

std::vector<PropertySpec> CommonProperties(const Language& language) {
  return {
      {.name = "interpreter", .kind = PropertyKind::kList,
       .doc = language.powershell ? "Default: pwsh -NoProfile -NonInteractive -Command." : "Default: /bin/sh -c.",
       .members = {{.name = "text"}}},
      Texts("beforeCommands", "Run first, in the same shell."),
      {.name = "failFast", .kind = PropertyKind::kBoolean, .doc = "Stop at the first command that fails.", .default_value = true},
      {.name = "exitOnFailed", .kind = PropertyKind::kBoolean, .doc = "Deprecated: use failFast."},
      {.name = "env", .kind = PropertyKind::kMap,
       .doc = "Environment variables; `{{ inputs }}` gives every input under its name."},
      {.name = "inputFiles", .kind = PropertyKind::kAny,
       .doc = "A map of relative name to content or kestra:/// URI, or such a map as JSON text."},
      Texts("outputFiles", "Names and globs of files to keep; kept after a failure too."),
      {.name = "outputDirectory", .kind = PropertyKind::kBoolean, .doc = "Deprecated: keep everything in {{ outputDir }}."},
      {.name = "namespaceFiles", .kind = PropertyKind::kAny, .doc = "Files of namespaces to copy: {enabled, namespaces, include, exclude, folderPerNamespace}."},
      {.name = "taskRunner", .kind = PropertyKind::kAny,
       .doc = "Process, or Docker, which runs as a process with a warning where the worker has no Docker socket.",
       .members = {{.name = "type"}}},
      {.name = "runner", .kind = PropertyKind::kEnum, .doc = "Deprecated: use taskRunner.", .enum_values = {"PROCESS", "DOCKER"}},
      {.name = "docker", .kind = PropertyKind::kAny, .doc = "Deprecated: use taskRunner and containerImage."},
      {.name = "containerImage", .doc = "Of the Docker runner.", .default_value = json::string(language.image)},
      {.name = "targetOS", .kind = PropertyKind::kEnum, .doc = "Lines are joined as on Linux.", .default_value = "AUTO",
       .enum_values = {"AUTO", "LINUX", "WINDOWS"}},
      {.name = "warningOnStdErr", .kind = PropertyKind::kBoolean, .doc = "Not used any more."},
  };
}

std::vector<PropertySpec> Outputs() {
  return {{.name = "vars", .kind = PropertyKind::kMap, .doc = "What the script gave as ::{\"outputs\": {…}}::."},
          {.name = "exitCode", .kind = PropertyKind::kInteger, .doc = "Of the last command; kept after a failure too."},
          {.name = "outputFiles", .kind = PropertyKind::kMap, .doc = "Name to kestra:/// URI."}};
}

model::TaskTypeSpec Spec(const Language& language, bool commands) {
  const std::string name(language.name);
  model::TaskTypeSpec spec{.type = kPrefix + name + (commands ? ".Commands" : ".Script"),
                           .doc = commands ? "Runs commands." : "Runs a script written in " + name + ".",
                           .properties = CommonProperties(language),
                           .outputs = Outputs(),
                           .support = model::Support::kDiffers,
                           .differs = "Runs as a process on a worker without a Docker socket. With one, the working directory is mounted (no volumes, no resume)."};
  if (commands) {
    spec.properties.insert(spec.properties.begin(), Texts("commands", "The commands.", true));
    if (!language.legacy.empty()) spec.aliases.push_back("io.kestra.core.tasks.scripts." + std::string(language.legacy));
  } else {
    spec.properties.insert(spec.properties.begin(), {.name = "script", .required = true, .doc = "The script."});
  }
  spec.example = "id: run\ntype: " + spec.type + (commands ? "\ncommands:\n  - echo hello\n" : "\nscript: |\n  …\n");
  return spec;
}

}  // namespace

std::vector<TaskType> ScriptTasks() {
  std::vector<TaskType> types;
  for (const Language& language : Languages()) {
    for (const bool commands : {false, true}) {
      types.push_back({.spec = Spec(language, commands), .make = [&language, commands] {
                         return std::make_unique<ScriptRunner>(language, commands);
                       }});
    }
  }
  return types;
}

}  // namespace headrace::worker
