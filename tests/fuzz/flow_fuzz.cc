// Any bytes as a flow: it is built, or refused with a place for every message.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "common/flow/builder.h"

namespace {

using headrace::model::PropertyKind;
using headrace::model::PropertySpec;
using headrace::model::TaskRole;

headrace::flow::Catalog Types() {
  const auto with = [](const char* name, PropertyKind kind) {
    return PropertySpec{.name = name, .kind = kind, .rendered = false};
  };
  headrace::flow::Catalog catalog;
  catalog.Add({.type = "io.kestra.plugin.core.log.Log",
               .properties = {{.name = "message", .kind = PropertyKind::kAny, .required = true},
                              {.name = "level", .kind = PropertyKind::kEnum, .enum_values = {"INFO", "WARN"}}}});
  catalog.Add({.type = "io.kestra.plugin.core.flow.Dag",
               .role = TaskRole::kFlowable,
               .properties = {with("tasks", PropertyKind::kTaskNodes)}});
  catalog.Add({.type = "io.kestra.plugin.core.flow.Switch",
               .role = TaskRole::kFlowable,
               .properties = {with("value", PropertyKind::kString), with("cases", PropertyKind::kTaskCases),
                              with("defaults", PropertyKind::kTaskList)}});
  catalog.Add({.type = "io.kestra.plugin.core.flow.Pause",
               .role = TaskRole::kFlowable,
               .properties = {with("onPause", PropertyKind::kTask), with("onResume", PropertyKind::kInputs)}});
  catalog.Add(
      {.type = "io.kestra.plugin.core.flow.WorkingDirectory", .properties = {with("tasks", PropertyKind::kTaskList)}});
  return catalog;
}

void MustHavePlaces(const std::vector<headrace::Violation>& violations) {
  for (const headrace::Violation& violation : violations) {
    if (violation.line < 1 || violation.column < 1 || violation.message.empty()) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  static const headrace::flow::Catalog catalog = Types();
  const std::string_view text(reinterpret_cast<const char*>(bytes), size);
  const auto built = headrace::flow::BuildFlows(text, "fuzz.yaml", catalog);
  if (!built) {
    if (built.error().message.empty()) std::abort();
    MustHavePlaces(built.error().violations);
    return 0;
  }
  for (const headrace::flow::BuiltFlow& one : *built) {
    MustHavePlaces(one.warnings);
    if (one.flow->id.empty() || one.flow->arena.empty()) std::abort();
    for (const headrace::model::Task& task : one.flow->arena) {
      if (task.parent && *task.parent >= task.index) std::abort();
    }
  }
  return 0;
}
