#include <unordered_map>

#include "common/flow/flow_parts.h"
#include "common/flow/flow_specs.h"
#include "common/flow/inputs.h"
#include "common/flow/property_checks.h"

namespace headrace::flow {
namespace {

constexpr std::size_t kOutputIdMax = 256;

std::string TextOf(const Object& object, std::string_view name) {
  const Value* value = object.if_contains(name);
  return value == nullptr ? std::string() : ToText(*value);
}

}  // namespace

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
      } else if (output.type == "FORM") {
        draft.Error(*type, at.Key("type"), "an output cannot be of type FORM");
      }
    }
    if (const YamlNode* id = item.Find("id"); id != nullptr && id->is_scalar()) {
      CheckId(draft, *id, at.Key("id"), "._-", kOutputIdMax);
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
