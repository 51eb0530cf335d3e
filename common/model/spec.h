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
  kTask, kTaskList, kTaskCases,  // children: one task, a list, a map of name to list
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
};

enum class TaskRole {
  kRunnable,    // runs on a worker
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
