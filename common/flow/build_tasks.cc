#include <algorithm>

#include "common/base/text.h"
#include "common/flow/flow_parts.h"
#include "common/flow/flow_specs.h"
#include "common/flow/kestra_types.h"
#include "common/flow/property_checks.h"
#include "common/model/for_each_item.h"

namespace headrace::flow {
namespace {

using model::PropertyKind;
using model::PropertySpec;
using model::Task;
using model::TaskGroup;
using model::TaskIndex;

constexpr std::size_t kTaskIdMax = 256;
constexpr std::string_view kTemplate = "io.kestra.plugin.core.flow.Template";

bool IsKestraTask(std::string_view name) {
  const auto& types = KestraTypes();
  return std::any_of(types.begin(), types.end(), [name](const KestraType& type) {
    return type.kind == KestraType::Kind::kTask &&
           (type.name == name || std::find(type.aliases.begin(), type.aliases.end(), name) != type.aliases.end());
  });
}

class TaskBuilder {
 public:
  TaskBuilder(Draft& draft, const YamlNode& node, const Path& path, std::optional<TaskIndex> parent)
      : draft_(draft), node_(node), path_(path) {
    task_.index = static_cast<TaskIndex>(draft.flow.arena.size());
    task_.parent = parent;
    task_.line = node.line;
    task_.column = node.column;
    task_.worker_group = draft.worker_group;
    draft.flow.arena.emplace_back().line = node.line;  // children come behind their parent
  }

  TaskIndex Build() {
    ReadType();
    ReadId();
    for (const YamlEntry& entry : node_.entries) ReadEntry(entry);
    CheckRequired(draft_, node_, TaskProperties(), path_, "a task");
    if (spec_ != nullptr) {
      CheckRequired(draft_, node_, spec_->properties, path_, task_.type);
      CheckTaskShape(draft_, node_, path_, *spec_, task_);
      AddExpressions();
      if (spec_->type == model::kForEachItem) ExpandForEachItem(draft_, node_, path_, task_);
      if (spec_->type == kTemplate) TakeTemplateIn(draft_, node_, path_, task_);
    }
    const TaskIndex index = task_.index;
    draft_.flow.arena[index] = std::move(task_);
    return index;
  }

 private:
  void ReadType() {
    const YamlNode* type = node_.Find("type");
    if (type == nullptr || !type->is_scalar()) return;
    spec_ = draft_.catalog.Find(type->text);
    task_.type = spec_ == nullptr ? type->text : spec_->type;
    if (spec_ != nullptr) {
      task_.role = spec_->role;
      if (spec_->support == model::Support::kNotYet) {
        draft_.Error(*type, path_.Key("type"), "tasks of type `" + task_.type + "` are not supported yet");
        spec_ = nullptr;  // nothing is known of its properties
      }
      return;
    }
    if (draft_.full()) return;
    if (IsKestraTask(type->text)) {
      draft_.Error(*type, path_.Key("type"), "tasks of type `" + type->text + "` of Kestra are not supported yet");
      return;
    }
    std::string message = "unknown task type `" + Shortened(type->text, 120) + '`';
    if (const auto suggestion = draft_.catalog.Suggest(type->text)) message += "; did you mean `" + *suggestion + "`?";
    draft_.Error(*type, path_.Key("type"), std::move(message));
  }

  void ReadId() {
    const YamlNode* id = node_.Find("id");
    if (id == nullptr || !id->is_scalar()) return;
    CheckId(draft_, *id, path_.Key("id"), "_-", kTaskIdMax);
    task_.id = id->text;
    const auto [known, is_new] = draft_.task_ids.emplace(task_.id, task_.index);
    if (is_new) return;
    draft_.Error(*id, path_.Key("id"),
                 "Duplicate task id with name [" + Shortened(task_.id) + "]; it stands first in line " +
                     std::to_string(draft_.flow.arena[known->second].line));
  }

  void ReadEntry(const YamlEntry& entry) {
    const std::string& name = entry.key.text;
    const Path path = path_.Key(name);
    // A type's own property wins over the common one of the same name, as a subclass's would.
    if (spec_ != nullptr) {
      if (const PropertySpec* own = FindProperty(spec_->properties, name)) return ReadOwn(entry, *own, path);
    }
    if (const PropertySpec* common = FindProperty(TaskProperties(), name)) return ReadCommon(entry, *common, path);
    if (draft_.full()) return;
    if (spec_ != nullptr) {
      std::vector<std::string> known = PropertyNames(spec_->properties);
      for (std::string& one : PropertyNames(TaskProperties())) known.push_back(std::move(one));
      std::string message = "unknown property `" + Shortened(name) + "` of " + task_.type;
      std::string suggestion = Suggestion(name, known);
      if (suggestion.empty()) suggestion = Suggestion(name, PropertyNames(spec_->properties));
      draft_.Error(entry.key, path, message + suggestion);
    } else if (LooksLikeTasks(entry.value)) {
      ReadGroup(entry.value, name, path);  // so that what is wrong inside is told at once
    }
  }

  // A default that is an expression stands there as if it were written, so that the task is given what it names. Any other
  // is the task's own.
  void AddExpressions() {
    for (const PropertySpec& one : spec_->properties) {
      const json::string* text = one.default_value.if_string();
      if (text != nullptr && text->find("{{") != json::string::npos && !task_.properties.contains(one.name)) task_.properties[one.name] = *text;
    }
  }

  static bool LooksLikeTasks(const YamlNode& node) {
    return node.is_list() && !node.items.empty() && node.items.front().Find("id") != nullptr &&
           node.items.front().Find("type") != nullptr;
  }

