#include "common/flow/property_checks.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "common/base/text.h"
#include "common/base/time.h"
#include "common/flow/flow_specs.h"

namespace headrace::flow {
namespace {

using model::PropertyKind;
using model::PropertySpec;

std::string_view WantedName(PropertyKind kind) {
  switch (kind) {
    case PropertyKind::kString:
      return "a text";
    case PropertyKind::kInteger:
      return "an integer";
    case PropertyKind::kNumber:
      return "a number";
    case PropertyKind::kBoolean:
      return "true or false";
    case PropertyKind::kDuration:
      return "a duration such as PT5M";
    case PropertyKind::kEnum:
      return "one of its values";
    case PropertyKind::kList:
      return "a list";
    case PropertyKind::kMap:
    case PropertyKind::kObject:
      return "a map";
    case PropertyKind::kAny:
      return "a value";
    case PropertyKind::kTask:
      return "a task";
    case PropertyKind::kTaskList:
      return "a list of tasks";
    case PropertyKind::kTaskCases:
      return "a map of names to lists of tasks";
    case PropertyKind::kTaskNodes:
      return "a list of maps with `task` and `dependsOn`";
    case PropertyKind::kInputs:
      return "a list of inputs";
  }
  return "a value";
}

Value Wrong(Draft& draft, const YamlNode& node, const PropertySpec& spec, const Path& path) {
  std::string message = "expected " + std::string(WantedName(spec.kind)) + ", got " + KindName(node);
  if (spec.kind == PropertyKind::kBoolean && node.is_scalar() && node.is_text && !node.text.empty()) {
    message += " in quotes";
  }
  if (spec.kind == PropertyKind::kList && node.is_scalar())
    message += "; write it as a list: `- " + Shortened(node.text, 30) + '`';
  draft.Error(node, path, std::move(message));
  return nullptr;
}

Value CheckInteger(Draft& draft, const YamlNode& node, const PropertySpec& spec, const Path& path) {
  Value value = ToValue(node);
  if (value.is_int64() || value.is_uint64()) return value;
  // A quoted number is a number too.
  std::int64_t number = 0;
  const std::string& text = node.text;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (!text.empty() && failure == std::errc() && end == text.data() + text.size()) return number;
  return Wrong(draft, node, spec, path);
}

Value CheckNumber(Draft& draft, const YamlNode& node, const PropertySpec& spec, const Path& path) {
  YamlNode plain = node;
  plain.is_text = false;
  Value value = ToValue(plain);
  if (value.is_number()) return value;
  return Wrong(draft, node, spec, path);
}

Value CheckBoolean(Draft& draft, const YamlNode& node, const PropertySpec& spec, const Path& path) {
  const Value value = ToValue(node);
  if (value.is_bool()) return value;
  if (node.text == "true" || node.text == "false") return node.text == "true";
  return Wrong(draft, node, spec, path);
}

Value CheckDuration(Draft& draft, const YamlNode& node, const PropertySpec& spec, const Path& path) {
  if (const Result<Duration> parsed = ParseDuration(node.text); parsed) {
    if (parsed->count() >= 0) return Value(node.text);
    draft.Error(node, path, "a duration must not be negative, got `" + node.text + '`');
    return nullptr;
  }
  // A bare number is seconds, as Kestra's reader has it.
  const Value value = ToValue(node);
  if (value.is_int64() && value.get_int64() >= 0 && value.get_int64() < 1'000'000'000'000) {
    return Value(FormatDuration(std::chrono::seconds(value.get_int64())));
  }
  return Wrong(draft, node, spec, path);
}

Value CheckEnum(Draft& draft, const YamlNode& node, const PropertySpec& spec, const Path& path) {
  const auto& allowed = spec.enum_values;
  if (std::find(allowed.begin(), allowed.end(), node.text) != allowed.end()) return Value(node.text);
  std::string message = '`' + Shortened(node.text) + "` is not a value of `" + spec.name + '`';
  message += Suggestion(node.text, allowed);
  draft.Error(node, path, std::move(message));
  return nullptr;
}

Value CheckList(Draft& draft, const YamlNode& node, const PropertySpec& spec, const Path& path) {
  if (!node.is_list()) return Wrong(draft, node, spec, path);
  Array list;
  list.reserve(node.items.size());
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    const Path at = path.At(i);
    if (spec.members.empty()) {
      if (spec.rendered) NoteExpressions(draft, node.items[i], at);
      list.push_back(ToValue(node.items[i]));
    } else {
      list.push_back(CheckValue(draft, node.items[i], spec.members.front(), at));
    }
  }
  return list;
}

// A text may stand for a list or a map if it renders or parses to one.
bool MayBecome(PropertyKind kind, std::string_view text) {
  const std::string_view trimmed = Trim(text);
  if (kind == PropertyKind::kList) return trimmed.starts_with('[');
  return (kind == PropertyKind::kMap || kind == PropertyKind::kObject) && trimmed.starts_with('{');
}

// What is sent or written as text may be given as what it is the JSON of.
bool TakesJson(const PropertySpec& spec) {
  constexpr std::array<std::string_view, 4> kNames = {"body", "content", "format", "payload"};
  return spec.kind == PropertyKind::kString && spec.rendered &&
         std::find(kNames.begin(), kNames.end(), spec.name) != kNames.end();
}

Value CheckScalar(Draft& draft, const YamlNode& node, const PropertySpec& spec, const Path& path) {
  switch (spec.kind) {
    case PropertyKind::kString:
      return Value(node.text);
    case PropertyKind::kInteger:
      return CheckInteger(draft, node, spec, path);
    case PropertyKind::kNumber:
      return CheckNumber(draft, node, spec, path);
    case PropertyKind::kBoolean:
      return CheckBoolean(draft, node, spec, path);
    case PropertyKind::kDuration:
      return CheckDuration(draft, node, spec, path);
    case PropertyKind::kEnum:
      return CheckEnum(draft, node, spec, path);
    case PropertyKind::kAny:
      return ToValue(node);
    default:
      if (spec.rendered && MayBecome(spec.kind, node.text)) return Value(node.text);
      return Wrong(draft, node, spec, path);
  }
}

}  // namespace

