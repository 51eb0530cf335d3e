#include "worker/kv/kv_tasks.h"

#include <algorithm>
#include <cctype>

#include "common/base/text.h"
#include "worker/files/glob.h"
#include "worker/files/places.h"
#include "worker/function_runner.h"
#include "worker/kv/kv_store.h"

namespace headrace::worker {
namespace {

using model::PropertyKind;
using model::PropertySpec;

const std::string kPrefix = "io.kestra.plugin.core.kv.";
const std::vector<std::string> kTypes = {"STRING", "NUMBER", "BOOLEAN", "DATETIME", "DATE", "DURATION", "JSON"};

KvStore Store(TaskContext& context) { return {context.services().storage, context.services().clock}; }

Result<std::string> Namespace(TaskContext& context) {
  ASSIGN_OR_RETURN(const auto ns, context.Text("namespace"));
  return ns.value_or(context.order().ns);
}

bool IsDate(std::string_view text) {
  const auto digits = [&](std::size_t from, std::size_t count) {
    for (std::size_t i = from; i < from + count; ++i)
      if (text[i] < '0' || text[i] > '9') return false;
    return true;
  };
  return text.size() == 10 && text[4] == '-' && text[7] == '-' && digits(0, 4) && digits(5, 2) && digits(8, 2) &&
         ParseInstant(std::string(text) + "T00:00:00Z").has_value();
}

// As Boolean.parseBoolean: everything else is false.
bool IsTrue(std::string_view text) {
  static constexpr std::string_view kTrue = "true";
  return text.size() == kTrue.size() &&
         std::equal(kTrue.begin(), kTrue.end(), text.begin(),
                    [](char a, char b) { return a == std::tolower(static_cast<unsigned char>(b)); });
}

// A text as the wanted type says; other values stay what they are.
Result<Value> Typed(Value value, const std::string& type) {
  if (type == "STRING") return value.is_number() || value.is_bool() ? Value(json::string(ToText(value))) : value;
  if (!value.is_string()) return value;
  const std::string text = ToText(value);
  const auto refuse = [&] { return InvalidArgument("value: '" + text + "' is no " + type); };
  if (type == "BOOLEAN") return Value(IsTrue(text));
  if (type == "JSON" || type == "NUMBER") {
    auto parsed = ParseJson(text);
    if (!parsed || (type == "NUMBER" && !parsed->is_number())) return refuse();
    return std::move(*parsed);
  }
  if (type == "DATETIME") {
    // As java.time.Instant prints it: no fraction when there is none.
    auto at = ParseInstant(text);
    if (!at) return refuse();
    std::string shown = FormatInstant(*at);
    if (shown.ends_with(".000000Z")) shown.replace(shown.size() - 8, 8, "Z");
    else if (shown.ends_with("000Z")) shown.replace(shown.size() - 4, 4, "Z");
    return Value(json::string(shown));
  }
  if (type == "DURATION") {
    auto span = ParseDuration(text);
    if (!span) return refuse();
    return Value(json::string(FormatDuration(*span)));
  }
  if (type == "DATE" && !IsDate(text)) return refuse();
  return value;
}

std::string TypeOf(const Value& value) {
  if (value.is_number()) return "NUMBER";
  if (value.is_bool()) return "BOOLEAN";
  return value.is_object() || value.is_array() ? "JSON" : "STRING";
}

Result<TaskOutcome> RunSet(TaskContext& context) {
  ASSIGN_OR_RETURN(const std::string ns, Namespace(context));
  ASSIGN_OR_RETURN(const std::string key, context.RequiredText("key"));
  ASSIGN_OR_RETURN(Value value, context.Render("value"));
  ASSIGN_OR_RETURN(const auto type, context.Text("kvType"));
  ASSIGN_OR_RETURN(const bool overwrite, context.Bool("overwrite", true));
  ASSIGN_OR_RETURN(const auto ttl, context.Span("ttl"));
  ASSIGN_OR_RETURN(const auto description, context.Text("kvDescription"));
  KvStore::Entry entry{.description = description.value_or("")};
  if (type) {
    ASSIGN_OR_RETURN(value, Typed(std::move(value), *type));
  }
  entry.type = type.value_or(TypeOf(value));
  entry.value = std::move(value);
  if (ttl) entry.expires = context.services().clock.Now() + *ttl;
  RETURN_IF_ERROR(Store(context).Put(ns, key, std::move(entry), overwrite));
  return TaskOutcome::Success();
}

tl::unexpected<Error> Missing(const std::string& key, const std::string& ns) {
  return NotFound("No value found for key '" + key + "' in namespace '" + ns + "' and `errorOnMissing` is set to true");
}

Result<TaskOutcome> RunPut(TaskContext& context) {
  ASSIGN_OR_RETURN(const std::string ns, Namespace(context));
  ASSIGN_OR_RETURN(const std::string key, context.RequiredText("key"));
  ASSIGN_OR_RETURN(Value value, context.Render("value"));
  ASSIGN_OR_RETURN(const bool strict, context.Bool("errorOnMissing", false));
  const KvStore store = Store(context);
  if (strict) {
    ASSIGN_OR_RETURN(const auto before, store.Get(ns, key));
    if (!before) return Missing(key, ns);
  }
  std::string type = TypeOf(value);
  RETURN_IF_ERROR(store.Put(ns, key, {.type = std::move(type), .value = std::move(value)}));
  return TaskOutcome::Success();
}

Result<TaskOutcome> RunGet(TaskContext& context) {
  ASSIGN_OR_RETURN(const std::string ns, Namespace(context));
  ASSIGN_OR_RETURN(const std::string key, context.RequiredText("key"));
  ASSIGN_OR_RETURN(const bool strict, context.Bool("errorOnMissing", false));
  const KvStore store = Store(context);
  // A flow sees the keys of the namespaces above its own.
  ASSIGN_OR_RETURN(auto entry, ns == context.order().ns ? store.Find(ns, key) : store.Get(ns, key));
  if (!entry && strict) return Missing(key, ns);
  return TaskOutcome::Success({{"value", entry ? std::move(entry->value) : Value()}});
}

Result<TaskOutcome> RunDelete(TaskContext& context) {
  ASSIGN_OR_RETURN(const std::string ns, Namespace(context));
  ASSIGN_OR_RETURN(const std::string key, context.RequiredText("key"));
  ASSIGN_OR_RETURN(const bool strict, context.Bool("errorOnMissing", false));
  ASSIGN_OR_RETURN(const bool deleted, Store(context).Delete(ns, key));
  if (!deleted && strict) return Missing(key, ns);
  return TaskOutcome::Success({{"deleted", deleted}});
}

Result<TaskOutcome> RunGetKeys(TaskContext& context) {
  ASSIGN_OR_RETURN(const std::string ns, Namespace(context));
  ASSIGN_OR_RETURN(const auto prefix, context.Text("prefix"));
  ASSIGN_OR_RETURN(const auto keys, Store(context).Keys(ns, prefix.value_or("")));
  Array list;
  for (const std::string& key : keys) list.emplace_back(key);
  return TaskOutcome::Success({{"keys", std::move(list)}});
}

// Where keys are looked for: folders of namespaces, and whether those below count.
struct PurgePlan {
  std::vector<std::string> namespaces{};  // none: all
  std::optional<Glob> pattern{};
  bool children = true;

