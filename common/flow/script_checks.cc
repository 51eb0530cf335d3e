// What a script takes from whoever starts its flow: names of variables that are none, and values that stand in the code as
// they are, where they can end a word and begin a command.
#include <algorithm>
#include <array>
#include <span>
#include <unordered_map>
#include <unordered_set>

#include "common/expr/prints.h"
#include "common/flow/flow_parts.h"
#include "common/flow/inputs.h"
#include "common/flow/property_checks.h"

namespace headrace::flow {
namespace {

constexpr std::string_view kScripts = "io.kestra.plugin.scripts.";
constexpr std::size_t kNamedMax = 3;

bool IsOne(std::span<const std::string_view> names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool IsVariableName(std::string_view name) {
  const auto letter = [](char c) { return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  return !name.empty() && letter(name.front()) &&
         std::all_of(name.begin(), name.end(), [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

void CheckNames(Draft& draft, const YamlNode& env, const Path& path) {
  if (!env.is_map()) return;
  for (const YamlEntry& entry : env.entries) {
    const std::string& name = entry.key.text;
    if (HoldsExpression(name) || IsVariableName(name)) continue;
    draft.Error(entry.key, path.Key(name),
                '`' + Shortened(name) + "` is no name of a variable: letters, digits and _, not a digit first");
  }
}

// Which quotes of the shell a place stands in. Every line begins anew: an apostrophe in a comment or a here-document must
// not turn all that follows around.
class QuoteReader {
 public:
  explicit QuoteReader(std::string_view script) : script_(script) {}

  // `'`, `"` or 0. REQUIRES: no earlier place than the one before.
  char Around(std::size_t place) {
    while (at_ < place) Step();
    return open_.empty() || open_.back() == '(' || open_.back() == '`' ? '\0' : open_.back();
  }

 private:
  void Step() {
    const char c = script_[at_];
    const char in = open_.empty() ? '\0' : open_.back();
    const std::string_view two = script_.substr(at_++, 2);
    if (c == '\n') {
      open_.clear();
    } else if (two == "{{" || two == "{%" || two == "{#") {
      const std::size_t end = script_.find(two == "{{" ? "}}" : two == "{%" ? "%}" : "#}", at_);
      at_ = end == std::string_view::npos ? script_.size() : end + 2;
    } else if (in == '\'') {
      if (c == '\'') open_.pop_back();
    } else if (c == '\\') {
      ++at_;
    } else if (c == in && (c == '"' || c == '`')) {
      open_.pop_back();
    } else if (c == '"' || c == '`' || (c == '\'' && in != '"')) {
      open_ += c;
    } else if (two == "$(") {
      open_ += '(';
      ++at_;
    } else if (c == ')' && in == '(') {
      open_.pop_back();
    }
  }

  std::string_view script_;
  std::size_t at_ = 0;
  std::string open_;
};

// Whoever starts an execution chooses the value, letter by letter.
bool IsFree(const model::InputSpec& input) {
  static constexpr std::array kTyped = std::to_array<std::string_view>(
      {"INT", "FLOAT", "BOOLEAN", "DATETIME", "DATE", "TIME", "DURATION", "FORM"});
  const auto has = [&](std::string_view name) { return input.extra.contains(name); };
  if (IsOne(kTyped, input.type) || has("validator")) return false;
  if (input.type == "SELECT" || input.type == "ENUM" || input.type == "MULTISELECT") {
    const Value* custom = input.extra.if_contains("allowCustomValue");
    return custom != nullptr && *custom == Value(true);
  }
  const Value* item = input.extra.if_contains("itemType");
  return item == nullptr || !IsOne(kTyped, CanonicalInputType(ToText(*item)));
}

// What of a context a stranger may choose.
class FreeNames {
 public:
  explicit FreeNames(const model::Flow& flow) {
    for (const model::InputSpec& input : flow.inputs) {
      const bool free = IsFree(input);
      inputs_.emplace(input.id, free);
      if (!free) continue;
      prefixes_.insert("");
      for (std::size_t dot = input.id.find('.'); dot != std::string::npos; dot = input.id.find('.', dot + 1)) {
        prefixes_.insert(input.id.substr(0, dot));
      }
    }
  }

  // "inputs.a.b", or empty when the path leads to nothing of that kind.
  std::string Find(const std::vector<std::string>& path) const {
    if (path.front() == "trigger") {
      static constexpr std::array kOurs = std::to_array<std::string_view>(
          {"date", "next", "previous", "executionId", "namespace", "flowId", "flowRevision", "state"});
      return path.size() > 1 && !IsOne(kOurs, path[1]) ? "trigger." + path[1] : std::string();
    }
    if (path.front() != "inputs") return {};
    std::string id;
    for (std::size_t i = 1; i < path.size(); ++i) {
      id += (i > 1 ? "." : "") + path[i];
      if (const auto input = inputs_.find(id); input != inputs_.end()) return input->second ? "inputs." + id : std::string();
    }
    if (!prefixes_.contains(id)) return {};
    return id.empty() ? "inputs" : "inputs." + id;
  }

 private:
  std::unordered_map<std::string, bool> inputs_;
  std::unordered_set<std::string> prefixes_;  // with a free input below
};

std::string Listed(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < names.size() && i < kNamedMax; ++i) text += (i == 0 ? "`" : ", `") + names[i] + '`';
  return names.size() > kNamedMax ? text + " and others" : text;
}

// One task: all its free values in one advice.
class ScriptCheck {
 public:
  ScriptCheck(Draft& draft, const FreeNames& free, const ScriptTask& task) : draft_(draft), free_(free), task_(task) {}

  void Run() {
    const bool own = task_.node->Find("interpreter") != nullptr;
    const bool shell = task_.type.starts_with(std::string(kScripts) + "shell.");
    const bool power = task_.type.starts_with(std::string(kScripts) + "powershell.");
    for (const std::string_view name : {"beforeCommands", "commands", "script"}) {
      const YamlNode* texts = task_.node->Find(name);
      if (texts == nullptr) continue;
      in_shell_ = !own && !power && (shell || name != "script");
      if (texts->is_scalar()) Look(*texts);
      for (const YamlNode& text : texts->items) Look(text);
    }
    Tell();
  }

 private:
  void Look(const YamlNode& text) {
    if (!text.is_scalar() || !HoldsExpression(text.text)) return;
    const auto prints = expr::FindPrints(text.text);
    if (!prints) return;  // told as a syntax error
    QuoteReader quotes(text.text);
    for (const expr::Print& print : *prints) {
      const char around = quotes.Around(print.offset);
      const bool word = print.quoting == expr::ShellQuoting::kWord && around == '\0';
      const bool inside = print.quoting == expr::ShellQuoting::kInside && around == '\'';
      if (in_shell_ && (word || inside)) continue;
      for (const auto& path : print.paths) {
        if (const std::string name = free_.Find(path); !name.empty()) Note(name, text, print);
      }
    }
  }

  void Note(const std::string& name, const YamlNode& text, const expr::Print& print) {
    if (names_.empty()) {
      place_ = Locate(draft_.source, text, print.offset);
      shell_ = in_shell_;
      quoting_ = in_shell_ ? print.quoting : expr::ShellQuoting::kNone;
    }
    if (names_.size() > kNamedMax) return;
    if (std::find(names_.begin(), names_.end(), name) == names_.end()) names_.push_back(name);
  }

  void Tell() {
    if (names_.empty() || draft_.advice.size() >= kAdviceMax) return;
    const std::string& one = names_.front();
    std::string message;
    if (quoting_ == expr::ShellQuoting::kWord) {
      message = '`' + one + "` goes through `shq`, which brings its own quotes, and stands in quotes all the same: write it outside of them";
    } else if (quoting_ == expr::ShellQuoting::kInside) {
      message = '`' + one + "` goes through `escapeChar('shell')`, which helps between single quotes only: write '{{ … }}', or use `shq` without quotes";
    } else {
      message = "whoever chooses " + Listed(names_) + " chooses what this script runs: give it through `env:` and " +
                (shell_ ? "write \"$NAME\", or write {{ " + one + " | shq }} without quotes around it" : "read it from there");
      if (one.starts_with("inputs.")) message += ", or let a `validator` of the input keep out what is no such value";
    }
    draft_.advice.push_back({task_.field, std::move(message), place_.line, place_.column, draft_.file});
  }

  static constexpr std::size_t kAdviceMax = 200;
  Draft& draft_;
  const FreeNames& free_;
  const ScriptTask& task_;
  bool in_shell_ = false;
  std::vector<std::string> names_;
  YamlPlace place_{};
  bool shell_ = false;
  expr::ShellQuoting quoting_ = expr::ShellQuoting::kNone;
};

}  // namespace

void CheckScript(Draft& draft, const YamlNode& node, const Path& path, std::string_view type) {
  if (!type.starts_with(kScripts)) return;
  if (const YamlNode* env = node.Find("env")) CheckNames(draft, *env, path.Key("env"));
  // A template's places are not those of this file.
  if (draft.taking_in.empty()) draft.scripts.push_back({&node, path.Text(), std::string(type)});
}

void AdviseOnScripts(Draft& draft) {
  const FreeNames free(draft.flow);
  for (const ScriptTask& task : draft.scripts) ScriptCheck(draft, free, task).Run();
}

}  // namespace headrace::flow
