#include <algorithm>
#include <unordered_map>

#include "common/flow/flow_parts.h"
#include "common/flow/flow_specs.h"
#include "common/flow/input_types.h"
#include "common/flow/inputs.h"
#include "common/flow/property_checks.h"

namespace headrace::flow {
namespace {

constexpr std::size_t kInputIdMax = 256;

// What is not a field of InputSpec itself goes to `extra`.
constexpr std::string_view kOwnFields[] = {"id", "type", "required", "defaults", "description", "displayName"};

std::string TextOf(const Object& object, std::string_view name) {
  const Value* value = object.if_contains(name);
  return value == nullptr ? std::string() : ToText(*value);
}

// The canonical type, reported when unknown; empty then.
std::string ReadInputType(Draft& draft, const YamlNode& item, const Path& path) {
  const YamlNode* type = item.Find("type");
  if (type == nullptr || !type->is_scalar()) {
    draft.Error(item, path.Key("type"), "an input needs `type`, such as STRING");
    return {};
  }
  const std::string canonical = CanonicalInputType(type->text);
  if (canonical.empty()) {
    draft.Error(*type, path.Key("type"),
                "unknown input type `" + Shortened(type->text) + '`' + Suggestion(type->text, InputTypes()));
  } else if (canonical == "FORM") {
    draft.Error(*type, path.Key("type"), "inputs of type FORM are not supported yet; declare its inputs one by one");
    return {};
  } else if (IsUnsupportedInput(canonical)) {
    draft.Warn(*type, path.Key("type"),
               "inputs of type " + canonical + " are not supported yet: a value for it is refused");
  }
  return canonical;
}

void CheckDefaults(Draft& draft, const YamlNode& item, const Path& path, const model::InputSpec& input) {
  const YamlNode* defaults = item.Find("defaults");
  if (!input.has_defaults || defaults == nullptr) return;
  if (!input.required) {
    draft.Warn(*defaults, path.Key("defaults"),
               "Inputs with a default value must be required, since the default is always applied.");
  }
  if (input.type.empty() || IsUnsupportedInput(input.type)) return;
  if (HoldsExpression(ToJson(input.defaults)) || input.extra.contains("expression")) return;
  if (const Result<Value> parsed = ParseInput(input, input.defaults); !parsed) {
    draft.Error(*defaults, path.Key("defaults"),
                "Invalid value for input `" + input.id + "`. Cause: " + parsed.error().message);
  }
}

void CheckExtras(Draft& draft, const YamlNode& item, const Path& path, const model::InputSpec& input) {
  for (const InputFault& fault : CheckInputSpec(input)) {
    const YamlNode* at = item.Find(fault.property);
    draft.Error(at == nullptr ? item : *at, path.Key(fault.property), fault.message);
  }
}

model::InputSpec ReadInput(Draft& draft, const YamlNode& item, const Path& path) {
  model::InputSpec input;
  input.line = item.line;
  input.column = item.column;
  input.type = ReadInputType(draft, item, path);
  std::vector<model::PropertySpec> specs = InputProperties(input.type);
  // The type is judged above, with its aliases.
  for (model::PropertySpec& spec : specs) {
    if (spec.name == "type") spec.kind = model::PropertyKind::kString;
  }
  if (input.type.empty()) {
    YamlNode known = item;
    std::erase_if(known.entries, [&](const YamlEntry& e) { return FindProperty(specs, e.key.text) == nullptr; });
    const YamlNode& kept = draft.Keep(std::move(known));
    input.id = TextOf(CheckObject(draft, kept, specs, path, "an input"), "id");
    return input;
  }
  Object object = CheckObject(draft, item, specs, path, "an input of type " + input.type);
  input.id = TextOf(object, "id");
  input.description = TextOf(object, "description");
  input.display_name = TextOf(object, "displayName");
  if (const Value* required = object.if_contains("required")) input.required = required->get_bool();
  if (Value* defaults = object.if_contains("defaults")) {
    input.defaults = std::move(*defaults);
    input.has_defaults = true;
  }
  for (auto& [name, value] : object) {
    if (std::find(std::begin(kOwnFields), std::end(kOwnFields), std::string_view(name)) == std::end(kOwnFields)) {
      input.extra[name] = std::move(value);
    }
  }
  CheckExtras(draft, item, path, input);
  CheckDefaults(draft, item, path, input);
  return input;
}

void CheckDependsOn(Draft& draft, const YamlNode& item, const Path& path,
                    const std::unordered_map<std::string, int>& lines, const std::vector<std::string>& names) {
  const YamlNode* depends = item.Find("dependsOn");
  if (depends == nullptr || depends->is_null()) return;
  const Path at = path.Key("dependsOn");
  static const std::vector<model::PropertySpec> kSpecs = {
      {.name = "inputs", .kind = model::PropertyKind::kList, .rendered = false},
      {.name = "condition", .kind = model::PropertyKind::kString}};
  const auto noted = static_cast<std::ptrdiff_t>(draft.sites.size());
  CheckObject(draft, *depends, kSpecs, at, "`dependsOn`");
  // The condition was noted with the input's other texts.
  draft.sites.erase(draft.sites.begin() + noted, draft.sites.end());
  const YamlNode* list = depends->Find("inputs");
  if (list == nullptr) return;
  for (std::size_t i = 0; i < list->items.size(); ++i) {
    const YamlNode& name = list->items[i];
    if (lines.contains(name.text)) continue;
    draft.Error(name, at.Key("inputs").At(i), "no input `" + Shortened(name.text) + '`' + Suggestion(name.text, names));
  }
}

}  // namespace

void BuildInputs(Draft& draft, const YamlNode& node, const Path& path) {
  if (node.is_null()) return;
  if (!node.is_list()) {
    draft.Error(node, path, "expected a list of inputs, got " + KindName(node));
    return;
  }
  std::unordered_map<std::string, int> lines;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    const Path at = path.At(i);
    const YamlNode& item = node.items[i];
    if (!item.is_map()) {
      draft.Error(item, at, "expected an input (a map with `id` and `type`), got " + KindName(item));
      continue;
    }
    model::InputSpec input = ReadInput(draft, item, at);
    const YamlEntry* id = FindEntry(item, InputIdProperty());
    if (id != nullptr && id->value.is_scalar()) {
      CheckId(draft, id->value, at.Key(id->key.text), "._-", kInputIdMax);
      const auto [known, is_new] = lines.emplace(input.id, id->value.line);
      if (!is_new) {
        draft.Error(id->value, at.Key(id->key.text),
                    "Duplicate input with name [" + Shortened(input.id) + "]; it stands first in line " +
                        std::to_string(known->second));
      }
    }
    names.push_back(input.id);
    draft.flow.inputs.push_back(std::move(input));
  }
  for (std::size_t i = 0; i < node.items.size(); ++i) CheckDependsOn(draft, node.items[i], path.At(i), lines, names);
}

