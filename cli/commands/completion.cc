#include "cli/commands/completion.h"

#include <CLI/CLI.hpp>

#include <functional>
#include <vector>

namespace headrace::cli {
namespace {

std::vector<const CLI::App*> Verbs(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

std::vector<std::string> Flags(const CLI::Option& option) {
  std::vector<std::string> flags;
  for (const std::string& name : option.get_snames()) flags.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) flags.push_back("--" + name);
  return flags;
}

// Calls `visit` with every verb and its path, "headrace exec start".
void Walk(const CLI::App& app, const std::string& path, const std::function<void(const CLI::App&, const std::string&)>& visit) {
  visit(app, path);
  for (const CLI::App* verb : Verbs(app)) Walk(*verb, path + " " + verb->get_name(), visit);
}

// The words that may follow a verb: its verbs, its options and those of the verbs above.
std::string Words(const CLI::App& app) {
  std::string words;
  for (const CLI::App* verb : Verbs(app)) words += verb->get_name() + " ";
  for (const CLI::App* at = &app; at != nullptr; at = at->get_parent()) {
    for (const CLI::Option* option : at->get_options()) {
      for (const std::string& flag : Flags(*option)) words += flag + " ";
    }
  }
  if (!words.empty()) words.pop_back();
  return words;
}

// "{table,json}" of a type name as CLI11's IsMember prints it.
std::string Choices(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  const std::size_t open = type.find('{');
  const std::size_t close = type.find('}');
  if (open == std::string::npos || close == std::string::npos) return {};
  std::string choices = type.substr(open + 1, close - open - 1);
  for (char& c : choices) {
    if (c == ',') c = ' ';
  }
  return choices;
}

std::string SingleQuoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

}  // namespace

std::string BashCompletion(const CLI::App& app) {
  std::string cases;
  Walk(app, app.get_name(), [&cases](const CLI::App& verb, const std::string& path) {
    cases += "    " + SingleQuoted(path) + ") words=" + SingleQuoted(Words(verb)) + " ;;\n";
  });
  std::string values;
  for (const CLI::Option* option : app.get_options()) {
    const std::string choices = Choices(*option);
    if (choices.empty()) continue;
    std::string flags;
    for (const std::string& flag : Flags(*option)) flags += (flags.empty() ? "" : "|") + flag;
    values += "    " + flags + ") COMPREPLY=($(compgen -W " + SingleQuoted(choices) + " -- \"$word\")); return ;;\n";
  }
  return "# bash completion of headrace; source it, or put it into /etc/bash_completion.d\n"
         "_headrace() {\n"
         "  local word=\"${COMP_WORDS[COMP_CWORD]}\" before=\"${COMP_WORDS[COMP_CWORD-1]}\" path=headrace words= next i\n"
         "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
         "    next=\"$path ${COMP_WORDS[i]}\"\n"
         "    case \" $(_headrace_verbs) \" in *\" ${next// /_} \"*) path=\"$next\" ;; esac\n"
         "  done\n"
         "  case \"$before\" in\n" + values +
         "  esac\n"
         "  case \"$path\" in\n" + cases +
         "  esac\n"
         "  COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
         "  [ \"${#COMPREPLY[@]}\" -eq 0 ] && COMPREPLY=($(compgen -f -- \"$word\"))\n"
         "  return 0\n"
         "}\n"
         "_headrace_verbs() { echo " + [&app] {
           std::string verbs;
           Walk(app, app.get_name(), [&verbs](const CLI::App&, const std::string& path) {
             std::string joined = path;
             for (char& c : joined) {
               if (c == ' ') c = '_';
             }
             verbs += joined + " ";
           });
           return SingleQuoted(verbs);
         }() + "; }\n"
         "complete -o filenames -F _headrace headrace\n";
}

std::string ZshCompletion(const CLI::App& app) {
  return "#compdef headrace\n# zsh completion of headrace, by its bash completion\n"
         "autoload -U +X bashcompinit && bashcompinit\n" + BashCompletion(app);
}

std::string FishCompletion(const CLI::App& app) {
  std::string out = "# fish completion of headrace; put it into ~/.config/fish/completions/headrace.fish\n";
  Walk(app, "", [&out, &app](const CLI::App& verb, const std::string& path) {
    std::string condition = path.empty() ? "__fish_use_subcommand" : "__fish_seen_subcommand_from " + verb.get_name();
    if (verb.get_parent() != nullptr && verb.get_parent() != &app) {
      condition = "__fish_seen_subcommand_from " + verb.get_parent()->get_name() + "; and " + condition;
    }
    for (const CLI::App* next : Verbs(verb)) {
      out += "complete -c headrace -f -n " + SingleQuoted(condition) + " -a " + next->get_name() + " -d " +
             SingleQuoted(next->get_description()) + "\n";
    }
    for (const CLI::Option* option : verb.get_options()) {
      std::string flags;
      for (const std::string& name : option->get_snames()) flags += " -s " + name;
      for (const std::string& name : option->get_lnames()) flags += " -l " + name;
      if (flags.empty()) continue;
      const std::string choices = Choices(*option);
      out += "complete -c headrace" + (path.empty() ? std::string() : " -n " + SingleQuoted(condition)) + flags +
             (choices.empty() ? "" : " -x -a " + SingleQuoted(choices)) + " -d " + SingleQuoted(option->get_description()) + "\n";
    }
  });
  return out;
}

}  // namespace headrace::cli
