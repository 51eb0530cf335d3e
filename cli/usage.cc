#include "cli/usage.h"

#include <CLI/CLI.hpp>

#include "common/base/text.h"

namespace headrace::cli {
namespace {

std::vector<std::string> Verbs(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* verb : app.get_subcommands([](const CLI::App*) { return true; })) names.push_back(verb->get_name());
  return names;
}

// With those of the verbs above, which are known below them too.
std::vector<std::string> Flags(const CLI::App* app) {
  std::vector<std::string> names;
  for (; app != nullptr; app = app->get_parent()) {
    for (const CLI::Option* option : app->get_options()) {
      for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
      for (const std::string& name : option->get_snames()) names.push_back("-" + name);
    }
  }
  return names;
}

std::string Quoted(const std::string& word) { return "'" + word + "'"; }

std::string Meant(const std::optional<std::string>& nearest) {
  return nearest ? "; did you mean " + Quoted(*nearest) + "?" : std::string();
}

// What the parser had left over, first the words of the verb that was reached.
std::string FirstExtra(const CLI::App& root) {
  const std::vector<std::string> extras = root.remaining(true);
  return extras.empty() ? std::string() : extras.front();
}

}  // namespace

const CLI::App& Reached(const CLI::App& app) {
  const auto chosen = app.get_subcommands();
  return chosen.empty() ? app : Reached(*chosen.back());
}

const CLI::App* FindVerb(const CLI::App& app, std::span<char* const> words, std::string& problem) {
  const CLI::App* at = &app;
  for (const std::string word : words) {
    const auto found = at->get_subcommands([&](const CLI::App* verb) { return verb->get_name() == word; });
    if (found.empty()) {
      problem = "there is no verb " + Quoted(word) + Meant(Nearest(word, Verbs(*at)));
      return nullptr;
    }
    at = found.front();
  }
  return at;
}

std::string UsageText(const CLI::App& app, const CLI::ParseError& error, int argc, char** argv) {
  const CLI::App& reached = Reached(app);
  std::string word = FirstExtra(app);
  const std::vector<std::string> verbs = Verbs(reached);
  // A verb that is unknown is reported as one that is missing.
  if (word.empty() && dynamic_cast<const CLI::RequiredError*>(&error) != nullptr && !verbs.empty() && argc > 1) {
    const std::string last = argv[argc - 1];
    if (!last.starts_with('-') && last != reached.get_name()) word = last;
  }
  if (word.starts_with('-') && word.size() > 1) {
    const std::string flag = word.substr(0, word.find('='));
    return "there is no option " + Quoted(flag) + Meant(Nearest(flag, Flags(&reached)));
  }
  if (!word.empty() && !verbs.empty()) return "there is no verb " + Quoted(word) + Meant(Nearest(word, verbs));
  if (!word.empty()) return Quoted(word) + " is one word too many";
  return error.what();
}

}  // namespace headrace::cli
