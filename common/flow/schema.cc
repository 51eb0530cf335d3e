#include "common/flow/schema.h"

#include "common/flow/flow_specs.h"
#include "common/flow/inputs.h"
#include "common/flow/kestra_types.h"

namespace headrace::flow {
namespace {

using model::PropertyKind;
using model::PropertySpec;
using model::TaskTypeSpec;

Object Reference(std::string_view definition) { return {{"$ref", "#/definitions/" + std::string(definition)}}; }

Object ListOf(Value items) { return {{"type", "array"}, {"items", std::move(items)}}; }

Array Texts(const std::vector<std::string>& texts) {
  Array list;
  for (const std::string& text : texts) list.emplace_back(text);
  return list;
}

Object Members(const std::vector<PropertySpec>& specs);

Object Shape(const PropertySpec& spec);

Object ListShape(const PropertySpec& spec) {
  if (spec.members.empty()) return {{"type", "array"}};
  return ListOf(Shape(spec.members.front()));
}

// The form of a property without what an expression may stand for.
Object PlainShape(const PropertySpec& spec) {
  switch (spec.kind) {
    case PropertyKind::kString:
      return {{"type", Array{"string", "number", "boolean"}}};
    case PropertyKind::kInteger:
      return {{"type", "integer"}};
    case PropertyKind::kNumber:
      return {{"type", "number"}};
    case PropertyKind::kBoolean:
      return {{"type", "boolean"}};
    case PropertyKind::kDuration:
      return {{"type", "string"}, {"format", "duration"}};
    case PropertyKind::kEnum:
      return {{"enum", Texts(spec.enum_values)}};
    case PropertyKind::kList:
      return ListShape(spec);
    case PropertyKind::kMap:
      return {{"type", "object"}};
    case PropertyKind::kObject:
      return spec.members.empty() ? Object{{"type", "object"}} : Members(spec.members);
    case PropertyKind::kAny:
      return {};
    case PropertyKind::kTask:
      return Reference("task");
    case PropertyKind::kTaskList:
      return ListOf(Reference("task"));
    case PropertyKind::kTaskCases:
      return {{"type", "object"}, {"additionalProperties", ListOf(Reference("task"))}};
    case PropertyKind::kTaskNodes:
      return ListOf(Members(TaskNodeProperties()));
    case PropertyKind::kInputs:
      return ListOf(Reference("input"));
  }
  return {};
}

bool MayBeExpression(const PropertySpec& spec) {
  const bool free_text = spec.kind == PropertyKind::kString || spec.kind == PropertyKind::kAny;
  const bool tasks = spec.kind == PropertyKind::kTask || spec.kind == PropertyKind::kTaskList ||
                     spec.kind == PropertyKind::kTaskCases || spec.kind == PropertyKind::kTaskNodes ||
                     spec.kind == PropertyKind::kInputs;
  return spec.rendered && !free_text && !tasks;
}

Object Shape(const PropertySpec& spec) {
  Object shape = PlainShape(spec);
  if (MayBeExpression(spec)) {
    Object either;
    either["anyOf"] = Array{std::move(shape), Object{{"type", "string"}, {"pattern", "\\{[{%#]|^\\s*[\\[{]"}}};
    shape = std::move(either);
  }
  if (!spec.doc.empty()) shape["description"] = spec.doc;
  if (!spec.default_value.is_null()) shape["default"] = spec.default_value;
  return shape;
}

void AddMembers(const std::vector<PropertySpec>& specs, Object& properties, Array& required) {
  for (const PropertySpec& spec : specs) {
    properties[spec.name] = Shape(spec);
    for (const std::string& alias : spec.aliases) {
      Object shape = Shape(spec);
      shape["deprecated"] = true;
      properties[alias] = std::move(shape);
    }
    // One of several names cannot be asked for in `required`; the server checks those.
    if (spec.required && spec.aliases.empty()) required.emplace_back(spec.name);
  }
}

Object Closed(Object properties, Array required) {
  Object shape{{"type", "object"}, {"properties", std::move(properties)}, {"additionalProperties", false}};
  if (!required.empty()) shape["required"] = std::move(required);
  return shape;
}

Object Members(const std::vector<PropertySpec>& specs) {
  Object properties;
  Array required;
  AddMembers(specs, properties, required);
  return Closed(std::move(properties), std::move(required));
}

Object TaskShape(const TaskTypeSpec& spec) {
  Object properties;
  Array required;
  AddMembers(TaskProperties(), properties, required);
  properties["retry"] = Reference("retry");
  AddMembers(spec.properties, properties, required);
  std::vector<std::string> names = {spec.type};
  names.insert(names.end(), spec.aliases.begin(), spec.aliases.end());
  properties["type"] = Object{{"enum", Texts(names)}};
  Object shape = Closed(std::move(properties), std::move(required));
  shape["title"] = spec.type;
  if (!spec.doc.empty()) shape["description"] = spec.doc;
  return shape;
}

Object InputShape() {
  std::vector<Value> kinds;
  Array any;
  for (const std::string& type : InputTypes()) {
    Object shape = Members(InputProperties(CanonicalInputType(type)));
    shape["properties"].as_object()["type"] = Object{{"const", type}};
    shape["required"] = Array{"type"};
    shape["title"] = type;
    any.emplace_back(std::move(shape));
  }
  return {{"oneOf", std::move(any)}};
}

Object RetryShape() {
  Array any;
  for (const std::string& kind : RetryKinds()) {
    Object shape = Members(RetryProperties(kind));
    shape["properties"].as_object()["type"] = Object{{"const", kind}};
    any.emplace_back(std::move(shape));
  }
  return {{"oneOf", std::move(any)}};
}

Object LabelsShape() {
  Object pair = Closed({{"key", Object{{"type", "string"}}}, {"value", Object()}}, {"key", "value"});
  return {{"anyOf", Array{Object{{"type", "object"}}, ListOf(std::move(pair))}}};
}

// A trigger or a condition: the types are known, their properties are the server's to judge.
Object TypedShape(const Catalog& catalog, bool with_id) {
  std::vector<std::string> names;
  for (const std::string& type : catalog.TypeNames()) {
    names.push_back(type);
    for (const std::string& alias : catalog.Find(type)->aliases) names.push_back(alias);
  }
  Object shape{{"type", "object"}, {"properties", Object{{"type", Object{{"enum", Texts(names)}}}}}};
  shape["required"] = with_id ? Array{"id", "type"} : Array{"type"};
  return shape;
}

Object ListenerShape() {
  Object shape = Members(ListenerProperties());
  shape["properties"].as_object()["conditions"] = ListOf(Reference("condition"));
  return shape;
}

Object Definitions(const Catalog& catalog) {
  Object definitions;
  Array tasks;
  for (const std::string& type : catalog.TypeNames()) {
    const TaskTypeSpec& spec = *catalog.Find(type);
    if (spec.support == model::Support::kNotYet) continue;
    definitions[type] = TaskShape(spec);
    tasks.emplace_back(Reference(type));
  }
  definitions["task"] = Object{{"type", "object"}, {"required", Array{"id", "type"}}, {"oneOf", std::move(tasks)}};
  definitions["retry"] = RetryShape();
  definitions["input"] = InputShape();
  definitions["output"] = Members(OutputProperties());
  definitions["trigger"] = TypedShape(TriggerCatalog(), true);
  definitions["condition"] = TypedShape(ConditionCatalog(), false);
  return definitions;
}

}  // namespace

Value JsonSchema(const Catalog& catalog) {
  Object schema{{"$schema", "http://json-schema.org/draft-07/schema#"}, {"title", "A flow of headrace"}};
  for (auto& [key, value] : Members(FlowProperties())) schema[key] = std::move(value);
  Object& properties = schema["properties"].as_object();
  properties["id"].as_object()["pattern"] = "^[a-zA-Z0-9][a-zA-Z0-9._-]*$";
  properties["namespace"].as_object()["pattern"] = "^[a-z0-9][a-z0-9._-]*$";
  properties["tasks"].as_object()["minItems"] = 1;
  properties["labels"] = LabelsShape();
  properties["inputs"] = ListOf(Reference("input"));
  properties["outputs"] = ListOf(Reference("output"));
  properties["retry"] = Reference("retry");
  properties["concurrency"] = Members(ConcurrencyProperties());
  properties["pluginDefaults"] = ListOf(Members(PluginDefaultProperties()));
  properties["checks"] = ListOf(Members(CheckProperties()));
  properties["sla"] = ListOf(Members(SlaProperties()));
  properties["sla"].as_object()["items"].as_object()["properties"].as_object()["labels"] = LabelsShape();
  properties["listeners"] = ListOf(ListenerShape());
  properties["triggers"] = ListOf(Reference("trigger"));
  properties["taskDefaults"] = properties["pluginDefaults"];
  schema["definitions"] = Definitions(catalog);
  return schema;
}

}  // namespace headrace::flow
