#include <algorithm>

#include "common/flow/flow_specs.h"
#include "common/flow/kestra_types.h"
#include "common/flow/schema.h"

namespace headrace::flow {
namespace {

using model::PropertyKind;
using model::PropertySpec;
using model::Support;
using model::TaskTypeSpec;

std::string_view KindText(PropertyKind kind) {
  switch (kind) {
    case PropertyKind::kString:
      return "text";
    case PropertyKind::kInteger:
      return "integer";
    case PropertyKind::kNumber:
      return "number";
    case PropertyKind::kBoolean:
      return "boolean";
    case PropertyKind::kDuration:
      return "duration";
    case PropertyKind::kEnum:
      return "one of";
    case PropertyKind::kList:
      return "list";
    case PropertyKind::kMap:
      return "map";
    case PropertyKind::kObject:
      return "map";
    case PropertyKind::kAny:
      return "any";
    case PropertyKind::kTask:
      return "task";
    case PropertyKind::kTaskList:
      return "list of tasks";
    case PropertyKind::kTaskCases:
      return "map of lists of tasks";
    case PropertyKind::kTaskNodes:
      return "list of task and dependsOn";
    case PropertyKind::kInputs:
      return "list of inputs";
  }
  return "";
}

bool HoldsTasks(PropertyKind kind) {
  return kind == PropertyKind::kTask || kind == PropertyKind::kTaskList || kind == PropertyKind::kTaskCases ||
         kind == PropertyKind::kTaskNodes || kind == PropertyKind::kInputs;
}

// A table cell keeps to one line and to its column.
std::string Cell(std::string_view text) {
  std::string cell;
  for (const char c : text) {
    if (c == '\n') {
      cell += ' ';
    } else if (c == '|') {
      cell += "\\|";
    } else {
      cell += c;
    }
  }
  return cell;
}

std::string TypeCell(const PropertySpec& spec) {
  std::string text(KindText(spec.kind));
  if (spec.kind == PropertyKind::kList && !spec.members.empty()) text += " of " + TypeCell(spec.members.front());
  for (std::size_t i = 0; i < spec.enum_values.size(); ++i) text += (i == 0 ? " " : ", ") + spec.enum_values[i];
  if (spec.rendered && !HoldsTasks(spec.kind)) text += ", rendered";
  return text;
}

void AddRows(const std::vector<PropertySpec>& specs, const std::string& prefix, std::string& out) {
  for (const PropertySpec& spec : specs) {
    const std::string name = prefix + spec.name;
    out += "| `" + name + "`" + (spec.required ? " *" : "") + " | " + Cell(TypeCell(spec)) + " | ";
    if (!spec.default_value.is_null()) out += '`' + Cell(ToText(spec.default_value)) + '`';
    out += " | " + Cell(spec.doc);
    for (const std::string& alias : spec.aliases) out += " Also `" + alias + "`.";
    if (!spec.differs.empty()) out += " Differs from Kestra: " + Cell(spec.differs) + '.';
    out += " |\n";
    if (spec.kind == PropertyKind::kObject) AddRows(spec.members, name + '.', out);
  }
}

std::string Table(const std::vector<PropertySpec>& specs) {
  std::string out = "| Property | Type | Default | |\n|---|---|---|---|\n";
  AddRows(specs, {}, out);
  return out;
}

std::string_view RoleText(model::TaskRole role) {
  switch (role) {
    case model::TaskRole::kRunnable:
      return "Runs on a worker.";
    case model::TaskRole::kFlowable:
      return "Steers its children.";
    case model::TaskRole::kExecutable:
      return "Starts other executions.";
    case model::TaskRole::kUpdating:
      return "Changes its own execution.";
  }
  return "";
}

// Below a fence, so that a fence of more backticks is never needed: examples are YAML.
std::string Fenced(const std::string& yaml) {
  return "```yaml\n" + yaml + (yaml.ends_with('\n') ? "" : "\n") + "```\n";
}

std::string NameList(const std::vector<PropertySpec>& specs) {
  std::string text;
  for (const PropertySpec& spec : specs) text += (text.empty() ? "`" : ", `") + spec.name + '`';
  return text;
}

}  // namespace

std::string TypeDocs(const TaskTypeSpec& spec) {
  std::string out = "# " + spec.type + "\n\n";
  if (!spec.doc.empty()) out += spec.doc + "\n\n";
  out += std::string(RoleText(spec.role)) + "\n";
  if (spec.support == Support::kDiffers) out += "\nDiffers from Kestra: " + spec.differs + "\n";
  if (spec.support == Support::kNotYet) out += "\nNot supported yet.\n";
  if (!spec.aliases.empty()) {
    out += "\nAlso known as";
    for (std::size_t i = 0; i < spec.aliases.size(); ++i) out += (i == 0 ? " `" : ", `") + spec.aliases[i] + '`';
    out += ".\n";
  }
  if (!spec.example.empty()) out += "\n## Example\n\n" + Fenced(spec.example);
  if (!spec.properties.empty()) out += "\n## Properties\n\n`*` is required.\n\n" + Table(spec.properties);
  if (!spec.outputs.empty()) out += "\n## Outputs\n\n" + Table(spec.outputs);
  out += "\n## Every task has\n\n" + NameList(TaskProperties()) + "\n";
  return out;
}

std::optional<std::string> KnownTypeDocs(std::string_view type) {
  for (const Catalog* catalog : {&TriggerCatalog(), &ConditionCatalog()}) {
    const TaskTypeSpec* spec = catalog->Find(type);
    if (spec == nullptr) continue;
    const bool trigger = catalog == &TriggerCatalog();
    std::string out = "# " + spec->type + "\n\n";
    if (!trigger) out += "A condition of triggers and listeners.\n";
    else out += spec->type.find(".core.trigger.") != std::string::npos ? "A trigger.\n" : "A trigger. It is checked and kept, but not started yet.\n";
    if (!spec->properties.empty()) out += "\n## Properties\n\n" + NameList(spec->properties) + "\n";
    if (trigger) out += "\n## Every trigger has\n\n" + NameList(TriggerProperties()) + "\n";
    return out;
  }
  return std::nullopt;
}

}  // namespace headrace::flow
