#include "common/flow/templates.h"

#include <algorithm>
#include <iterator>

#include "common/flow/flow_parts.h"
#include "common/flow/flow_specs.h"
#include "common/flow/property_checks.h"

namespace headrace::flow {
namespace {

using model::PropertyKind;
using model::PropertySpec;
using model::Task;
using model::TaskGroup;

constexpr std::string_view kMark = "\n# headrace: the templates that this flow took in when it was applied\n";

const std::vector<PropertySpec>& TemplateProperties() {
  static const std::vector<PropertySpec> kProperties = {
      {.name = "id", .required = true, .rendered = false},
      {.name = "namespace", .required = true, .rendered = false},
      {.name = "tasks", .kind = PropertyKind::kTaskList, .required = true},
      {.name = "errors", .kind = PropertyKind::kTaskList},
      {.name = "finally", .kind = PropertyKind::kTaskList},
      {.name = "inputs", .kind = PropertyKind::kAny, .rendered = false},
      {.name = "description", .rendered = false},
      {.name = "tenantId", .rendered = false},
      {.name = "deleted", .kind = PropertyKind::kBoolean, .rendered = false}};
  return kProperties;
}

std::string NameOf(const TemplateDocument& document) { return document.ns + '.' + document.id; }

void CheckDocument(Draft& draft, const YamlNode& root) {
  const Path top;
  if (!root.is_map()) return draft.Error(root, top, "expected a template (a map), got " + KindName(root));
  for (const YamlEntry& entry : root.entries) {
    const Path path = top.Key(entry.key.text);
    const PropertySpec* spec = FindProperty(TemplateProperties(), entry.key.text);
    if (spec == nullptr) {
      draft.Error(entry.key, path, "unknown property `" + Shortened(entry.key.text) + "` of a template" +
                                       Suggestion(entry.key.text, PropertyNames(TemplateProperties())));
    } else if (spec->kind == PropertyKind::kTaskList) {
      TaskGroup group{.name = spec->name};
      if (spec->required && entry.value.is_list() && entry.value.items.empty()) {
        draft.Error(entry.value, path, '`' + spec->name + "` needs at least one task");
      }
      BuildTaskList(draft, entry.value, path, std::nullopt, group);
    } else {
      CheckValue(draft, entry.value, *spec, path);
    }
  }
  CheckRequired(draft, root, TemplateProperties(), top, "a template");
  for (ExpressionSite& site : draft.sites) site.syntax_only = true;
  CheckExpressions(draft);
}

// Takes the tasks of a template in as children of the task that names it.
class Intake {
 public:
  Intake(Draft& draft, const YamlNode& node, const Path& path, Task& task, const TemplateDocument& document)
      : draft_(draft), node_(node), path_(path), task_(task), document_(document), errors_(draft.errors.size()),
        warnings_(draft.warnings.size()), sites_(draft.sites.size()), arena_(draft.flow.arena.size()) {}

  void Run() {
    draft_.taking_in.push_back(&document_);
    if (std::find(draft_.taken.begin(), draft_.taken.end(), &document_) == draft_.taken.end()) draft_.taken.push_back(&document_);
    for (const char* name : {"tasks", "errors", "finally"}) Take(name);
    draft_.taking_in.pop_back();
    Settle();
  }

 private:
  // Behind the template's own errors and finally come those of the task.
  void Take(const std::string& name) {
    const YamlNode* list = document_.root.Find(name);
    if (list == nullptr) return;
    TaskGroup group{.name = name};
    BuildTaskList(draft_, *list, path_, task_.index, group);
    const auto own = std::find_if(task_.groups.begin(), task_.groups.end(), [&](const TaskGroup& g) { return g.name == name; });
    if (own == task_.groups.end()) return task_.groups.push_back(std::move(group));
    own->tasks.insert(own->tasks.begin(), group.tasks.begin(), group.tasks.end());
  }

  // The document was checked when it was read: what is wrong now is wrong where it is taken in.
  void Settle() {
    for (std::size_t i = errors_; i < draft_.errors.size(); ++i) {
      Violation& error = draft_.errors[i];
      error = {path_.Text(), "in the template `" + NameOf(document_) + "`: " + error.message, node_.line, node_.column, draft_.file};
    }
    draft_.warnings.resize(warnings_);
    draft_.sites.resize(sites_);
    for (std::size_t i = arena_; i < draft_.flow.arena.size(); ++i) {
      draft_.flow.arena[i].line = node_.line;
      draft_.flow.arena[i].column = node_.column;
    }
  }

