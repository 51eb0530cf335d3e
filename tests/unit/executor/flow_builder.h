// Flows built by hand, so that tests of the executor need no YAML.
// Shapes: a TaskSpec is a tree; Build puts it into a flow's arena. Types are named by their last part ("Parallel").
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/model/flow.h"

namespace headrace::executor_test {

struct TaskSpec {
  std::string id;
  std::string type;
  Object properties{};
  std::vector<std::pair<std::string, std::vector<TaskSpec>>> groups{};
  std::function<void(model::Task&)> with = [](model::Task&) {};

  TaskSpec&& Group(std::string name, std::vector<TaskSpec> tasks) && {
    groups.emplace_back(std::move(name), std::move(tasks));
    return std::move(*this);
  }
  TaskSpec&& Errors(std::vector<TaskSpec> tasks) && { return std::move(*this).Group("errors", std::move(tasks)); }
  TaskSpec&& Finally(std::vector<TaskSpec> tasks) && { return std::move(*this).Group("finally", std::move(tasks)); }
  TaskSpec&& With(std::function<void(model::Task&)> change) && {
    with = std::move(change);
    return std::move(*this);
  }
};

TaskSpec Job(std::string id);  // a runnable task
TaskSpec Make(std::string id, std::string type, Object properties, std::vector<TaskSpec> tasks = {});
TaskSpec Sequential(std::string id, std::vector<TaskSpec> tasks);
TaskSpec Parallel(std::string id, std::vector<TaskSpec> tasks, int concurrent = 0);
// With the tasks that common/flow makes of it; `more` goes to the batches and, transmitFailed, to <id>_items.
TaskSpec ForEachItem(const std::string& id, Object more = {});

struct FlowSpec {
  std::vector<TaskSpec> tasks{};
  std::vector<TaskSpec> errors{};
  std::vector<TaskSpec> finally{};
  std::vector<TaskSpec> after_execution{};
  std::vector<model::OutputSpec> outputs{};
  Object variables{};
  std::optional<model::RetryPolicy> retry{};
  std::vector<model::Sla> slas{};
};

model::FlowPtr Build(FlowSpec spec);

}  // namespace headrace::executor_test
