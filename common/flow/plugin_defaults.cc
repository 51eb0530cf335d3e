#include <algorithm>
#include <unordered_map>

#include "common/flow/flow_parts.h"
#include "common/flow/flow_specs.h"
#include "common/flow/property_checks.h"

namespace headrace::flow {
namespace {

constexpr std::size_t kMergedNodesMax = 200'000;
constexpr std::size_t kDefaultsMax = 1'000;

std::size_t CountNodes(const YamlNode& node) {
  std::size_t count = 1;
  for (const YamlNode& item : node.items) count += CountNodes(item);
  for (const YamlEntry& entry : node.entries) count += CountNodes(entry.value);
  return count;
}

// `over` wins; maps are merged below, lists are replaced.
YamlNode Merge(const YamlNode& under, const YamlNode& over) {
  if (!under.is_map() || !over.is_map()) return over.is_null() ? under : over;
  YamlNode merged = over;
  std::unordered_map<std::string_view, std::size_t> places;
  for (std::size_t i = 0; i < over.entries.size(); ++i) places.emplace(over.entries[i].key.text, i);
  for (const YamlEntry& entry : under.entries) {
    const auto same = places.find(entry.key.text);
    if (same == places.end()) {
      merged.entries.push_back(entry);
    } else {
      YamlNode& value = merged.entries[same->second].value;
      value = Merge(entry.value, value);
    }
  }
  return merged;
}

// Every map below that carries a type (a task runner, say) takes the defaults of that type too.
bool MergeNested(Draft& draft, YamlNode& node);

bool MergeInto(Draft& draft, YamlNode& node) {
  bool changed = false;
  const YamlNode* asked = node.Find("pluginDefaultsRef");
  const std::string ref = asked == nullptr ? std::string() : asked->text;
  const YamlNode* type = node.Find("type");
  if (type != nullptr && type->is_scalar()) {
    const std::string name = type->text;
    const model::TaskTypeSpec* spec = draft.catalog.Find(name);
    const std::string& canonical = spec == nullptr ? name : spec->type;
    for (const PluginDefault& one : draft.defaults) {
      if (!name.starts_with(one.type) && !canonical.starts_with(one.type)) continue;
      if (!one.ref.empty() && one.ref != ref) continue;
      draft.merged_nodes += one.nodes;
      if (draft.merged_nodes > kMergedNodesMax) continue;  // told once, by WithDefaults
      node = one.forced ? Merge(node, *one.values) : Merge(*one.values, node);
      changed = true;
    }
  }
  return MergeNested(draft, node) || changed;
}

bool MergeNested(Draft& draft, YamlNode& node) {
  bool changed = false;
  for (YamlEntry& entry : node.entries) {
    if (entry.value.is_map()) changed = MergeInto(draft, entry.value) || changed;
  }
  return changed;
}

bool NamesSomething(const Draft& draft, const std::string& type) {
  if (draft.catalog.Find(type) != nullptr) return true;
  const std::vector<std::string> names = draft.catalog.TypeNames();
  return std::any_of(names.begin(), names.end(), [&](const std::string& name) { return name.starts_with(type); });
}

}  // namespace

void ReadPluginDefaults(Draft& draft, const YamlNode& node, const Path& path) {
  if (node.is_null()) return;
  if (!node.is_list()) {
    draft.Error(node, path, "expected a list, got " + KindName(node));
    return;
  }
  if (node.items.size() > kDefaultsMax) {
    draft.Error(
        node, path,
        std::to_string(node.items.size()) + " entries; at most " + std::to_string(kDefaultsMax) + " are allowed");
    return;
  }
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    const Path at = path.At(i);
    const YamlNode& item = node.items[i];
    const Object object = CheckObject(draft, item, PluginDefaultProperties(), at, "an entry of `pluginDefaults`");
    const YamlNode* values = item.Find("values");
    if (!object.contains("type") || values == nullptr || !values->is_map()) continue;
    std::string type = ToText(object.at("type"));
    if (!NamesSomething(draft, type)) {
      draft.Warn(*item.Find("type"), at.Key("type"), "no known task type is or begins with `" + Shortened(type) + '`');
    }
    if (const model::TaskTypeSpec* spec = draft.catalog.Find(type)) type = spec->type;
    const Value* forced = object.if_contains("forced");
    const Value* ref = object.if_contains("ref");
    draft.defaults.push_back({.type = std::move(type),
                              .ref = ref == nullptr ? std::string() : ToText(*ref),
                              .forced = forced != nullptr && forced->get_bool(),
                              .values = values,
                              .nodes = CountNodes(*values)});
  }
  // The most specific default is merged first where the task wins, and last where the default wins.
  std::stable_sort(draft.defaults.begin(), draft.defaults.end(), [](const PluginDefault& a, const PluginDefault& b) {
    if (a.forced != b.forced) return b.forced;
    // What a task asked for by name is more specific than what comes to all of its type.
    if (a.ref.empty() != b.ref.empty()) return a.forced == a.ref.empty();
    return a.forced ? a.type.size() < b.type.size() : a.type.size() > b.type.size();
  });
}

void CheckDefaultsRef(Draft& draft, const YamlNode& node, const Path& path) {
  if (!node.is_scalar() || draft.full()) return;
  std::vector<std::string> known;
  for (const PluginDefault& one : draft.defaults) {
    if (one.ref == node.text) return;
    if (!one.ref.empty()) known.push_back(one.ref);
  }
  draft.Error(node, path,
              "no entry of `pluginDefaults` has the ref `" + Shortened(node.text) + '`' + Suggestion(node.text, known));
}

const YamlNode& WithDefaults(Draft& draft, const YamlNode& task) {
  if (draft.defaults.empty() || draft.merged_nodes > kMergedNodesMax) return task;
  YamlNode merged = task;
  const bool changed = MergeInto(draft, merged);
  if (draft.merged_nodes > kMergedNodesMax) {
    draft.ErrorAt({task.line, task.column}, "pluginDefaults",
                  "plugin defaults add more than " + std::to_string(kMergedNodesMax) + " values to the tasks");
  }
  return changed ? draft.Keep(std::move(merged)) : task;
}

}  // namespace headrace::flow