  Draft& draft_;
  const YamlNode& node_;
  const Path& path_;
  Task& task_;
  const TemplateDocument& document_;
  const std::size_t errors_;
  const std::size_t warnings_;
  const std::size_t sites_;
  const std::size_t arena_;
};

std::string TextOf(const Task& task, std::string_view property) {
  const Value* value = task.properties.if_contains(property);
  return value == nullptr ? std::string() : ToText(*value);
}

}  // namespace

Status TemplateBook::Add(std::string_view source, const std::string& file, const Catalog& catalog) {
  ASSIGN_OR_RETURN(YamlNode root, ParseYaml(source, file, {}));
  Draft draft(source, file, catalog);
  draft.is_template = true;
  CheckDocument(draft, root);
  const auto text = [&root](std::string_view name) {
    const YamlNode* node = root.Find(name);
    return node == nullptr ? std::string() : node->text;
  };
  TemplateDocument document{text("namespace"), text("id"), std::string(source), {}};
  if (draft.errors.empty() && Find(document.ns, document.id) != nullptr) {
    draft.ErrorAt({root.line, root.column}, "id", "there is a template `" + NameOf(document) + "` already; change one of the ids");
  }
  if (!draft.errors.empty()) {
    return Fail(Error{Code::kInvalidArgument, "the template in " + file + " is not valid", std::move(draft.errors)});
  }
  document.root = std::move(root);
  documents_.push_back(std::move(document));
  return {};
}

const TemplateDocument* TemplateBook::Find(std::string_view ns, std::string_view id) const {
  const auto found = std::find_if(documents_.begin(), documents_.end(),
                                  [&](const TemplateDocument& document) { return document.ns == ns && document.id == id; });
  return found == documents_.end() ? nullptr : &*found;
}

std::vector<std::string> TemplateBook::Names() const {
  std::vector<std::string> names;
  std::transform(documents_.begin(), documents_.end(), std::back_inserter(names), NameOf);
  return names;
}

StoredSource SplitStored(std::string_view stored) {
  const std::size_t at = stored.rfind(kMark);
  if (at == std::string_view::npos) return {stored, {}};
  return {stored.substr(0, at), stored.substr(at + kMark.size())};
}

std::string JoinStored(std::string_view own, const std::vector<const TemplateDocument*>& taken) {
  std::string stored(own);
  if (taken.empty()) return stored;
  stored += kMark;
  for (const TemplateDocument* document : taken) {
    stored += "---\n" + document->source + (document->source.ends_with('\n') ? "" : "\n");
  }
  return stored;
}

bool HoldsStoredMark(std::string_view source) { return source.find(kMark) != std::string_view::npos; }

void TakeTemplateIn(Draft& draft, const YamlNode& node, const Path& path, Task& task) {
  if (draft.is_template && draft.templates == nullptr) return;  // whoever takes this one in takes that one in
  if (draft.templates == nullptr) {
    const YamlNode* type = node.Find("type");
    return draft.Error(type == nullptr ? node : *type, path.Key("type"),
                       "templates are switched off: give the folder that holds them with `--templates DIR` "
                       "(kestra.templates.enabled in Kestra), or make a flow of them and use a Subflow");
  }
  const std::string ns = TextOf(task, "namespace");
  const std::string id = TextOf(task, "templateId");
  const YamlNode* at = node.Find("templateId");
  const auto refuse = [&](std::string message) {
    draft.Error(at == nullptr ? node : *at, path.Key("templateId"), std::move(message));
  };
  const TemplateDocument* document = draft.templates->Find(ns, id);
  if (document == nullptr) {
    return refuse("there is no template `" + Shortened(ns + '.' + id) + '`' + Suggestion(ns + '.' + id, draft.templates->Names()));
  }
  if (std::find(draft.taking_in.begin(), draft.taking_in.end(), document) != draft.taking_in.end()) {
    return refuse("the template `" + NameOf(*document) + "` takes itself in");
  }
  Intake(draft, node, path, task, *document).Run();
}

}  // namespace headrace::flow
