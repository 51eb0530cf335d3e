#include "executor/flowable/spec_parts.h"

namespace headrace::executor {

using model::PropertyKind;
using model::PropertySpec;

PropertySpec TasksProperty() {
  return {.name = "tasks", .kind = PropertyKind::kTaskList, .required = true, .rendered = false,
          .doc = "The tasks to run."};
}

PropertySpec ErrorsProperty() {
  return {.name = "errors", .kind = PropertyKind::kTaskList, .rendered = false,
          .doc = "Run one after the other when one of the tasks has failed."};
}

PropertySpec FinallyProperty() {
  return {.name = "finally", .kind = PropertyKind::kTaskList, .rendered = false,
          .doc = "Run one after the other when the tasks (and errors) are done, failed or not."};
}

PropertySpec ConcurrentProperty() {
  return {.name = "concurrent", .kind = PropertyKind::kInteger,
          .doc = "How many run at the same time; 0 is no limit.", .default_value = 0};
}

}  // namespace headrace::executor
