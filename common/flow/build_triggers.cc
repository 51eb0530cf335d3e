// Triggers are kept as written: their types, ids and properties are checked, and every expression's syntax.
#include <algorithm>
#include <unordered_map>

#include "common/flow/flow_parts.h"
#include "common/flow/flow_specs.h"
#include "common/flow/kestra_types.h"
#include "common/flow/property_checks.h"

namespace headrace::flow {
namespace {

constexpr std::size_t kTriggerIdMax = 256;

// The spec of a node's type, or nullptr when that is missing or unknown, which is reported.
const model::TaskTypeSpec* FindType(Draft& draft, const YamlNode& node, const Path& path, const Catalog& catalog,
                                    std::string_view what) {
  const YamlNode* type = node.Find("type");
  if (type == nullptr || !type->is_scalar()) {
    if (type == nullptr) draft.Error(node, path.Key("type"), "a " + std::string(what) + " needs `type`");
    return nullptr;
  }
  const model::TaskTypeSpec* spec = catalog.Find(type->text);
  if (spec != nullptr || draft.full()) return spec;
  std::string message = "unknown " + std::string(what) + " type `" + Shortened(type->text, 120) + '`';
  if (const auto meant = catalog.Suggest(type->text)) message += "; did you mean `" + *meant + "`?";
  draft.Error(*type, path.Key("type"), std::move(message));
  return nullptr;
}

void CheckNames(Draft& draft, const YamlNode& node, const Path& path, const model::TaskTypeSpec& spec,
                std::vector<std::string> known) {
  for (std::string& name : PropertyNames(spec.properties)) known.push_back(std::move(name));
  for (const YamlEntry& entry : node.entries) {
    if (std::find(known.begin(), known.end(), entry.key.text) != known.end() || draft.full()) continue;
    draft.Error(
        entry.key, path.Key(entry.key.text),
        "unknown property `" + Shortened(entry.key.text) + "` of " + spec.type + Suggestion(entry.key.text, known));
  }
  CheckRequired(draft, node, spec.properties, path, spec.type);
}

void CheckCondition(Draft& draft, const YamlNode& node, const Path& path) {
  if (!node.is_map()) {
    draft.Error(node, path, "expected a condition (a map with `type`), got " + KindName(node));
    return;
  }
  const model::TaskTypeSpec* spec = FindType(draft, node, path, ConditionCatalog(), "condition");
  if (spec == nullptr) return;
  CheckNames(draft, node, path, *spec, {"type"});
  CheckConditionValues(draft, node, path, spec->type);
  if (const YamlNode* inner = node.Find("conditions")) CheckConditions(draft, *inner, path.Key("conditions"));
}

void NoteSyntax(Draft& draft, const YamlNode& node, const Path& path) {
  const std::size_t first = draft.sites.size();
  NoteExpressions(draft, node, path);
  for (std::size_t i = first; i < draft.sites.size(); ++i) draft.sites[i].syntax_only = true;
}

void CheckTriggerId(Draft& draft, const YamlNode& node, const Path& path, std::unordered_map<std::string, int>& lines) {
  const YamlNode* id = node.Find("id");
  if (id == nullptr || !id->is_scalar()) return;
  CheckId(draft, *id, path.Key("id"), "_-", kTriggerIdMax);
  const auto [known, is_new] = lines.emplace(id->text, id->line);
  if (is_new) return;
  draft.Error(*id, path.Key("id"),
              "Duplicate trigger id with name [" + Shortened(id->text) + "]; it stands first in line " +
                  std::to_string(known->second));
}

void CheckTrigger(Draft& draft, const YamlNode& node, const Path& path) {
  CheckRequired(draft, node, {TriggerProperties().front()}, path, "a trigger");
  const model::TaskTypeSpec* spec = FindType(draft, node, path, TriggerCatalog(), "trigger");
  if (spec != nullptr) {
    CheckNames(draft, node, path, *spec, PropertyNames(TriggerProperties()));
    CheckTriggerValues(draft, node, path, spec->type);
  }
  for (const std::string_view name : {"conditions", "scheduleConditions"}) {
    if (const YamlNode* conditions = node.Find(name)) CheckConditions(draft, *conditions, path.Key(name));
  }
  if (const YamlNode* labels = node.Find("labels")) BuildLabels(draft, *labels, path.Key("labels"));
  NoteSyntax(draft, node, path);
}

}  // namespace

void CheckConditions(Draft& draft, const YamlNode& node, const Path& path) {
  if (node.is_null()) return;
  if (node.is_list()) {
    for (std::size_t i = 0; i < node.items.size(); ++i) CheckCondition(draft, node.items[i], path.At(i));
  } else if (node.is_map()) {  // of a MultipleCondition
    for (const YamlEntry& entry : node.entries) CheckCondition(draft, entry.value, path.Key(entry.key.text));
  } else {
    draft.Error(node, path, "expected a list of conditions, got " + KindName(node));
  }
}

namespace {

void CheckGiven(Draft& draft, const YamlNode& inputs, const Path& path, const std::string& prefix, const std::vector<std::string>& known) {
  for (const YamlEntry& entry : inputs.entries) {
    const std::string id = prefix + entry.key.text;
    const bool form = std::any_of(known.begin(), known.end(), [&](const std::string& one) { return one.starts_with(id + "."); });
    if (form && entry.value.is_map()) CheckGiven(draft, entry.value, path.Key(entry.key.text), id + ".", known);
    else if (std::find(known.begin(), known.end(), id) == known.end() && !HoldsExpression(id)) {
      draft.Warn(entry.key, path.Key(entry.key.text), "the flow has no input `" + Shortened(id) + '`' + Suggestion(id, known));
    }
  }
}

}  // namespace

void CheckTriggerInputs(Draft& draft, const YamlNode& triggers, const Path& path) {
  std::vector<std::string> known;
  for (const model::InputSpec& input : draft.flow.inputs) known.push_back(input.id);
  for (std::size_t i = 0; i < triggers.items.size(); ++i) {
    const YamlNode* inputs = triggers.items[i].Find("inputs");
    if (inputs != nullptr && inputs->is_map()) CheckGiven(draft, *inputs, path.At(i).Key("inputs"), "", known);
  }
}

Array BuildTriggers(Draft& draft, const YamlNode& node, const Path& path) {
  if (node.is_null()) return {};
  if (!node.is_list()) {
    draft.Error(node, path, "expected a list of triggers, got " + KindName(node));
    return {};
  }
  std::unordered_map<std::string, int> lines;
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    const Path at = path.At(i);
    if (!node.items[i].is_map()) {
      draft.Error(node.items[i], at, "expected a trigger (a map with `id` and `type`), got " + KindName(node.items[i]));
      continue;
    }
    CheckTriggerId(draft, node.items[i], at, lines);
    CheckTrigger(draft, node.items[i], at);
  }
  Array written = ToValue(node).as_array();
  // Looks of polling triggers are for the workers that the flow's tasks are for.
  if (draft.worker_group.empty()) return written;
  for (Value& trigger : written) {
    if (trigger.is_object() && !trigger.get_object().contains("workerGroup")) trigger.get_object()["workerGroup"] = Object{{"key", draft.worker_group}};
  }
  return written;
}

}  // namespace headrace::flow
