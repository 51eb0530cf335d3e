// Syntax of every expression, and names that cannot exist. A name that an expression guards itself (`??`, default,
// `is defined`, a branch) is only warned about: what stands there may be meant.
#include <algorithm>
#include <array>
#include <unordered_set>

#include "common/base/text.h"
#include "common/expr/template.h"
#include "common/flow/flow_parts.h"
#include "common/flow/property_checks.h"

namespace headrace::flow {
namespace {

constexpr std::array<std::string_view, 24> kRoots = {
    "flow",    "execution", "task",  "taskrun",    "inputs",    "vars",        "labels",     "outputs",
    "trigger", "schedule",  "tasks", "parent",     "parents",   "envs",        "globals",    "kestra",
    "item",    "error",     "loop",  "workingDir", "outputDir", "outputFiles", "bucketPath", "namespace"};

// The byte of a place (line and column count from 1, columns in bytes) inside a text.
std::size_t OffsetOf(std::string_view text, int line, int column) {
  std::size_t at = 0;
  for (int i = 1; i < line; ++i) {
    const std::size_t newline = text.find('\n', at);
    if (newline == std::string_view::npos) return text.size();
    at = newline + 1;
  }
  return std::min(text.size(), at + static_cast<std::size_t>(std::max(column, 1)) - 1);
}

bool IsNameCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// The word as a whole name at or behind `from`, or npos.
std::size_t FindWord(std::string_view text, std::string_view word, std::size_t from) {
  for (std::size_t at = text.find(word, from); at != std::string_view::npos; at = text.find(word, at + 1)) {
    const std::size_t end = at + word.size();
    if ((at == 0 || !IsNameCharacter(text[at - 1])) && (end >= text.size() || !IsNameCharacter(text[end]))) return at;
  }
  return std::string_view::npos;
}

// Where a template names `root.member`: references carry no place of their own.
std::size_t OffsetOfName(std::string_view text, std::string_view root, std::string_view member) {
  std::size_t at = FindWord(text, root, 0);
  while (at != std::string_view::npos && !member.empty()) {
    std::size_t next = at + root.size();
    while (next < text.size() && std::string_view(" .[\"'").find(text[next]) != std::string_view::npos) ++next;
    if (text.substr(next, member.size()) == member) return next;
    at = FindWord(text, root, at + 1);
  }
  return at == std::string_view::npos ? 0 : at;
}

class NameChecker {
 public:
  explicit NameChecker(Draft& draft) : draft_(draft) {
    for (const model::InputSpec& input : draft.flow.inputs) {
      input_names_.push_back(input.id);
      if (input.type == "FORM") {
        input_prefixes_.insert(input.id);
      } else {
        full_inputs_.insert(input.id);
      }
      for (std::size_t dot = input.id.find('.'); dot != std::string::npos; dot = input.id.find('.', dot + 1)) {
        input_prefixes_.insert(input.id.substr(0, dot));
      }
    }
    for (const auto& [name, value] : draft.flow.variables) variable_names_.emplace_back(name);
    for (const model::Task& task : draft.flow.arena) {
      sets_variables_ = sets_variables_ || task.type.ends_with(".SetVariables");
      // Told already: what it would have brought is not known.
      lacks_template_ = lacks_template_ || (task.type.ends_with(".Template") && task.FindGroup("tasks") == nullptr);
    }
  }

  void Check(const ExpressionSite& site, const expr::Template& compiled) {
    site_ = &site;
    guarded_ = IsGuarded(site.scalar->text);
    for (const auto& path : compiled.references().paths) CheckPath(path);
  }

 private:
  static bool IsGuarded(std::string_view text) {
    for (const std::string_view sign : {"??", "default", "defined", " is null", " is empty", "is not", "{%"}) {
      if (text.find(sign) != std::string_view::npos) return true;
    }
    return false;
  }

  void CheckPath(const std::vector<std::string>& path) {
    if (path.empty()) return;
    const std::string& root = path.front();
    if (std::find(kRoots.begin(), kRoots.end(), root) == kRoots.end()) return Unknown(root);
    if (path.size() < 2) return;
    if (root == "inputs") CheckInput(path);
    if (root == "vars") CheckVariable(path[1]);
    if (root == "outputs" || root == "tasks") CheckTask(root, path[1]);
  }

  void Unknown(const std::string& root) {
    if (draft_.full(true)) return;
    static const std::vector<std::string> kNames(kRoots.begin(), kRoots.end());
    std::string message = "nothing is called `" + Shortened(root) + "` in expressions";
    if (const auto nearest = Nearest(root, kNames)) message += "; did you mean `" + *nearest + "`?";
    Tell(root, {}, std::move(message), true);
  }