bool HoldsExpression(std::string_view text) {
  for (std::size_t at = text.find('{'); at != std::string_view::npos; at = text.find('{', at + 1)) {
    if (at + 1 < text.size() && (text[at + 1] == '{' || text[at + 1] == '%' || text[at + 1] == '#')) return true;
  }
  return false;
}

void NoteExpressions(Draft& draft, const YamlNode& node, const Path& path) {
  switch (node.kind) {
    case YamlNode::Kind::kNull:
      return;
    case YamlNode::Kind::kScalar:
      if (HoldsExpression(node.text)) draft.sites.push_back({.scalar = &node, .field = path.Text()});
      return;
    case YamlNode::Kind::kList:
      for (std::size_t i = 0; i < node.items.size(); ++i) NoteExpressions(draft, node.items[i], path.At(i));
      return;
    case YamlNode::Kind::kMap:
      for (const YamlEntry& entry : node.entries) {
        const Path at = path.Key(entry.key.text);
        if (HoldsExpression(entry.key.text)) draft.sites.push_back({.scalar = &entry.key, .field = at.Text()});
        NoteExpressions(draft, entry.value, at);
      }
  }
}

Value CheckValue(Draft& draft, const YamlNode& node, const PropertySpec& spec, const Path& path) {
  if (node.is_null()) return nullptr;
  if (node.is_scalar()) {
    if (spec.rendered && HoldsExpression(node.text)) {
      draft.sites.push_back({.scalar = &node, .field = path.Text()});
      return Value(node.text);
    }
    return CheckScalar(draft, node, spec, path);
  }
  switch (spec.kind) {
    case PropertyKind::kList:
      return CheckList(draft, node, spec, path);
    case PropertyKind::kObject:
      if (!node.is_map()) return Wrong(draft, node, spec, path);
      if (!spec.members.empty()) return CheckObject(draft, node, spec.members, path, '`' + spec.name + '`');
      break;
    case PropertyKind::kMap:
      if (!node.is_map()) return Wrong(draft, node, spec, path);
      break;
    case PropertyKind::kInputs:
      if (!node.is_list()) return Wrong(draft, node, spec, path);
      break;
    case PropertyKind::kAny:
      break;
    default:
      if (!TakesJson(spec)) return Wrong(draft, node, spec, path);
  }
  if (spec.rendered) NoteExpressions(draft, node, path);
  return ToValue(node);
}

Object CheckObject(Draft& draft, const YamlNode& node, const std::vector<PropertySpec>& specs, const Path& path,
                   std::string_view owner) {
  Object object;
  if (!node.is_map()) {
    draft.Error(node, path, "expected a map (" + std::string(owner) + "), got " + KindName(node));
    return object;
  }
  for (const YamlEntry& entry : node.entries) {
    const Path at = path.Key(entry.key.text);
    const PropertySpec* spec = FindProperty(specs, entry.key.text);
    if (spec == nullptr && draft.full()) continue;
    if (spec == nullptr) {
      draft.Error(entry.key, at,
                  "unknown property `" + Shortened(entry.key.text) + "` of " + std::string(owner) +
                      Suggestion(entry.key.text, PropertyNames(specs)));
      continue;
    }
    if (spec->name != entry.key.text && node.Find(spec->name) != nullptr) {
      draft.Error(entry.key, at, '`' + entry.key.text + "` is another name of `" + spec->name + "`; give only one");
      continue;
    }
    Value value = CheckValue(draft, entry.value, *spec, at);
    if (!value.is_null()) object[spec->name] = std::move(value);
  }
  CheckRequired(draft, node, specs, path, owner);
  return object;
}

const YamlEntry* FindEntry(const YamlNode& map, const PropertySpec& spec) {
  for (const YamlEntry& entry : map.entries) {
    if (entry.key.text == spec.name) return &entry;
    for (const std::string& alias : spec.aliases) {
      if (entry.key.text == alias) return &entry;
    }
  }
  return nullptr;
}

void CheckRequired(Draft& draft, const YamlNode& node, const std::vector<PropertySpec>& specs, const Path& path,
                   std::string_view owner) {
  for (const PropertySpec& spec : specs) {
    if (!spec.required) continue;
    const YamlEntry* entry = FindEntry(node, spec);
    if (entry == nullptr) {
      draft.Error(node, path.Key(spec.name), std::string(owner) + " needs `" + spec.name + '`');
    } else if (entry->value.is_null() && spec.kind != PropertyKind::kAny) {
      draft.Error(entry->key, path.Key(spec.name), '`' + spec.name + "` of " + std::string(owner) + " is empty");
    }
  }
}

}  // namespace headrace::flow
