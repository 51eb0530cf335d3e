#include <algorithm>

#include "common/flow/flow_parts.h"
#include "common/model/for_each_item.h"

namespace headrace::flow {
namespace {

using model::PropertyKind;
using model::TaskRole;

bool Has(const model::TaskTypeSpec& spec, PropertyKind kind) {
  return std::any_of(spec.properties.begin(), spec.properties.end(),
                     [&](const model::PropertySpec& property) { return property.kind == kind; });
}

// One worker job runs them all, so what steers cannot be among them.
void CheckJobChildren(Draft& draft, const model::Task& task, const Path& path) {
  const model::TaskGroup* group = task.FindGroup("tasks");
  if (group == nullptr) return;
  const std::string field = path.Text() + ".tasks";
  for (const model::TaskIndex index : group->tasks) {
    const model::Task& child = draft.flow.arena[index];
    if (draft.catalog.Find(child.type) == nullptr) continue;  // told already
    if (child.role != TaskRole::kRunnable || !child.groups.empty()) {
      draft.ErrorAt({child.line, child.column}, field,
                    "Only runnable tasks are allowed as children of a WorkingDirectory task; `" + Shortened(child.id) +
                        "` is none");
    } else if (!child.worker_group.empty() && child.worker_group != draft.worker_group) {
      draft.ErrorAt({child.line, child.column}, field,
                    "Cannot set a Worker Group in any WorkingDirectory sub-tasks, it is only supported at the "
                    "WorkingDirectory level");
    } else if (child.on_worker_lost != model::OnWorkerLost::kRetry) {
      draft.ErrorAt({child.line, child.column}, field,
                    "`onWorkerLost` of `" + Shortened(child.id) + "`: one worker runs all tasks of a WorkingDirectory as one job; give it to the "
                    "WorkingDirectory");
    }
  }
}

void CheckCases(Draft& draft, const YamlNode& node, const model::Task& task, const Path& path) {
  const bool any = std::any_of(task.groups.begin(), task.groups.end(), [](const model::TaskGroup& group) {
    const bool branch = group.name != "errors" && group.name != "finally";
    return branch && (group.has_disabled || !group.tasks.empty());
  });
  if (!any) draft.Error(node, path, "No task defined, neither cases or default have any tasks");
}

void CheckOwnFlow(Draft& draft, const YamlNode& node, const model::Task& task, const Path& path) {
  const auto is = [&](std::string_view property, const std::string& text) {
    const Value* value = task.properties.if_contains(property);
    return value != nullptr && ToText(*value) == text;
  };
  if (!is("namespace", draft.flow.ns) || !is("flowId", draft.flow.id)) return;
  const YamlNode* id = node.Find("flowId");
  draft.Error(id == nullptr ? node : *id, path.Key("flowId"),
              "Recursive call to flow [" + draft.flow.ns + '.' + draft.flow.id + ']');
}

// 0 is no limit.
void CheckLimits(Draft& draft, const YamlNode& node, const model::Task& task, const Path& path) {
  for (const std::string_view name : {"concurrent", "concurrencyLimit"}) {
    const Value* limit = task.properties.if_contains(name);
    if (limit == nullptr || !limit->is_int64() || limit->get_int64() >= 0) continue;
    const YamlNode* at = node.Find(name);
    draft.Error(at == nullptr ? node : *at, path.Key(name),
                '`' + std::string(name) + "` must be 0 (no limit) or more, got " + ToText(*limit));
  }
}

void CheckLost(Draft& draft, const YamlNode& node, const model::TaskTypeSpec& spec, const Path& path) {
  const YamlNode* at = node.Find("onWorkerLost");
  if (at == nullptr || spec.role == TaskRole::kRunnable || spec.type == model::kForEachItem) return;
  draft.Warn(*at, path.Key("onWorkerLost"), "no worker runs a " + spec.type + " itself: give `onWorkerLost` to the tasks that do the work");
}

}  // namespace

void CheckTaskShape(Draft& draft, const YamlNode& node, const Path& path, const model::TaskTypeSpec& spec,
                    const model::Task& task) {
  if (spec.role == TaskRole::kRunnable && Has(spec, PropertyKind::kTaskList)) CheckJobChildren(draft, task, path);
  if (Has(spec, PropertyKind::kTaskCases)) CheckCases(draft, node, task, path);
  if (spec.role == TaskRole::kFlowable) CheckLimits(draft, node, task, path);
  CheckLost(draft, node, spec, path);
  CheckScript(draft, node, path, spec.type);
  if (spec.role == TaskRole::kExecutable || spec.type == model::kForEachItem) CheckOwnFlow(draft, node, task, path);
}

}  // namespace headrace::flow