  void ReadOwn(const YamlEntry& entry, const PropertySpec& spec, const Path& path) {
    if (spec.name != entry.key.text && node_.Find(spec.name) != nullptr) {
      draft_.Error(entry.key, path, '`' + entry.key.text + "` is another name of `" + spec.name + "`; give only one");
      return;
    }
    switch (spec.kind) {
      case PropertyKind::kTaskList:
        return ReadGroup(entry.value, spec.name, path, spec.required);
      case PropertyKind::kTaskCases:
        return ReadCases(entry.value, spec, path);
      case PropertyKind::kTask:
        return ReadSingle(entry.value, spec.name, path);
      case PropertyKind::kTaskNodes:
        return ReadNodes(entry.value, spec, path);
      case PropertyKind::kInputs:
        task_.on_resume = BuildInputList(draft_, entry.value, path);
        return;
      default:
        break;
    }
    Value value = CheckValue(draft_, entry.value, spec, path);
    if (!value.is_null()) task_.properties[spec.name] = std::move(value);
  }

  void ReadGroup(const YamlNode& node, const std::string& name, const Path& path, bool required = false) {
    TaskGroup group{.name = name};
    if (required) MustHoldTasks(node, name, path);
    BuildTaskList(draft_, node, path, task_.index, group);
    task_.groups.push_back(std::move(group));
  }

  void ReadNodes(const YamlNode& node, const PropertySpec& spec, const Path& path) {
    TaskGroup group{.name = spec.name};
    if (spec.required) MustHoldTasks(node, spec.name, path);
    BuildTaskNodes(draft_, node, path, task_.index, group);
    task_.groups.push_back(std::move(group));
  }

  void MustHoldTasks(const YamlNode& node, const std::string& name, const Path& path) {
    if (node.is_list() && node.items.empty()) draft_.Error(node, path, '`' + name + "` needs at least one task");
  }

  void ReadCases(const YamlNode& node, const PropertySpec& spec, const Path& path) {
    if (node.is_null()) return;
    if (!node.is_map()) {
      draft_.Error(node, path, "expected a map of names to lists of tasks, got " + KindName(node));
      return;
    }
    for (const YamlEntry& entry : node.entries) {
      ReadGroup(entry.value, spec.name + '.' + entry.key.text, path.Key(entry.key.text));
    }
  }

  void ReadSingle(const YamlNode& node, const std::string& name, const Path& path) {
    if (node.is_null()) return;
    if (!node.is_map()) {
      draft_.Error(node, path, "expected a task, got " + KindName(node));
      return;
    }
    YamlNode list;
    list.kind = YamlNode::Kind::kList;
    list.line = node.line;
    list.column = node.column;
    list.items.push_back(node);
    ReadGroup(draft_.Keep(std::move(list)), name, path);
  }

  void ReadCommon(const YamlEntry& entry, const PropertySpec& spec, const Path& path) {
    const std::string& name = spec.name;
    if (entry.value.is_null()) return;
    if (name == "retry") {
      task_.retry = BuildRetry(draft_, entry.value, path);
      return;
    }
    if (name == "workerGroup") {
      task_.worker_group = BuildWorkerGroup(draft_, entry.value, path);
      return;
    }
    if (name == "pluginDefaultsRef") CheckDefaultsRef(draft_, entry.value, path);
    Value value = CheckValue(draft_, entry.value, spec, path);
    if (name == "taskCache" || name == "assets" || (name == "logToFile" && value == Value(true))) {
      draft_.Warn(entry.key, path, '`' + name + "` is not supported yet and is ignored");
    }
    Assign(name, value);
  }

  void Assign(const std::string& name, const Value& value) {
    if (value.is_null()) return;
    if (name == "description") task_.description = ToText(value);
    if (name == "disabled") task_.disabled = value.get_bool();
    if (name == "allowFailure") task_.allow_failure = value.get_bool();
    if (name == "allowWarning") task_.allow_warning = value.get_bool();
    // An empty condition is false, which an absent one is not.
    if (name == "runIf") task_.run_if = Trim(ToText(value)).empty() ? "false" : ToText(value);
    if (name == "timeout") task_.timeout = ToText(value);
    if (name == "logLevel") task_.log_level = ToText(value);
    if (name == "onWorkerLost" && value == Value("FAIL")) task_.on_worker_lost = model::OnWorkerLost::kFail;
  }

  Draft& draft_;
  const YamlNode& node_;
  const Path& path_;
  const model::TaskTypeSpec* spec_ = nullptr;
  Task task_;
};

}  // namespace

TaskIndex BuildTask(Draft& draft, const YamlNode& node, const Path& path, std::optional<TaskIndex> parent,
                    TaskGroup& group) {
  const TaskIndex index = TaskBuilder(draft, WithDefaults(draft, node), path, parent).Build();
  if (draft.flow.arena[index].disabled) {
    group.has_disabled = true;
  } else {
    group.tasks.push_back(index);
  }
  return index;
}

void BuildTaskList(Draft& draft, const YamlNode& node, const Path& path, std::optional<TaskIndex> parent,
                   TaskGroup& group) {
  if (node.is_null()) return;
  if (!node.is_list()) {
    draft.Error(
        node, path,
        "expected a list of tasks, got " + KindName(node) + (node.is_map() ? "; put `- ` before the task" : ""));
    return;
  }
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    const Path at = path.At(i);
    if (!node.items[i].is_map()) {
      draft.Error(node.items[i], at, "expected a task (a map with `id` and `type`), got " + KindName(node.items[i]));
      continue;
    }
    BuildTask(draft, node.items[i], at, parent, group);
  }
}

}  // namespace headrace::flow
