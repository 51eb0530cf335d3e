// headrace completion, help, version.
#include <CLI/CLI.hpp>

#include <memory>
#include <ostream>

#include "cli/commands/completion.h"
#include "cli/commands/local.h"
#include "cli/exit_code.h"
#include "cli/output/json.h"
#include "cli/version.h"

namespace headrace::cli {
namespace {

void RegisterCompletion(CLI::App& app, Context& context) {
  const auto shell = std::make_shared<std::string>();
  CLI::App* verb = app.add_subcommand("completion", "print the completion for a shell");
  verb->add_option("shell", *shell, "bash, zsh or fish")->required()->check(CLI::IsMember({"bash", "zsh", "fish"}));
  verb->callback([&app, &context, shell] {
    context.action = [&app, &context, shell] {
      context.out << (*shell == "bash" ? BashCompletion(app) : *shell == "zsh" ? ZshCompletion(app) : FishCompletion(app));
      return static_cast<int>(kExitOk);
    };
  });
}

// Only to be seen among the verbs: command_line.cc reads "help exec start" before the rest of the line is parsed.
void RegisterHelp(CLI::App& app, Context& context) {
  const auto words = std::make_shared<std::vector<std::string>>();
  CLI::App* verb = app.add_subcommand("help", "explain a command, as its --help does: help exec start");
  verb->add_option("command", *words, "its words; none: all commands");
  verb->callback([&app, &context, words] {
    context.action = [&app, &context, words] {
      context.out << app.help();
      return static_cast<int>(kExitOk);
    };
  });
}

}  // namespace

void RegisterAbout(CLI::App& app, Context& context) {
  RegisterCompletion(app, context);
  RegisterHelp(app, context);
  app.add_subcommand("version", "which headrace this is")->callback([&context] {
    context.action = [&context] {
      if (WantsData(context)) PrintValue(context, Object{{"version", kVersion}});
      else context.out << "headrace " << kVersion << "\n";
      return static_cast<int>(kExitOk);
    };
  });
}

}  // namespace headrace::cli
