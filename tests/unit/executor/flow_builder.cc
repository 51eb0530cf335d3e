#include "tests/unit/executor/flow_builder.h"

#include <map>

#include "common/model/for_each_item.h"
#include "executor/program.h"

namespace headrace::executor_test {
namespace {

model::TaskIndex Add(model::Flow& flow, const TaskSpec& spec, std::optional<model::TaskIndex> parent) {
  static const std::map<std::string, std::pair<std::string, model::TaskRole>> kTypes = [] {
    std::map<std::string, std::pair<std::string, model::TaskRole>> types;
    for (const model::TaskTypeSpec& type : executor::TaskTypeSpecs()) {
      types[type.type.substr(type.type.rfind('.') + 1)] = {type.type, type.role};
    }
    return types;
  }();
  const auto index = static_cast<model::TaskIndex>(flow.arena.size());
  model::Task& task = flow.arena.emplace_back();
  task.index = index;
  task.parent = parent;
  task.id = spec.id;
  task.type = "test.Job";
  if (const auto type = kTypes.find(spec.type); type != kTypes.end()) {
    task.type = type->second.first;
    task.role = type->second.second;
  }
  task.properties = spec.properties;
  spec.with(task);
  for (const auto& [name, children] : spec.groups) {
    model::TaskGroup group{name, {}, false};
    for (const TaskSpec& child : children) group.tasks.push_back(Add(flow, child, index));
    flow.arena[index].groups.push_back(std::move(group));
  }
  return index;
}

std::vector<model::TaskIndex> AddAll(model::Flow& flow, const std::vector<TaskSpec>& specs) {
  std::vector<model::TaskIndex> list;
  for (const TaskSpec& spec : specs) list.push_back(Add(flow, spec, std::nullopt));
  return list;
}

}  // namespace

TaskSpec Job(std::string id) { return {std::move(id), "Job"}; }

TaskSpec Make(std::string id, std::string type, Object properties, std::vector<TaskSpec> tasks) {
  TaskSpec spec{std::move(id), std::move(type), std::move(properties)};
  if (!tasks.empty()) spec.groups.emplace_back("tasks", std::move(tasks));
  return spec;
}

TaskSpec Sequential(std::string id, std::vector<TaskSpec> tasks) {
  return Make(std::move(id), "Sequential", {}, std::move(tasks));
}

TaskSpec Parallel(std::string id, std::vector<TaskSpec> tasks, int concurrent) {
  return Make(std::move(id), "Parallel", {{"concurrent", concurrent}}, std::move(tasks));
}

TaskSpec ForEachItem(const std::string& id, Object more) {
  using model::TaskRole;
  const auto made = [&](const std::string& name, std::string_view type, TaskRole role, std::vector<TaskSpec> tasks = {}) {
    return Make(id + name, "", {}, std::move(tasks)).With([type = std::string(type), role](model::Task& task) {
      task.type = type;
      task.role = role;
    });
  };
  TaskSpec batch = made("_items/batch", model::kItemsBatch, TaskRole::kExecutable);
  batch.properties = {{"namespace", "n"}, {"flowId", "child"}};
  for (const auto& [key, value] : more) batch.properties[key] = value;
  TaskSpec items = made("_items", model::kItemsExecutable, TaskRole::kFlowable, {batch});
  if (const Value* transmit = more.if_contains("transmitFailed")) items.properties["transmitFailed"] = *transmit;
  return Make(id, "ForEachItem", {},
              {made("_split", model::kItemsSplit, TaskRole::kRunnable), items,
               made("_merge", model::kItemsMerge, TaskRole::kFlowable,
                    {made("_merge/part", model::kItemsPart, TaskRole::kRunnable)})});
}

model::FlowPtr Build(FlowSpec spec) {
  auto flow = std::make_shared<model::Flow>();
  flow->ns = "company.team";
  flow->id = "flow";
  flow->tasks = AddAll(*flow, spec.tasks);
  flow->errors = AddAll(*flow, spec.errors);
  flow->finally = AddAll(*flow, spec.finally);
  flow->after_execution = AddAll(*flow, spec.after_execution);
  flow->outputs = std::move(spec.outputs);
  flow->variables = std::move(spec.variables);
  flow->retry = spec.retry;
  flow->slas = std::move(spec.slas);
  return flow;
}

}  // namespace headrace::executor_test