  void CheckInput(const std::vector<std::string>& path) {
    std::string name = path[1];
    for (std::size_t i = 2;; ++i) {
      if (full_inputs_.contains(name)) return;
      if (!input_prefixes_.contains(name)) break;
      if (i >= path.size() || expr::IsOwnLoopValue(path[i])) return;
      name += '.' + path[i];
    }
    if (draft_.full(guarded_)) return;
    std::string message = "the flow has no input `" + Shortened(name) + '`';
    if (const std::string dashed = Dashed("inputs", name, input_names_); !dashed.empty()) {
      return Tell("inputs", path[1], message + dashed, false);
    }
    Tell("inputs", path[1], message + Near(name, input_names_), false);
  }

  void CheckVariable(const std::string& name) {
    if (sets_variables_ || draft_.flow.variables.contains(name)) return;
    if (draft_.full(guarded_)) return;
    std::string message = "the flow has no variable `" + Shortened(name) + '`';
    Tell("vars", name, message + Near(name, variable_names_), false);
  }

  void CheckTask(const std::string& root, const std::string& name) {
    if (lacks_template_ || IsTask(name)) return;
    if (draft_.full(guarded_ || root == "tasks")) return;
    if (task_names_.empty()) {
      for (const auto& [id, index] : draft_.task_ids) task_names_.push_back(id);
      std::sort(task_names_.begin(), task_names_.end());
    }
    std::string message = "the flow has no task `" + Shortened(name) + '`';
    if (const std::string dashed = Dashed(root, name, task_names_); !dashed.empty()) {
      return Tell(root, name, message + dashed, false);
    }
    Tell(root, name, message + Near(name, task_names_), root == "tasks");
  }

  // outputs.my-task reads as a subtraction.
  std::string Dashed(const std::string& root, const std::string& name, const std::vector<std::string>& names) const {
    for (const std::string& id : names) {
      if (id.size() <= name.size() || id[name.size()] != '-' || !id.starts_with(name)) continue;
      if (site_->scalar->text.find(root + '.' + id) == std::string::npos) continue;
      return "; an id with a dash is written " + root + "['" + id + "']";
    }
    return {};
  }

  // Looking through ten thousand names is worth it for a few messages, not for hundreds.
  std::string Near(const std::string& name, const std::vector<std::string>& names) {
    if (names.size() > comparisons_left_) return {};
    comparisons_left_ -= names.size();
    return Suggestion(name, names);
  }

  bool IsTask(const std::string& name) const { return draft_.task_ids.contains(name); }

  void Tell(std::string_view root, std::string_view member, std::string message, bool only_warn) {
    const YamlNode& scalar = *site_->scalar;
    const YamlPlace place = Locate(draft_.source, scalar, OffsetOfName(scalar.text, root, member));
    if (guarded_ || only_warn || draft_.catalog.warns_of_unknown_names()) {
      draft_.WarnAt(place, site_->field, std::move(message));
    } else {
      draft_.ErrorAt(place, site_->field, std::move(message));
    }
  }

  Draft& draft_;
  std::vector<std::string> input_names_;
  std::unordered_set<std::string> full_inputs_;
  std::unordered_set<std::string> input_prefixes_;
  std::vector<std::string> variable_names_;
  std::vector<std::string> task_names_;
  bool sets_variables_ = false;
  bool lacks_template_ = false;
  std::size_t comparisons_left_ = 200'000;
  const ExpressionSite* site_ = nullptr;
  bool guarded_ = false;
};

void ReportSyntax(Draft& draft, const ExpressionSite& site, const Error& error) {
  const YamlNode& scalar = *site.scalar;
  if (error.violations.empty()) {
    draft.ErrorAt({scalar.line, scalar.column}, site.field, error.message);
    return;
  }
  for (const Violation& violation : error.violations) {
    const std::size_t offset = OffsetOf(scalar.text, violation.line, violation.column);
    draft.ErrorAt(Locate(draft.source, scalar, offset), site.field, violation.message);
  }
}

}  // namespace

void CheckExpressions(Draft& draft) {
  NameChecker names(draft);
  for (const ExpressionSite& site : draft.sites) {
    const auto compiled = expr::Template::Compile(site.scalar->text);
    if (!compiled) {
      ReportSyntax(draft, site, compiled.error());
    } else if (!site.syntax_only) {
      names.Check(site, **compiled);
    }
  }
}

}  // namespace headrace::flow
