#include <ostream>
#include <utility>

#include "cli/commands/arguments.h"
#include "cli/commands/catalog.h"
#include "cli/commands/flow_verbs.h"
#include "cli/exit_code.h"
#include "cli/output/lines.h"
#include "cli/output/table.h"
#include "common/base/clock.h"
#include "common/expr/template.h"
#include "common/flow/builder.h"
#include "common/flow/graph.h"
#include "common/flow/inputs.h"
#include "common/flow/schema.h"
#include "common/flow/yaml.h"

namespace headrace::cli {
namespace {

Result<std::vector<model::FlowPtr>> LoadFlows(Context& context, const std::string& path, const std::vector<std::string>& templates) {
  ASSIGN_OR_RETURN(const std::vector<FlowText> texts, ReadFlowTexts({path}, context.in));
  ASSIGN_OR_RETURN(const flow::Catalog catalog, CatalogWithTemplates(templates, context.in));
  std::vector<model::FlowPtr> flows;
  for (const FlowText& text : texts) {
    Result<flow::BuiltFlow> built = flow::BuildFlow(text.text, text.file, catalog);
    if (!built) {
      ShiftLines(built.error().violations, text.first_line);
      return Fail(std::move(built.error()));
    }
    flows.push_back(std::move(built->flow));
  }
  return flows;
}

// Renders what can be known before a run; the rest stays as written.
class Preview {
 public:
  explicit Preview(Object context) : context_(std::move(context)), environment_(SystemClock().Now(), 1) {}

  Value Render(const Value& value) {
    if (const json::string* text = value.if_string()) {
      Result<Value> rendered = expr::RenderDeep(value, context_, environment_, true);
      if (rendered) return std::move(*rendered);
      return *text;
    }
    if (const json::array* list = value.if_array()) {
      Array out;
      for (const Value& item : *list) out.push_back(Render(item));
      return out;
    }
    if (const json::object* map = value.if_object()) {
      Object out;
      for (const auto& [key, member] : *map) out[key] = Render(member);
      return out;
    }
    return value;
  }

 private:
  Value context_;
  expr::BasicEnvironment environment_;
};

Result<Object> ContextOf(const model::Flow& flow, const Object& raw, Context& context) {
  Object labels;
  for (const auto& [key, value] : flow.labels) labels[key] = value;
  Object out{{"flow", Object{{"id", flow.id}, {"namespace", flow.ns}, {"revision", flow.revision}}},
             {"labels", std::move(labels)},
             {"vars", flow.variables},
             {"envs", Object()}};
  expr::BasicEnvironment environment(SystemClock().Now(), 1);
  // Nothing is kept of a preview: a secret needs no key, a file stays where it is.
  const flow::InputSeams seams{.encrypt = [](std::string_view) -> Result<std::string> { return "******"; },
                               .store_file = [](const model::InputSpec&, const std::string& given) -> Result<std::string> {
                                 return given;
                               }};
  ASSIGN_OR_RETURN(flow::ResolvedInputs inputs, flow::ResolveInputs(flow, raw, environment, out, seams));
  for (const std::string& name : inputs.undeclared) {
    context.err << Tinted(Tint::kYellow, "warning:", context.err_screen.color) << " the flow declares no input "
                << Printable(name) << '\n';
  }
  out["inputs"] = std::move(inputs.inputs);
  return out;
}

std::string PathOf(const model::Flow& flow, const model::Task& task) {
  return task.parent ? PathOf(flow, flow.task(*task.parent)) + " > " + task.id : task.id;
}

// Commands and scripts as they are, so that a person can run them; everything else as a comment.
void PrintStep(Context& context, const model::Flow& flow, const model::Task& task, const Object& properties) {
  context.out << "\n# --- " << Printable(PathOf(flow, task)) << "  (" << task.type << ")\n";
  Object rest = properties;
  for (const char* key : {"beforeCommands", "commands"}) {
    const auto list = properties.find(key);
    if (list == properties.end() || !list->value().is_array()) continue;
    for (const Value& command : list->value().as_array()) PrintLines(context.out, "", "", ToText(command));
    rest.erase(key);
  }
  if (const auto script = properties.find("script"); script != properties.end()) {
    PrintLines(context.out, "", "", ToText(script->value()));
    rest.erase("script");
  }
  if (!rest.empty()) PrintLines(context.out, "# ", "# ", flow::ToYaml(rest));
}

Result<Array> RenderOne(Context& context, const model::Flow& flow, const Object& raw) {
  ASSIGN_OR_RETURN(Object known, ContextOf(flow, raw, context));
  Preview preview(std::move(known));
  Array steps;
  if (!WantsData(context)) {
    context.out << "# " << flow.ns << '/' << flow.id
                << ": what needs the outputs of tasks or secrets stays as written\n";
  }
  for (const model::Task& task : flow.arena) {
    const Object properties = preview.Render(task.properties).as_object();
    if (WantsData(context)) {
      steps.push_back(Object{{"task", PathOf(flow, task)}, {"type", task.type}, {"properties", properties}});
    } else {
      PrintStep(context, flow, task, properties);
    }
  }
  return steps;
}

}  // namespace

int GraphFlow(Context& context, const std::string& path, const std::vector<std::string>& templates, const std::string& format) {
  const Result<std::vector<model::FlowPtr>> flows = LoadFlows(context, path, templates);
  if (!flows) return PrintError(context, flows.error());
  const flow::GraphFormat drawn = flow::ParseGraphFormat(format).value_or(flow::GraphFormat::kTree);
  for (const model::FlowPtr& flow : *flows) context.out << flow::FlowGraph(*flow, drawn);
  return kExitOk;
}

int RenderFlow(Context& context, const std::string& path, const std::vector<std::string>& templates,
               const std::vector<std::string>& inputs) {
  const Result<Object> raw = ParseInputs(inputs, context.in);
  if (!raw) return PrintError(context, raw.error());
  const Result<std::vector<model::FlowPtr>> flows = LoadFlows(context, path, templates);
  if (!flows) return PrintError(context, flows.error());
  for (const model::FlowPtr& flow : *flows) {
    const Result<Array> steps = RenderOne(context, *flow, *raw);
    if (!steps) return PrintError(context, steps.error());
    if (WantsData(context)) PrintValue(context, *steps);
  }
  return kExitOk;
}

int ShowDocs(Context& context, const std::string& type) {
  const flow::Catalog catalog = BuiltInCatalog();
  if (type.empty()) {
    Listing listing{{{"TYPE"}}};
    for (const std::string& name : catalog.TypeNames()) listing.rows.push_back({name, {{name}}, Object{{"type", name}}});
    PrintListing(context, listing);
    return kExitOk;
  }
  const model::TaskTypeSpec* spec = catalog.Find(type);
  if (spec == nullptr) {
    if (const std::optional<std::string> known = flow::KnownTypeDocs(type)) {
      context.out << *known;
      return kExitOk;
    }
    const std::optional<std::string> meant = catalog.Suggest(type);
    // The last part alone is enough when it is exact.
    if (meant && meant->ends_with("." + type)) spec = catalog.Find(*meant);
    else return PrintError(context, Error{Code::kNotFound, "there is no task type " + type +
                                                               (meant ? "; did you mean " + *meant + "?" : ""), {}});
  }
  context.out << flow::TypeDocs(*spec);
  return kExitOk;
}

int ShowSchema(Context& context) {
  context.out << PrettyJson(flow::JsonSchema(BuiltInCatalog())) << '\n';
  return kExitOk;
}

}  // namespace headrace::cli
