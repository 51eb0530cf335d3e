// What a task type is: its properties, outputs and docs. Validation, JSON Schema, reference docs and the
// compatibility table are all made from these; a runner or flowable states its spec beside its code.
// Shapes: one TaskTypeSpec a canonical type name; aliases are full names.
// Threads: immutable values.
#pragma once

#include <string>
#include <vector>

#include "common/model/value.h"

namespace headrace::model {

enum class PropertyKind {
  kString, kInteger, kNumber, kBoolean, kDuration, kEnum,
  kList,      // items: `members[0]` if given
  kMap,       // values of any kind
  kObject,    // exactly `members`
  kAny,
  kTask, kTaskList, kTaskCases,  // children: one task (a group of one), a list, a map of name to list
  kTaskNodes,  // children of a Dag: a list of {task, dependsOn}; an ordinary group, ids in Task::depends_on
  kInputs,     // a list of inputs; `onResume` goes to Task::on_resume and stays out of the properties
};

struct PropertySpec {
  std::string name;
  PropertyKind kind = PropertyKind::kString;
  bool required = false;
  bool rendered = true;  // may hold expressions, so a text is accepted for any kind
  std::string doc{};
  Value default_value{};  // null: none
  std::vector<std::string> enum_values{};
  std::vector<PropertySpec> members{};
  std::vector<std::string> aliases{};
  std::string differs{};  // from Kestra, and how; empty: the same
};

enum class TaskRole {
  kRunnable,    // runs on a worker; a kTaskList of one (WorkingDirectory) holds runnable tasks only
  kFlowable,    // steers its children, in the executor
  kExecutable,  // starts other executions (Subflow)
  kUpdating,    // changes its own execution, in the executor (Labels)
};

enum class Support { kSame, kDiffers, kNotYet };

struct TaskTypeSpec {
  std::string type;
  std::vector<std::string> aliases{};
  TaskRole role = TaskRole::kRunnable;
  std::string doc{};
  std::vector<PropertySpec> properties{};
  std::vector<PropertySpec> outputs{};
  Support support = Support::kSame;
  std::string differs{};  // how, when `support` is kDiffers
  std::string example{};  // YAML of one task
};

}  // namespace headrace::model
