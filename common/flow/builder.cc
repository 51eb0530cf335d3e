#include "common/flow/builder.h"

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>

#include "common/base/hash.h"
#include "common/flow/flow_parts.h"
#include "common/flow/flow_specs.h"
#include "common/flow/property_checks.h"
#include "common/flow/templates.h"

namespace headrace::flow {
namespace {

constexpr std::size_t kFlowIdMax = 100;
constexpr std::size_t kNamespaceMax = 150;

std::string Count(std::size_t count, std::string_view word) {
  return std::to_string(count) + ' ' + std::string(word) + (count == 1 ? "" : "s");
}

Error Faults(const std::string& file, std::vector<Violation> violations) {
  const std::string name = file.empty() ? "the flow" : file;
  return {Code::kInvalidArgument, name + " is not valid: " + Count(violations.size(), "error"), std::move(violations)};
}

void SortByPlace(std::vector<Violation>& violations) {
  std::stable_sort(violations.begin(), violations.end(), [](const Violation& a, const Violation& b) {
    return std::pair(a.line, a.column) < std::pair(b.line, b.column);
  });
  violations.erase(std::unique(violations.begin(), violations.end()), violations.end());
}

void CheckNamespace(Draft& draft, const YamlNode& node, const Path& path) {
  const std::string& ns = node.text;
  const auto small = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  bool fits = !ns.empty() && small(ns.front());
  for (const char c : ns) fits = fits && (small(c) || c == '.' || c == '_' || c == '-');
  if (!fits) {
    draft.Error(node, path,
                '`' + Shortened(ns) +
                    "` must begin with a small letter or digit and hold only small letters, digits, . _ and -");
  } else if (ns.size() > kNamespaceMax) {
    draft.Error(node, path,
                "the namespace has " + std::to_string(ns.size()) + " characters; at most " +
                    std::to_string(kNamespaceMax) + " are allowed");
  }
}

class FlowReader {
 public:
  FlowReader(Draft& draft, const YamlNode& root) : draft_(draft), root_(root) {}

  void Read() {
    if (!root_.is_map()) {
      draft_.Error(root_, top_,
                   root_.is_null() ? "the document is empty; a flow needs `id`, `namespace` and `tasks`"
                                   : "expected a flow (a map), got " + KindName(root_));
      return;
    }
    // Tasks need what these say, wherever they stand.
    if (const YamlNode* group = root_.Find("workerGroup")) {
      draft_.worker_group = BuildWorkerGroup(draft_, *group, top_.Key("workerGroup"));
    }
    for (const std::string_view name : {"pluginDefaults", "taskDefaults"}) {
      if (const YamlNode* defaults = root_.Find(name)) ReadPluginDefaults(draft_, *defaults, top_.Key(name));
    }
    // A Subflow is told apart from its own flow while it is read.
    if (const YamlNode* id = root_.Find("id"); id != nullptr) draft_.flow.id = id->text;
    if (const YamlNode* ns = root_.Find("namespace"); ns != nullptr) draft_.flow.ns = ns->text;
    for (const YamlEntry& entry : root_.entries) ReadEntry(entry);
    if (const YamlNode* triggers = root_.Find("triggers"); triggers != nullptr && triggers->is_list()) {
      CheckTriggerInputs(draft_, *triggers, top_.Key("triggers"));
    }
    CheckRequired(draft_, root_, FlowProperties(), top_, "a flow");
    CheckExpressions(draft_);
    AdviseOnScripts(draft_);
  }

 private:
  void ReadEntry(const YamlEntry& entry) {
    const std::string& name = entry.key.text;
    const Path path = top_.Key(name);
    const model::PropertySpec* spec = FindProperty(FlowProperties(), name);
    if (spec == nullptr) return Unknown(entry, path);
    if (entry.value.is_null()) return;
    if (ReadTasks(name, entry.value, path) || ReadPart(name, entry.value, path)) return;
    Assign(name, entry.value, path, CheckValue(draft_, entry.value, *spec, path));
  }

