// The page that compares the catalog with Kestra's core, type by type and property by property.
#include <algorithm>
#include <array>
#include <unordered_set>

#include "common/flow/flow_specs.h"
#include "common/flow/inputs.h"
#include "common/flow/kestra_types.h"
#include "common/flow/schema.h"
#include "common/model/conditions.h"
#include "common/model/polling.h"

namespace headrace::flow {
namespace {

using model::PropertySpec;
using model::Support;
using model::TaskTypeSpec;
using Kind = KestraType::Kind;
using Specs = std::vector<PropertySpec>;

constexpr std::string_view kIntroduction =
    "# Compatibility with Kestra\n\n"
    "Made from the catalog of task types and checked by a test (`HEADRACE_REWRITE_GOLDEN=1` rewrites it). The types "
    "and\n"
    "properties are those of Kestra 1.3. *same* works as there; *differs* says how; *not yet* is refused when a flow "
    "is\n"
    "validated, with its place, or warned about where ignoring it changes nothing that runs.\n";

// A table cell keeps to one line and to its column.
std::string Cell(std::string_view text) {
  std::string cell;
  for (const char c : text) {
    if (c == '|') cell += '\\';
    cell += c == '\n' ? ' ' : c;
  }
  return cell;
}

// Properties sorted into columns.
struct Columns {
  std::string same;
  std::string differs;
  std::string later;

  static void Put(std::string& column, std::string_view name, std::string_view how = {}) {
    column += (column.empty() ? "`" : ", `") + std::string(name) + '`';
    if (!how.empty()) column += " (" + Cell(how) + ')';
  }
  void Add(const PropertySpec& spec) {
    if (spec.differs.empty()) {
      Put(same, spec.name);
    } else {
      Put(differs, spec.name, spec.differs);
    }
    if (spec.kind == model::PropertyKind::kObject) {
      for (const PropertySpec& member : spec.members) {
        if (!member.differs.empty()) Put(differs, spec.name + '.' + member.name, member.differs);
      }
    }
  }
  std::string Row() const { return same + " | " + differs + " | " + later; }
};

bool IsReady(const TaskTypeSpec* spec) { return spec != nullptr && spec->support != Support::kNotYet; }

std::string StateOf(const TaskTypeSpec* spec, const Columns& columns) {
  if (!IsReady(spec)) return "not yet";
  if (spec->support == Support::kDiffers) return "differs: " + Cell(spec->differs);
  return columns.later.empty() && columns.differs.empty() ? "same" : "same but for the properties named";
}

// What Kestra has, as far as we have it; then what only we have.
Columns Compare(const Specs& theirs, const TaskTypeSpec* ours) {
  Columns columns;
  std::unordered_set<std::string> seen;
  for (const PropertySpec& spec : theirs) {
    const PropertySpec* own = IsReady(ours) ? FindProperty(ours->properties, spec.name) : nullptr;
    if (own == nullptr && IsReady(ours)) own = FindProperty(TaskProperties(), spec.name);
    if (own == nullptr) {
      Columns::Put(columns.later, spec.name);
    } else if (seen.insert(own->name).second) {
      columns.Add(*own);
    }
  }
  if (!IsReady(ours)) return columns;
  for (const PropertySpec& own : ours->properties) {
    if (seen.contains(own.name)) continue;
    if (theirs.empty()) {
      columns.Add(own);
    } else {
      Columns::Put(columns.differs, own.name, "here only");
    }
  }
  return columns;
}

std::string Names(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) Columns::Put(text, name);
  return text;
}

void AddTaskTypes(const Catalog& catalog, std::string& out) {
  out += "\n## Task types\n\n| Type | State | Same | Differs | Not yet | Also known as |\n|---|---|---|---|---|---|\n";
  std::vector<KestraType> types;
  std::unordered_set<std::string> known;
  for (const KestraType& type : KestraTypes()) {
    if (type.kind != Kind::kTask) continue;
    types.push_back(type);
    known.insert(type.name);
  }
  for (const std::string& name : catalog.TypeNames()) {
    if (!known.contains(name)) types.push_back({.name = name, .aliases = catalog.Find(name)->aliases});
  }
  std::sort(types.begin(), types.end(), [](const KestraType& a, const KestraType& b) { return a.name < b.name; });
  for (const KestraType& type : types) {
    const TaskTypeSpec* ours = catalog.Find(type.name);
    const Columns columns = Compare(type.properties, ours);
    out += "| `" + type.name + "` | " + StateOf(ours, columns) + " | " + columns.Row() + " | " +
           Names(IsReady(ours) ? ours->aliases : type.aliases) + " |\n";
  }
}

std::string KnownState(const KestraType& type) {
  if (type.kind == Kind::kTrigger) {
    if (type.name == model::kHttpTrigger) return "differs: the first look comes at once; `inputs` is ours; encryptBody is refused";
    if (type.name == model::kRunTrigger) return "differs: one execution for all runs that a look finds new; names may be lists and patterns";
    if (type.name.find(".Schedule") == std::string::npos) return "same";
    return "differs: normal dates go on during a backfill; `backfill` and `interval` do nothing";
  }
  // Parts of other types' properties: task runners, what a purge goes by.
  if (type.kind == Kind::kOther) return type.name.ends_with("kv.Version") ? "not yet" : "same";
  if (type.kind != Kind::kCondition || type.name.ends_with(".PublicHoliday")) return "not yet";
  return model::IsCondition(type.name) ? "same" : "differs: in triggers only";
}

void AddKnownTypes(Kind kind, std::string_view title, std::string& out) {
  out += "\n## " + std::string(title) + "\n\n| Type | State | Properties | Also known as |\n|---|---|---|---|\n";
  for (const KestraType& type : KestraTypes()) {
    if (type.kind != kind) continue;
    out += "| `" + type.name + "` | " + KnownState(type) + " | " + Names(PropertyNames(type.properties)) + " | " +
           Names(type.aliases) + " |\n";
  }
}

void AddLanguage(std::string& out) {
  out += "\n## Properties of the language\n\n| Of | Same | Differs |\n|---|---|---|\n";
  const auto row = [&](const std::string& owner, const Specs& specs) {
    Columns columns;
    for (const PropertySpec& spec : specs) columns.Add(spec);
    out += "| " + owner + " | " + columns.same + " | " + columns.differs + " |\n";
  };
  row("flows", FlowProperties());
  row("every task", TaskProperties());
  for (const std::string& kind : RetryKinds()) row("a `" + kind + "` retry", RetryProperties(kind));
  row("outputs", OutputProperties());
  row("`concurrency`", ConcurrencyProperties());
  row("`checks`", CheckProperties());
  row("`sla`", SlaProperties());
  row("`listeners`", ListenerProperties());
  row("`pluginDefaults`", PluginDefaultProperties());
  for (const std::string& type : InputTypes()) row("inputs of type " + type, InputProperties(CanonicalInputType(type)));
}

}  // namespace

std::string CompatibilityTable(const Catalog& catalog) {
  std::string out(kIntroduction);
  AddTaskTypes(catalog, out);
  AddKnownTypes(Kind::kTrigger, "Triggers", out);
  AddKnownTypes(Kind::kCondition, "Conditions", out);
  AddKnownTypes(Kind::kOther, "Other types", out);
  AddLanguage(out);
  return out;
}

}  // namespace headrace::flow
