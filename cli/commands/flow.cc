#include <CLI/CLI.hpp>

#include <cstdlib>
#include <memory>

#include "cli/commands/flow_verbs.h"
#include "cli/commands/remote.h"

namespace headrace::cli {
namespace {

struct FlowArguments {
  std::vector<std::string> paths;
  std::string path;
  std::vector<std::string> inputs;
  std::vector<std::string> templates;
  bool online = false;
  bool offline = false;
  bool dry_run = false;
  std::string ns;
  std::string type;
  std::string format = "tree";
  GetFlowArguments get;
};

using Shared = std::shared_ptr<FlowArguments>;

// Whoever names a server on the line means it; an environment that holds one for other commands does not.
bool NamesServer(const CLI::App* app) {
  const char* from_environment = std::getenv("HEADRACE_SERVER");
  for (; app != nullptr; app = app->get_parent()) {
    const CLI::Option* option = app->get_option_no_throw("--server");
    if (option == nullptr || option->count() == 0) continue;
    return from_environment == nullptr || option->results().back() != from_environment;
  }
  return false;
}

void AddChecks(CLI::App& flow, Context& context, const Shared& args) {
  CLI::App* validate = flow.add_subcommand("validate", "check flows; every error with file, line and column");
  validate->add_option("paths", args->paths, "files, folders, or - for standard input")->required();
  CLI::Option* offline = validate->add_flag("--offline", args->offline, "with this binary's task types (the default)");
  validate->add_flag("--online", args->online, "by the server (also when --server is given)")->excludes(offline);
  validate->callback([&context, args, validate] {
    const bool online = !args->offline && (args->online || NamesServer(validate));
    context.action = [&context, args, online] { return ValidateFlows(context, args->paths, args->templates, online); };
  });

  CLI::App* graph = flow.add_subcommand("graph", "draw a flow");
  graph->add_option("file", args->path, "the flow's file, or -")->required();
  graph->add_option("-f,--format", args->format, "tree, ascii, dot or mermaid")
      ->check(CLI::IsMember({"tree", "ascii", "dot", "mermaid"}));
  graph->callback([&context, args] {
    const std::string format = args->format == "tree" && context.ascii ? "ascii" : args->format;
    context.action = [&context, args, format] { return GraphFlow(context, args->path, args->templates, format); };
  });

  CLI::App* render = flow.add_subcommand("render", "print the steps of a flow with its expressions resolved");
  render->add_option("file", args->path, "the flow's file, or -")->required();
  render->add_option("-i,--input", args->inputs, "KEY=VALUE, a YAML file, or -")->allow_extra_args(false);
  render->callback([&context, args] {
    context.action = [&context, args] { return RenderFlow(context, args->path, args->templates, args->inputs); };
  });
  for (CLI::App* verb : {validate, graph, render}) {
    verb->add_option("--templates", args->templates, "folder of templates that flows may take in")
        ->envname("HEADRACE_TEMPLATES")->allow_extra_args(false);
  }
}

void AddReference(CLI::App& flow, Context& context, const Shared& args) {
  CLI::App* docs = flow.add_subcommand("docs", "the reference of a task type; without one the list of them");
  docs->add_option("type", args->type, "the type's name, or its last part");
  docs->callback([&context, args] { context.action = [&context, args] { return ShowDocs(context, args->type); }; });

  CLI::App* schema = flow.add_subcommand("schema", "JSON Schema of a flow, for editors");
  schema->callback([&context] { context.action = [&context] { return ShowSchema(context); }; });
}

void AddDeployment(CLI::App& flow, Context& context, const Shared& args) {
  CLI::App* apply = flow.add_subcommand("apply", "deploy flows: a new revision where the source changed");
  apply->add_option("paths", args->paths, "files, folders, or - for standard input")->required();
  apply->add_flag("--dry-run", args->dry_run, "let the server check them, and keep nothing");
  apply->callback(
      [&context, args] { context.action = [&context, args] { return ApplyFlows(context, args->paths, args->dry_run); }; });

  CLI::App* list = flow.add_subcommand("list", "deployed flows");
  list->add_option("-n,--namespace", args->ns, "this namespace and those below it");
  list->callback([&context, args] { context.action = [&context, args] { return ListFlows(context, args->ns); }; });

  CLI::App* get = flow.add_subcommand("get", "one deployed flow");
  get->add_option("flow", args->get.name, "NAMESPACE/ID")->required();
  get->add_option("--revision", args->get.revision, "a number; the latest otherwise")->check(CLI::PositiveNumber);
  get->add_flag("--source", args->get.source, "its YAML alone");
  get->add_flag("--revisions", args->get.revisions, "list its revisions");
  get->callback([&context, args] { context.action = [&context, args] { return GetFlow(context, args->get); }; });
}

}  // namespace

void RegisterFlow(CLI::App& app, Context& context) {
  CLI::App* flow = app.add_subcommand("flow", "check, deploy and look at flows")->require_subcommand(1);
  flow->fallthrough();
  const auto args = std::make_shared<FlowArguments>();
  AddChecks(*flow, context, args);
  AddDeployment(*flow, context, args);
  AddReference(*flow, context, args);
  for (CLI::App* verb : flow->get_subcommands({})) verb->fallthrough();
}

}  // namespace headrace::cli