  void Unknown(const YamlEntry& entry, const Path& path) {
    if (draft_.full()) return;
    std::string message = "unknown property `" + Shortened(entry.key.text) + "` of a flow";
    if (entry.key.text == "timeout") {
      message += "; a flow has no timeout: give its tasks one";
    } else {
      message += Suggestion(entry.key.text, PropertyNames(FlowProperties()));
    }
    draft_.Error(entry.key, path, std::move(message));
  }

  bool ReadTasks(const std::string& name, const YamlNode& node, const Path& path) {
    std::vector<model::TaskIndex>* list = nullptr;
    if (name == "tasks") list = &draft_.flow.tasks;
    if (name == "errors") list = &draft_.flow.errors;
    if (name == "finally") list = &draft_.flow.finally;
    if (name == "afterExecution") list = &draft_.flow.after_execution;
    if (list == nullptr) return false;
    if (name == "tasks" && node.is_list() && node.items.empty())
      draft_.Error(node, path, "`tasks` needs at least one task");
    model::TaskGroup group{.name = name};
    BuildTaskList(draft_, node, path, std::nullopt, group);
    *list = std::move(group.tasks);
    return true;
  }

  bool ReadPart(const std::string& name, const YamlNode& node, const Path& path) {
    model::Flow& flow = draft_.flow;
    if (name == "labels") {
      flow.labels = BuildLabels(draft_, node, path);
    } else if (name == "inputs") {
      flow.inputs = BuildInputList(draft_, node, path);
    } else if (name == "outputs") {
      BuildOutputs(draft_, node, path);
    } else if (name == "retry") {
      flow.retry = BuildRetry(draft_, node, path);
    } else if (name == "concurrency") {
      flow.concurrency = BuildConcurrency(draft_, node, path);
    } else if (name == "checks") {
      flow.checks = BuildChecks(draft_, node, path);
    } else if (name == "sla") {
      flow.slas = BuildSlas(draft_, node, path);
    } else if (name == "listeners") {
      BuildListeners(draft_, node, path);
    } else if (name == "triggers") {
      flow.triggers = BuildTriggers(draft_, node, path);
    } else {
      return name == "pluginDefaults" || name == "taskDefaults" || name == "workerGroup";
    }
    return true;
  }

  void Assign(const std::string& name, const YamlNode& node, const Path& path, Value value) {
    model::Flow& flow = draft_.flow;
    if (value.is_null()) return;
    if (name == "id") {
      CheckId(draft_, node, path, "._-", kFlowIdMax);
      flow.id = node.text;
    } else if (name == "namespace") {
      CheckNamespace(draft_, node, path);
      flow.ns = node.text;
    } else if (name == "description") {
      flow.description = ToText(value);
    } else if (name == "disabled") {
      flow.disabled = value.get_bool();
    } else if (name == "variables") {
      flow.variables = std::move(value.as_object());
    } else if (name == "revision" && value.is_int64() && value.get_int64() < 1) {
      draft_.Error(node, path, "`revision` must be at least 1; leave it out, the server counts");
    }
  }

