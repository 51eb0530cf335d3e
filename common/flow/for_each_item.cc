// One ForEachItem as the tasks that it is made of; common/model/for_each_item.h draws them.
#include "common/model/for_each_item.h"

#include "common/flow/flow_parts.h"

namespace headrace::flow {
namespace {

using model::Task;
using model::TaskGroup;
using model::TaskIndex;
using model::TaskRole;

class Expansion {
 public:
  Expansion(Draft& draft, const YamlNode& node, const Path& path, Task& owner)
      : draft_(draft), node_(node), path_(path), owner_(owner) {}

  void Build() {
    const Object own = std::exchange(owner_.properties, Object());
    Copy(own, {"namespace", "flowId"}, owner_.properties);  // for whoever looks at the flow
    const TaskIndex split = Add("_split", model::kItemsSplit, TaskRole::kRunnable, owner_.index);
    const TaskIndex items = Add("_items", model::kItemsExecutable, TaskRole::kFlowable, owner_.index);
    const TaskIndex batch = Add("_items/batch", model::kItemsBatch, TaskRole::kExecutable, items);
    const TaskIndex merge = Add("_merge", model::kItemsMerge, TaskRole::kFlowable, owner_.index);
    const TaskIndex part = Add("_merge/part", model::kItemsPart, TaskRole::kRunnable, merge);
    if (const Value* how = own.if_contains("batch"); how != nullptr && how->is_object()) {
      At(split).properties = how->get_object();
    }
    if (const Value* from = own.if_contains("items")) At(split).properties["from"] = *from;
    Copy(own, {"transmitFailed"}, At(items).properties);
    Copy(own, {"namespace", "flowId", "revision", "inputs", "labels", "wait", "inheritLabels", "restartBehavior"},
         At(batch).properties);
    At(items).groups.push_back({"tasks", {batch}});
    At(merge).groups.push_back({"tasks", {part}});
    owner_.groups.push_back({"tasks", {split, items, merge}});
  }

 private:
  Task& At(TaskIndex index) { return draft_.flow.arena[index]; }

  static void Copy(const Object& from, std::initializer_list<std::string_view> names, Object& to) {
    for (const std::string_view name : names) {
      if (const Value* value = from.if_contains(name)) to[name] = *value;
    }
  }

  TaskIndex Add(const std::string& suffix, std::string_view type, TaskRole role, TaskIndex parent) {
    const auto index = static_cast<TaskIndex>(draft_.flow.arena.size());
    Task& task = draft_.flow.arena.emplace_back();
    task.index = index;
    task.parent = parent;
    task.id = owner_.id + suffix;
    task.type = type;
    task.role = role;
    task.log_level = owner_.log_level;
    task.worker_group = owner_.worker_group;
    task.on_worker_lost = owner_.on_worker_lost;
    task.line = owner_.line;
    task.column = owner_.column;
    if (!model::IsInnerTask(task.id)) CheckIsNew(task.id, index);
    return index;
  }

  void CheckIsNew(const std::string& id, TaskIndex index) {
    const auto [known, is_new] = draft_.task_ids.emplace(id, index);
    if (is_new) return;
    const YamlNode* at = node_.Find("id");
    draft_.Error(at == nullptr ? node_ : *at, path_.Key("id"),
                 "Duplicate task id with name [" + Shortened(id) + "]: a ForEachItem makes a task of this id, and it stands in line " +
                     std::to_string(draft_.flow.arena[known->second].line) + " already");
  }

  Draft& draft_;
  const YamlNode& node_;
  const Path& path_;
  Task& owner_;
};

}  // namespace

void ExpandForEachItem(Draft& draft, const YamlNode& node, const Path& path, Task& task) {
  if (!task.id.empty()) Expansion(draft, node, path, task).Build();
}

}  // namespace headrace::flow
