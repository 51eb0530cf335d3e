#include "worker/registry.h"

#include "common/base/check.h"
#include "common/model/for_each_item.h"
#include "worker/core/core_tasks.h"
#include "worker/data/storage_tasks.h"
#include "worker/engine/engine_tasks.h"
#include "worker/flow/working_directory_task.h"
#include "worker/github/github_tasks.h"
#include "worker/http/http_tasks.h"
#include "worker/kv/kv_tasks.h"
#include "worker/notify/notify_tasks.h"
#include "worker/script/script_tasks.h"

namespace headrace::worker {

void Registry::Add(TaskType type) {
  const auto shared = std::make_shared<const TaskType>(std::move(type));
  CHECK(by_name_.emplace(shared->spec.type, shared).second);
  for (const std::string& alias : shared->spec.aliases) CHECK(by_name_.emplace(alias, shared).second);
}

const TaskType* Registry::Find(std::string_view type) const {
  const auto at = by_name_.find(type);
  return at == by_name_.end() ? nullptr : at->second.get();
}

std::vector<std::string> Registry::names() const {
  std::vector<std::string> names;
  for (const auto& [name, type] : by_name_) names.push_back(name);
  return names;
}

std::vector<TaskType> BuiltInTasks() {
  std::vector<TaskType> all = CoreTasks();
  for (const auto family : {&ScriptTasks, &HttpTasks, &KvTasks, &StateTasks, &StorageTasks, &ItemTasks, &NamespaceTasks, &ComposingTasks,
                            &ExecutionTasks, &LogTasks, &PurgeTasks, &NotifyTasks, &TriggerTasks,
                            &GithubTasks})
    for (TaskType& type : family()) all.push_back(std::move(type));
  return all;
}

Registry BuiltInRegistry() {
  Registry registry;
  for (TaskType& type : BuiltInTasks()) registry.Add(std::move(type));
  return registry;
}

std::vector<model::TaskTypeSpec> TaskTypeSpecs() {
  std::vector<model::TaskTypeSpec> specs;
  for (TaskType& type : BuiltInTasks()) {
    if (!type.of_trigger && !model::IsMadeType(type.spec.type)) specs.push_back(std::move(type.spec));
  }
  return specs;
}

}  // namespace headrace::worker