  Draft& draft_;
  const YamlNode& root_;
  const Path top_{};
};

struct Origin {
  int first_line = 1;
  int revision = 1;
  const TemplateBook* templates = nullptr;
  std::string_view stored{};  // empty: it was not
};

Result<BuiltFlow> BuildAt(std::string_view source, const std::string& file, const Catalog& catalog, const Origin& origin) {
  const std::string_view text = source.starts_with("\xef\xbb\xbf") ? source.substr(3) : source;
  if (HoldsStoredMark(text)) {
    return InvalidArgument(file + ": a comment of this flow is one that headrace writes before templates; leave out all behind it");
  }
  ASSIGN_OR_RETURN(const YamlNode root, ParseYaml(text, file, {}, origin.first_line));
  Draft draft(text, file, catalog);
  draft.templates = origin.templates;
  FlowReader(draft, root).Read();
  SortByPlace(draft.errors);
  SortByPlace(draft.warnings);
  SortByPlace(draft.advice);
  if (!draft.errors.empty()) return Fail(Faults(file, std::move(draft.errors)));
  draft.flow.revision = origin.revision;
  std::string stored = origin.stored.empty() ? JoinStored(source, draft.taken) : std::string(origin.stored);
  draft.flow.digest = Sha256Hex(stored);
  draft.flow.source = source;
  return BuiltFlow{std::make_shared<const model::Flow>(std::move(draft.flow)), std::move(draft.warnings), std::move(stored),
                   std::move(draft.advice)};
}

void CheckDistinct(const std::vector<BuiltFlow>& flows, const std::vector<YamlSlice>& slices, const std::string& file,
                   std::vector<Violation>& violations) {
  std::set<std::pair<std::string, std::string>> seen;
  for (std::size_t i = 0; i < flows.size(); ++i) {
    const model::Flow& flow = *flows[i].flow;
    if (seen.emplace(flow.ns, flow.id).second) continue;
    violations.push_back(
        {"id", "the flow `" + flow.ns + '.' + flow.id + "` stands twice in this file", slices[i].first_line, 1, file});
  }
}

}  // namespace

Result<BuiltFlow> BuildFlow(std::string_view source, const std::string& file, const Catalog& catalog, int revision) {
  return BuildAt(source, file, catalog, {.revision = revision, .templates = catalog.templates()});
}

Result<BuiltFlow> BuildStored(std::string_view stored, const std::string& file, const Catalog& catalog, int revision) {
  const auto [own, behind] = SplitStored(stored);
  TemplateBook templates;
  if (!behind.empty()) {
    for (const YamlSlice& slice : SplitDocuments(behind)) {
      RETURN_IF_ERROR(templates.Add(slice.text, file + " (its templates)", catalog));
    }
  }
  return BuildAt(own, file, catalog,
                 {.revision = revision, .templates = behind.empty() ? catalog.templates() : &templates, .stored = stored});
}

Result<std::vector<BuiltFlow>> BuildFlows(std::string_view source, const std::string& file, const Catalog& catalog) {
  const std::vector<YamlSlice> slices = SplitDocuments(source);
  std::vector<BuiltFlow> flows;
  if (slices.size() <= 1) {
    ASSIGN_OR_RETURN(BuiltFlow only, BuildFlow(source, file, catalog));
    flows.push_back(std::move(only));
    return flows;
  }
  std::vector<Violation> violations;
  for (const YamlSlice& slice : slices) {
    auto built = BuildAt(slice.text, file, catalog, {.first_line = slice.first_line, .templates = catalog.templates()});
    if (built) {
      flows.push_back(*std::move(built));
    } else if (built.error().violations.empty()) {
      return Fail(std::move(built.error()));
    } else {
      for (Violation& violation : built.error().violations) violations.push_back(std::move(violation));
    }
  }
  if (violations.empty()) CheckDistinct(flows, slices, file, violations);
  if (!violations.empty()) return Fail(Faults(file, std::move(violations)));
  return flows;
}

Result<std::vector<BuiltFlow>> LoadFlowFile(const std::string& path, const Catalog& catalog) {
  std::ifstream stream(path, std::ios::binary | std::ios::ate);
  if (!stream) return NotFound("cannot open the flow file " + path);
  const auto size = static_cast<std::size_t>(std::max<std::streamoff>(stream.tellg(), 0));
  const std::size_t limit = YamlLimits{}.bytes;
  if (size > limit) {
    return Fail(Code::kResourceExhausted,
                path + " has " + std::to_string(size) + " bytes; the limit is " + std::to_string(limit));
  }
  std::string source(size, '\0');
  stream.seekg(0);
  if (!stream.read(source.data(), static_cast<std::streamsize>(size))) {
    return Fail(Code::kUnavailable, "cannot read the flow file " + path);
  }
  return BuildFlows(source, path, catalog);
}

}  // namespace headrace::flow
