// The legacy state store: one JSON map a name, kept among the keys of the namespace as Kestra keeps it.
#include "common/base/hash.h"
#include "worker/function_runner.h"
#include "worker/kv/kv_store.h"
#include "worker/kv/kv_tasks.h"

namespace headrace::worker {
namespace {

using model::PropertyKind;
using model::PropertySpec;

const std::string kPrefix = "io.kestra.plugin.core.state.";
const std::string kOld = "io.kestra.core.tasks.states.";

KvStore Store(TaskContext& context) { return {context.services().storage, context.services().clock}; }

// <flow>_states_<name>_<hash of the loop's value>; without the flow when the whole namespace shares it.
Result<std::string> KeyOf(TaskContext& context) {
  ASSIGN_OR_RETURN(const auto name, context.Text("name"));
  ASSIGN_OR_RETURN(const bool whole_namespace, context.Bool("namespace", false));
  ASSIGN_OR_RETURN(const bool by_value, context.Bool("taskrunValue", true));
  std::string key = (whole_namespace ? "" : context.order().flow_id + "_") + "states_" + name.value_or("default");
  const Value* value = AtPath(context.variables(), "taskrun.value");
  if (by_value && value != nullptr && !value->is_null()) key += "_" + Sha256Hex(ToText(*value)).substr(0, 32);
  return key;
}

std::int64_t CountOf(const Value& data) { return data.is_object() ? static_cast<std::int64_t>(data.get_object().size()) : 0; }

// Maps inside are merged, other values replaced.
void Merge(Object& into, const Object& from) {
  for (const auto& [key, value] : from) {
    Value& known = into[key];
    if (known.is_object() && value.is_object()) Merge(known.get_object(), value.get_object());
    else known = value;
  }
}

Result<TaskOutcome> RunSet(TaskContext& context) {
  ASSIGN_OR_RETURN(const std::string key, KeyOf(context));
  ASSIGN_OR_RETURN(const Object data, context.Map("data"));
  Object merged;
  RETURN_IF_ERROR(Store(context).Update(context.order().ns, key, [&](const KvStore::Entry* before) {
    if (before != nullptr && before->value.is_object()) merged = before->value.get_object();
    Merge(merged, data);
    return KvStore::Entry{.type = "JSON", .value = merged};
  }));
  return TaskOutcome::Success({{"count", merged.size()}, {"key", key}});
}

Result<TaskOutcome> RunGet(TaskContext& context) {
  ASSIGN_OR_RETURN(const std::string key, KeyOf(context));
  ASSIGN_OR_RETURN(const bool strict, context.Bool("errorOnMissing", false));
  ASSIGN_OR_RETURN(auto entry, Store(context).Get(context.order().ns, key));
  if (!entry && strict) return NotFound("State " + key + " not found.");
  if (!entry) return TaskOutcome::Success({{"count", 0}});
  const std::int64_t count = CountOf(entry->value);
  return TaskOutcome::Success({{"count", count}, {"data", std::move(entry->value)}});
}

Result<TaskOutcome> RunDelete(TaskContext& context) {
  ASSIGN_OR_RETURN(const std::string key, KeyOf(context));
  ASSIGN_OR_RETURN(const bool strict, context.Bool("errorOnMissing", false));
  ASSIGN_OR_RETURN(const bool deleted, Store(context).Delete(context.order().ns, key));
  if (!deleted && strict) return NotFound("State " + key + " not found.");
  return TaskOutcome::Success({{"deleted", deleted}});
}

model::TaskTypeSpec Spec(const std::string& name, std::string doc, std::vector<PropertySpec> more, std::vector<PropertySpec> outputs) {
  more.push_back({.name = "name", .doc = "Of the state.", .default_value = "default"});
  more.push_back({.name = "namespace", .kind = PropertyKind::kBoolean, .doc = "Shared by the flows of the namespace.", .default_value = false});
  more.push_back({.name = "taskrunValue", .kind = PropertyKind::kBoolean, .doc = "One state a value of the loop.", .default_value = true});
  return {.type = kPrefix + name, .aliases = {kOld + name}, .doc = std::move(doc), .properties = std::move(more),
          .outputs = std::move(outputs), .example = "id: state\ntype: " + kPrefix + name + "\n"};
}

PropertySpec MissingProperty() {
  return {.name = "errorOnMissing", .kind = PropertyKind::kBoolean, .doc = "Fail when there is none.", .default_value = false};
}

}  // namespace

std::vector<TaskType> StateTasks() {
  std::vector<TaskType> types;
  types.push_back(MakeType(
      Spec("Set", "Merges data into a state. Deprecated: use kv.Set.",
           {{.name = "data", .kind = PropertyKind::kMap, .doc = "Merged into what is there."}},
           {{.name = "count", .kind = PropertyKind::kInteger, .doc = "Of its keys."}, {.name = "key", .doc = "Where it is kept."}}),
      RunSet));
  types.push_back(MakeType(
      Spec("Get", "Reads a state. Deprecated: use kv.Get.", {MissingProperty()},
           {{.name = "count", .kind = PropertyKind::kInteger, .doc = "Of its keys."}, {.name = "data", .kind = PropertyKind::kMap, .doc = "The state."}}),
      RunGet));
  types.push_back(MakeType(Spec("Delete", "Deletes a state. Deprecated: use kv.Delete.", {MissingProperty()},
                                {{.name = "deleted", .kind = PropertyKind::kBoolean, .doc = "Whether it was there."}}),
                           RunDelete));
  return types;
}

}  // namespace headrace::worker