void BuildOutputs(Draft& draft, const YamlNode& node, const Path& path) {
  if (node.is_null()) return;
  if (!node.is_list()) {
    draft.Error(node, path, "expected a list of outputs, got " + KindName(node));
    return;
  }
  std::unordered_map<std::string, int> lines;
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    const Path at = path.At(i);
    const YamlNode& item = node.items[i];
    Object object = CheckObject(draft, item, OutputProperties(), at, "an output");
    model::OutputSpec output;
    output.id = TextOf(object, "id");
    output.description = TextOf(object, "description");
    if (const Value* required = object.if_contains("required")) output.required = required->get_bool();
    if (Value* value = object.if_contains("value")) output.value = std::move(*value);
    if (const YamlNode* type = item.Find("type"); type != nullptr && type->is_scalar()) {
      output.type = CanonicalInputType(type->text);
      if (output.type.empty()) {
        draft.Error(*type, at.Key("type"),
                    "unknown output type `" + Shortened(type->text) + '`' + Suggestion(type->text, InputTypes()));
      } else if (IsUnsupportedInput(output.type) && output.type != "FILE") {
        draft.Error(*type, at.Key("type"), "outputs of type " + output.type + " are not supported yet");
      }
    }
    if (const YamlNode* id = item.Find("id"); id != nullptr && id->is_scalar()) {
      CheckId(draft, *id, at.Key("id"), "._-", kInputIdMax);
      const auto [known, is_new] = lines.emplace(output.id, id->line);
      if (!is_new) {
        draft.Error(*id, at.Key("id"),
                    "Duplicate output with name [" + Shortened(output.id) + "]; it stands first in line " +
                        std::to_string(known->second));
      }
    }
    draft.flow.outputs.push_back(std::move(output));
  }
}

}  // namespace headrace::flow