  bool Wants(const std::string& folder) const {
    std::string ns = folder;
    std::replace(ns.begin(), ns.end(), '/', '.');
    if (pattern) return pattern->Matches(folder) || pattern->Matches(ns);
    if (namespaces.empty()) return true;
    return std::any_of(namespaces.begin(), namespaces.end(), [&](const std::string& wanted) {
      return ns == wanted || (children && ns.starts_with(wanted + "."));
    });
  }
};

Result<TaskOutcome> RunPurge(TaskContext& context) {
  PurgePlan plan;
  ASSIGN_OR_RETURN(plan.namespaces, context.Texts("namespaces"));
  ASSIGN_OR_RETURN(const auto pattern, context.Text("namespacePattern"));
  if (pattern) plan.pattern.emplace(*pattern);
  ASSIGN_OR_RETURN(plan.children, context.Bool("includeChildNamespaces", true));
  ASSIGN_OR_RETURN(const auto key_pattern, context.Text("keyPattern"));
  ASSIGN_OR_RETURN(const Value behavior, context.Render("behavior"));
  if (const Value* type = Member(behavior, "type"); type != nullptr && ToText(*type) != "key")
    return InvalidArgument("behavior: keys have one version here; only {type: key} is known");
  ASSIGN_OR_RETURN(bool expired_only, context.Bool("expiredOnly", true));
  if (const Value* only = Member(behavior, "expiredOnly")) expired_only = IsTruthy(ToText(*only));
  const std::optional<Glob> keys = key_pattern ? std::optional<Glob>(*key_pattern) : std::nullopt;
  const Storage& storage = context.services().storage;
  const KvStore store = Store(context);
  ASSIGN_OR_RETURN(const auto files, storage.List(""));
  std::int64_t size = 0;
  for (const StoredFile& file : files) {
    const std::size_t at = file.place.find("/_kv/");
    if (at == std::string::npos || file.place.find('/', at + 5) != std::string::npos) continue;
    if (IsExecutionFile(file.place) || IsNamespaceFile(file.place) || !plan.Wants(file.place.substr(0, at))) continue;
    if (keys && !keys->Matches(file.place.substr(at + 5))) continue;
    if (expired_only) {
      ASSIGN_OR_RETURN(const bool expired, store.Expired(file.place));
      if (!expired) continue;
    }
    ASSIGN_OR_RETURN(const bool deleted, storage.Delete(file.place));
    size += deleted ? 1 : 0;
  }
  context.Log("INFO", "purged " + std::to_string(size) + " keys");
  return TaskOutcome::Success({{"size", size}});
}

PropertySpec KeyProperty() { return {.name = "key", .required = true, .doc = "The key."}; }
PropertySpec NamespaceProperty() {
  return {.name = "namespace", .doc = "The namespace.", .default_value = "{{ flow.namespace }}"};
}
PropertySpec MissingProperty() {
  return {.name = "errorOnMissing", .kind = PropertyKind::kBoolean, .doc = "Fail when the key is not there.", .default_value = false};
}
std::string Example(const std::string& name, const std::string& rest) { return "id: kv\ntype: " + kPrefix + name + "\n" + rest; }

model::TaskTypeSpec SetSpec() {
  return {.type = kPrefix + "Set",
          .doc = "Sets a key of a namespace.",
          .properties = {KeyProperty(),
                         {.name = "value", .kind = PropertyKind::kAny, .required = true, .doc = "The value."},
                         NamespaceProperty(),
                         {.name = "overwrite", .kind = PropertyKind::kBoolean, .doc = "Replace what is there; else fail.", .default_value = true},
                         {.name = "ttl", .kind = PropertyKind::kDuration, .doc = "How long it is kept; absent: for ever."},
                         {.name = "kvType", .kind = PropertyKind::kEnum, .doc = "How a text is read.", .enum_values = kTypes},
                         {.name = "kvDescription", .doc = "For people."}},
          .example = Example("Set", "key: version\nvalue: \"{{ inputs.version }}\"\n")};
}

model::TaskTypeSpec PurgeSpec() {
  return {.type = kPrefix + "PurgeKV",
          .doc = "Removes keys, by default the expired ones of all namespaces.",
          .properties = {{.name = "keyPattern", .doc = "A glob."},
                         {.name = "namespaces", .kind = PropertyKind::kList, .doc = "Of these; absent: all.", .members = {{.name = "namespace"}}},
                         {.name = "namespacePattern", .doc = "A glob."},
                         {.name = "behavior", .kind = PropertyKind::kAny, .doc = "{type: key, expiredOnly: true}."},
                         {.name = "includeChildNamespaces", .kind = PropertyKind::kBoolean, .doc = "Those below too.", .default_value = true},
                         {.name = "expiredOnly", .kind = PropertyKind::kBoolean, .doc = "Deprecated: use behavior."}},
          .outputs = {{.name = "size", .kind = PropertyKind::kInteger, .doc = "How many keys went."}},
          .support = model::Support::kDiffers,
          .differs = "Keys have one version: the behavior `version` is refused.",
          .example = Example("PurgeKV", "namespaces:\n  - company\n")};
}

}  // namespace

std::vector<TaskType> KvTasks() {
  std::vector<TaskType> types;
  types.push_back(MakeType(SetSpec(), RunSet));
  types.push_back(MakeType({.type = kPrefix + "Put", .doc = "Sets a key of a namespace to a value of any type.",
                            .properties = {KeyProperty(), {.name = "value", .kind = PropertyKind::kAny, .required = true, .doc = "The value."},
                                           NamespaceProperty(), MissingProperty()},
                            .example = Example("Put", "key: version\nvalue: {a: 1}\n")}, RunPut));
  types.push_back(MakeType({.type = kPrefix + "Get", .doc = "Reads a key, also of the namespaces above.",
                            .properties = {KeyProperty(), NamespaceProperty(), MissingProperty()},
                            .outputs = {{.name = "value", .kind = PropertyKind::kAny, .doc = "Null when there is no such key."}},
                            .example = Example("Get", "key: version\n")}, RunGet));
  types.push_back(MakeType({.type = kPrefix + "Delete", .doc = "Deletes a key.",
                            .properties = {KeyProperty(), NamespaceProperty(), MissingProperty()},
                            .outputs = {{.name = "deleted", .kind = PropertyKind::kBoolean, .doc = "Whether it was there."}},
                            .example = Example("Delete", "key: version\n")}, RunDelete));
  types.push_back(MakeType({.type = kPrefix + "GetKeys", .doc = "Lists the keys of a namespace.",
                            .properties = {{.name = "prefix", .doc = "Only keys that begin so."}, NamespaceProperty()},
                            .outputs = {{.name = "keys", .kind = PropertyKind::kList, .doc = "Sorted."}},
                            .example = Example("GetKeys", "prefix: release\n")}, RunGetKeys));
  types.push_back(MakeType(PurgeSpec(), RunPurge));
  return types;
}

}  // namespace headrace::worker
