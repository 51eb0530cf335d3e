// Inside the builder: the flow under construction, and everyone's way to say what is wrong with it.
// Shapes: a Path is a chain on the stack, turned into text only when something is reported.
// Threads: one owner.
#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/flow/catalog.h"
#include "common/flow/templates.h"
#include "common/flow/yaml.h"
#include "common/model/flow.h"

namespace headrace::flow {

struct Path {
  static constexpr std::size_t kNoIndex = static_cast<std::size_t>(-1);
  const Path* parent = nullptr;
  std::string_view key{};
  std::size_t index = kNoIndex;

  Path Key(std::string_view name) const { return {this, name, kNoIndex}; }
  Path At(std::size_t i) const { return {this, {}, i}; }
  // tasks[2].retry.interval
  std::string Text() const;
};

// A text that holds expressions, to be checked once all names of the flow are known.
struct ExpressionSite {
  const YamlNode* scalar = nullptr;
  std::string field;
  bool syntax_only = false;  // its names are not those of a flow's tasks
};

// A task that runs code, to be looked at once all inputs are known.
struct ScriptTask {
  const YamlNode* node = nullptr;
  std::string field;
  std::string type;
};

// One entry of pluginDefaults.
struct PluginDefault {
  std::string type;
  std::string ref;  // empty: for every task of the type
  bool forced = false;
  const YamlNode* values = nullptr;
  std::size_t nodes = 0;  // in `values`
};

class Draft {
 public:
  Draft(std::string_view yaml, std::string file_name, const Catalog& known)
      : catalog(known), source(yaml), file(std::move(file_name)) {}

  void Error(const YamlNode& at, const Path& path, std::string message) {
    ErrorAt({at.line, at.column}, path.Text(), std::move(message));
  }
  void Warn(const YamlNode& at, const Path& path, std::string message) {
    WarnAt({at.line, at.column}, path.Text(), std::move(message));
  }
  void ErrorAt(YamlPlace place, std::string field, std::string message);
  void WarnAt(YamlPlace place, std::string field, std::string message);
  // Enough is told: what only words a message may be left out.
  bool full(bool of_warnings = false) const;
  // A node made by merging, kept for as long as the draft.
  const YamlNode& Keep(YamlNode node) { return made_.emplace_back(std::move(node)); }

  const Catalog& catalog;
  std::string_view source;
  std::string file;
  model::Flow flow;
  std::vector<Violation> errors;
  std::vector<Violation> warnings;
  std::vector<Violation> advice;
  std::vector<ExpressionSite> sites;
  std::vector<ScriptTask> scripts;
  std::vector<PluginDefault> defaults;  // in the order to merge
  std::size_t merged_nodes = 0;         // that plugin defaults have added
  std::unordered_map<std::string, model::TaskIndex> task_ids;
  std::string worker_group;  // of the flow

  const TemplateBook* templates = nullptr;  // null: switched off
  bool is_template = false;                 // not a flow, but a document that flows take in
  std::vector<const TemplateDocument*> taking_in{};  // those that are being read, from the outside in
  std::vector<const TemplateDocument*> taken{};

 private:
  std::deque<YamlNode> made_;
};

// "; did you mean `x`?" or, with few candidates, "; known are a, b and c"; empty otherwise.
std::string Suggestion(std::string_view word, const std::vector<std::string>& candidates);
// "a text", "a list", "a map", "nothing".
std::string KindName(const YamlNode& node);
// A text shortened for a message.
std::string Shortened(std::string_view text, std::size_t length = 60);

}  // namespace headrace::flow
