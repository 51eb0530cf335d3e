#include <ostream>
#include <utility>

#include "api/translate.h"
#include "cli/client/flow_client.h"
#include "cli/commands/arguments.h"
#include "cli/commands/flow_verbs.h"
#include "cli/exit_code.h"
#include "cli/output/lines.h"
#include "cli/output/table.h"
#include "common/base/clock.h"

namespace headrace::cli {
namespace {

FlowClient ClientOf(const Context& context) {
  return FlowClient(ConnectTo(context));
}

std::string NameOf(const v1::Flow& flow) { return flow.namespace_() + "/" + flow.id(); }

Object ObjectOf(const v1::Flow& flow) {
  Object out{{"namespace", flow.namespace_()}, {"id", flow.id()}, {"revision", flow.revision()}};
  if (flow.has_created()) out["created"] = FormatInstant(api::FromProto(flow.created()));
  out["digest"] = flow.digest();
  if (!flow.description().empty()) out["description"] = flow.description();
  if (flow.disabled()) out["disabled"] = true;
  return out;
}

Listing ListingOf(const std::vector<v1::Flow>& flows) {
  Listing listing{{{"NAMESPACE"}, {"ID"}, {"REVISION"}, {"AGE"}, {"CREATED", true}, {"DIGEST", true}}};
  const Timestamp now = SystemClock().Now();
  for (const v1::Flow& flow : flows) {
    const Timestamp created = api::FromProto(flow.created());
    const bool known = flow.has_created() && created != Timestamp{};
    listing.rows.push_back({NameOf(flow),
                            {{flow.namespace_()}, {flow.id()}, {std::to_string(flow.revision())},
                             {known ? AgeText(created, now) : "-"}, {known ? FormatInstant(created) : "-"},
                             {flow.digest().substr(0, 12)}},
                            ObjectOf(flow)});
  }
  return listing;
}

Value FullObject(const v1::Flow& flow) {
  Object out = ObjectOf(flow);
  Array inputs;
  for (const v1::Input& input : flow.inputs()) {
    Object to{{"id", input.id()}, {"type", input.type()}, {"required", input.required()}};
    if (const auto value = ParseJson(input.default_json()); value) to["defaults"] = *value;
    inputs.push_back(std::move(to));
  }
  out["inputs"] = std::move(inputs);
  Array tasks;
  for (const v1::TaskOutline& task : flow.tasks()) {
    Object to{{"id", task.id()}, {"type", task.type()}, {"group", task.group()}};
    if (task.has_parent_index()) to["parent"] = flow.tasks(static_cast<int>(task.parent_index())).id();
    tasks.push_back(std::move(to));
  }
  out["tasks"] = std::move(tasks);
  out["source"] = flow.source();
  return out;
}

void PrintFlow(const Context& context, const v1::Flow& flow) {
  context.out << Printable(NameOf(flow)) << "  revision " << flow.revision() << '\n';
  if (!flow.description().empty()) PrintLines(context.out, "", "", flow.description());
  if (flow.inputs_size() > 0) context.out << "\ninputs\n";
  for (const v1::Input& input : flow.inputs()) {
    context.out << "  " << Printable(input.id()) << "  " << input.type();
    if (!input.default_json().empty()) context.out << "  default " << Printable(input.default_json());
    else if (input.required()) context.out << "  required";
    context.out << '\n';
  }
  context.out << "\ntasks\n";
  std::vector<std::size_t> depths;
  for (const v1::TaskOutline& task : flow.tasks()) {
    const std::size_t depth = task.has_parent_index() ? depths.at(task.parent_index()) + 1 : 1;
    depths.push_back(depth);
    context.out << std::string(depth * 2, ' ') << Printable(task.id()) << "  "
                << Tinted(Tint::kDim, Printable(task.type()), context.out_screen.color) << '\n';
  }
}

void PrintWarnings(const Context& context, const FlowText& text, const google::protobuf::RepeatedPtrField<v1::Violation>& warnings) {
  for (const v1::Violation& warning : warnings) {
    const int line = warning.location().line() > 0 ? warning.location().line() + text.first_line - 1 : 0;
    context.err << Tinted(Tint::kYellow, "warning:", context.err_screen.color) << ' '
                << Printable(ToString(Violation{warning.field(), warning.message(), line, warning.location().column(),
                                                text.file}))
                << '\n';
  }
}

Result<v1::Flow> Check(FlowClient& client, const FlowText& text) {
  ASSIGN_OR_RETURN(v1::ValidateFlowResponse response, client.Validate(text.text, text.file));
  if (response.errors_size() == 0) return std::move(*response.mutable_flow());
  Error error{Code::kInvalidArgument, text.file + " is no valid flow", {}};
  for (const v1::Violation& wrong : response.errors()) {
    error.violations.push_back({wrong.field(), wrong.message(), wrong.location().line(), wrong.location().column(),
                                wrong.location().file()});
  }
  return Fail(std::move(error));
}

// All of them before the first is applied: a folder is deployed whole or not at all.
int CheckAll(Context& context, FlowClient& client, const std::vector<FlowText>& texts, std::vector<v1::Flow>& flows) {
  FlowTwins twins;
  int worst = kExitOk;
  for (const FlowText& text : texts) {
    Result<v1::Flow> flow = Check(client, text);
    Status fine;
    if (flow) fine = twins.Add(NameOf(*flow), text);
    else fine = Fail(std::move(flow.error()));
    if (fine) {
      flows.push_back(std::move(*flow));
      continue;
    }
    ShiftLines(fine.error().violations, text.first_line);
    const int code = PrintError(context, fine.error());
    if (worst == kExitOk) worst = code;
    if (code == kExitUnreachable) break;  // the next one would wait as long
  }
  if (worst != kExitOk && worst != kExitUnreachable && texts.size() > 1 && !context.quiet) context.err << "nothing is applied\n";
  return worst;
}

Result<v1::Flow> Apply(Context& context, FlowClient& client, const FlowText& text, std::string* outcome) {
  ASSIGN_OR_RETURN(v1::ApplyFlowResponse response, client.Apply(text.text, text.file));
  *outcome = !response.changed() ? "unchanged" : response.flow().revision() == 1 ? "created" : "updated";
  PrintWarnings(context, text, response.warnings());
  return std::move(*response.mutable_flow());
}

}  // namespace

int ApplyFlows(Context& context, const std::vector<std::string>& paths, bool dry_run) {
  const Result<std::vector<FlowText>> texts = ReadFlowTexts(paths, context.in);
  if (!texts) return PrintError(context, texts.error());
  FlowClient client = ClientOf(context);
  std::vector<v1::Flow> flows;
  if (const int code = CheckAll(context, client, *texts, flows); code != kExitOk) return code;
  Listing listing{{{"FLOW"}, {"REVISION"}, {"OUTCOME"}, {"FILE", true}}};
  int worst = kExitOk;
  for (std::size_t i = 0; i < texts->size() && worst == kExitOk; ++i) {
    const FlowText& text = texts->at(i);
    std::string outcome = "valid";
    if (!dry_run) {
      Result<v1::Flow> applied = Apply(context, client, text, &outcome);
      if (!applied) {
        worst = PrintError(context, applied.error());
        continue;
      }
      flows[i] = std::move(*applied);
    }
    Object object = ObjectOf(flows[i]);
    object["outcome"] = outcome;
    const std::string name = NameOf(flows[i]);
    listing.rows.push_back({name, {{name}, {std::to_string(flows[i].revision())}, {outcome}, {text.file}}, std::move(object)});
  }
  if (!listing.rows.empty() || WantsData(context)) PrintListing(context, listing);
  if (!listing.rows.empty() && !dry_run) {
    PrintTip(context, "start one: " + context.program + " exec start " + listing.rows.front().name + " --watch");
  }
  return worst;
}

int ListFlows(Context& context, const std::string& ns_prefix) {
  const Result<std::vector<v1::Flow>> flows = ClientOf(context).List(ns_prefix);
  if (!flows) return PrintError(context, flows.error());
  PrintListing(context, ListingOf(*flows));
  if (flows->empty()) PrintTip(context, "no flows; deploy some: " + context.program + " flow apply FILE|DIR");
  return kExitOk;
}

int GetFlow(Context& context, const GetFlowArguments& arguments) {
  const Result<FlowName> name = ParseFlowName(arguments.name);
  if (!name) return PrintError(context, name.error());
  FlowClient client = ClientOf(context);
  if (arguments.revisions) {
    const Result<std::vector<v1::Flow>> revisions = client.Revisions(name->ns, name->id);
    if (!revisions) return PrintError(context, revisions.error());
    PrintListing(context, ListingOf(*revisions));
    return kExitOk;
  }
  const Result<v1::Flow> flow = client.Get(name->ns, name->id, arguments.revision);
  if (!flow) return PrintError(context, flow.error());
  if (arguments.source) context.out << flow->source() << (flow->source().ends_with('\n') ? "" : "\n");
  else if (WantsData(context)) PrintValue(context, FullObject(*flow));
  else if (context.output == "name") context.out << NameOf(*flow) << '\n';
  else PrintFlow(context, *flow);
  return kExitOk;
}

}  // namespace headrace::cli
